//! The key of the session that the calls of a workflow share: the role, the session's name and its tags.

use std::sync::Arc;

use super::role_settings::RoleSettings;
use super::workflow::Workflow;
use crate::sts::stable_hash;

/// The lengths that STS accepts.
const SESSION_NAME: std::ops::RangeInclusive<usize> = 2..=64;
/// The maximum number of tags.
const MAX_TAGS: usize = 50;
/// The maximum number of characters of a tag's key and of its value.
const MAX_TAG: (usize, usize) = (128, 256);

/// The role, session name and tags, which determine the credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionKey {
    pub(super) role: Arc<str>,
    pub(super) session: String,
    pub(super) tags: Vec<(String, String)>,
}

impl SessionKey {
    /// Returns the key for the calls of a workflow, or `None` for the client's own credentials.
    pub(super) fn of(workflow: &Workflow<'_>, settings: &RoleSettings) -> Option<Self> {
        let role = settings.choose.role(workflow)?;
        // A web identity has the tags of its token.
        let keys = if settings.token_file.is_some() { &[] } else { settings.tags.as_slice() };
        let mut tags = Vec::<(String, String)>::with_capacity(keys.len());
        for key in keys {
            let Some(value) = workflow.dimension(key) else { continue };
            let (key, value) = (tag_key(key), tag_text(value, MAX_TAG.1));
            // STS treats keys that differ only in case as the same.
            if tags.len() < MAX_TAGS && tags.iter().all(|(known, _)| known.to_lowercase() != key.to_lowercase()) {
                tags.push((key, value));
            }
        }
        Some(Self { role, session: session_name(workflow.name()), tags })
    }
}

/// Returns a session name that STS accepts. A changed name ends with a hash, so that it differs from other names that
/// change in the same way.
fn session_name(workflow: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if SESSION_NAME.contains(&workflow.len()) && workflow.chars().all(is_allowed) {
        return workflow.to_owned();
    }
    let hash = format!("-{:08x}", stable_hash(workflow) & 0xffff_ffff);
    let allowed = workflow.chars().map(|c| if is_allowed(c) { c } else { '-' });
    allowed.take(SESSION_NAME.end() - hash.len()).chain(hash.chars()).collect()
}

fn tag_key(key: &str) -> String {
    let key = tag_text(key, MAX_TAG.0);
    let is_reserved = key.is_empty() || key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if is_reserved { tag_text(&format!("_{key}"), MAX_TAG.0) } else { key }
}

fn tag_text(text: &str, most: usize) -> String {
    text.chars().map(|c| if is_allowed_in_tags(c) { c } else { '_' }).take(most).collect()
}

/// STS accepts `[\p{L}\p{Z}\p{N}_.:/=+\-@]`.
fn is_allowed_in_tags(c: char) -> bool {
    let is_separator = c.is_whitespace() && !c.is_control();
    is_letter(c) || is_separator || c.is_numeric() || "_.:/=+-@".contains(c)
}

/// The standard library counts marks and circled letters as alphabetic, but identifiers do not start with them. Two
/// vowels are letters although identifiers do not start with them.
fn is_letter(c: char) -> bool {
    let begins = unicode_ident::is_xid_start(c) && !('\u{1885}'..='\u{1886}').contains(&c);
    c.is_alphabetic() && (begins || matches!(c, '\u{0e33}' | '\u{0eb3}'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use outlay_ledger::Dimensions;
    use regex_syntax::hir::{Class, ClassUnicode, HirKind};

    use super::super::choose_role::ChooseRole;
    use super::*;

    fn settings(choose: ChooseRole, tags: &[&str]) -> RoleSettings {
        RoleSettings {
            choose,
            tags: tags.iter().map(|tag| Arc::from(*tag)).collect(),
            duration: Duration::from_secs(3_600),
            max_wait: Duration::from_secs(5),
            token_file: None,
        }
    }

    #[test]
    fn any_workflow_name_becomes_a_valid_session_name() {
        assert_eq!(session_name("tickets"), "tickets");
        assert_eq!(session_name("resolve ticket: Grüße/7"), "resolve-ticket--Gr--e-7-02d3cf74");
        assert_eq!((session_name("w").as_str(), session_name("").as_str()), ("w-86020456", "-84222325"));
        assert_eq!(session_name(&"ü".repeat(500)), format!("{}-3050de85", "-".repeat(55)));
    }

    #[test]
    fn changed_session_names_stay_distinct() {
        let long = "a".repeat(70);
        let cut = (format!("{long}1"), format!("{long}2"));
        for (one, other) in [("世", "界"), ("a b", "a/b"), ("a b", "a-b"), (cut.0.as_str(), cut.1.as_str())] {
            assert_ne!(session_name(one), session_name(other), "{one} {other}");
        }
        assert_eq!(session_name(&cut.0).len(), 64);
        assert_eq!(session_name(&"a".repeat(64)), "a".repeat(64), "it fits");
    }

    #[test]
    fn tag_characters_are_nearly_all_that_sts_accepts() {
        let class = |pattern: &str| match regex_syntax::parse(pattern).unwrap().into_kind() {
            HirKind::Class(Class::Unicode(class)) => class,
            _ => panic!("{pattern}"),
        };
        let holds = |class: &ClassUnicode, c: char| {
            let at = class.ranges().partition_point(|range| range.end() < c);
            class.ranges().get(at).is_some_and(|range| range.start() <= c)
        };
        let (of_sts, newer) = (class(r"[\p{L}\p{Z}\p{N}_.:/=+\-@]"), class(r"\p{Cn}"));
        let sts_accepts = |c: char| holds(&of_sts, c);
        // Characters that are newer than this table cannot be checked.
        let too_many = ('\0'..=char::MAX).filter(|c| is_allowed_in_tags(*c) && !sts_accepts(*c) && !holds(&newer, *c));
        assert_eq!(too_many.collect::<String>(), "");
        let left_out = ('\0'..=char::MAX).filter(|c| !is_allowed_in_tags(*c) && sts_accepts(*c)).count();
        assert!(left_out < 100, "{left_out}, of the forms that a text has before it is normalized");
        for mark in ['\u{093f}', '\u{0e31}', '\u{064b}', 'ⓐ'] {
            assert!(!is_allowed_in_tags(mark) && mark.is_alphanumeric());
        }
    }

    #[test]
    fn hostile_dimensions_become_valid_tags() {
        let mut dimensions = Dimensions::default();
        dimensions.set_named("team", "a\"b<c>&{d}\u{202e}");
        dimensions.set_named("aws:tenant", "reserved");
        dimensions.set_named("Tenant", "first");
        dimensions.set_named("tenant", "second");
        dimensions.set_named("owner", &"ß".repeat(1_000));
        let mut choose = ChooseRole::default();
        choose.set_default("r");
        let keys = ["team", "aws_tenant", "Tenant", "tenant", "owner", "unset"];
        let workflow = Workflow { task: "t", dimensions: &dimensions };
        let session_key = SessionKey::of(&workflow, &settings(choose.clone(), &keys)).unwrap();
        let tags: Vec<_> = session_key.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let owner = "ß".repeat(256);
        let expected =
            [("team", "a_b_c___d__"), ("aws_tenant", "reserved"), ("Tenant", "first"), ("owner", owner.as_str())];
        assert_eq!(tags, expected);
        assert_eq!((tag_key("AWS:x").as_str(), tag_key("").as_str()), ("_AWS:x", "_"));
        assert_eq!(tag_key(&"k".repeat(300)).len(), 128);
        let many: Vec<_> = (0..100).map(|n| format!("team{n}")).collect();
        let mut all = Dimensions::default();
        many.iter().for_each(|key| all.set_named(key, "x"));
        let keys: Vec<_> = many.iter().map(String::as_str).collect();
        let workflow = Workflow { task: "t", dimensions: &all };
        assert!(SessionKey::of(&workflow, &settings(choose, &keys)).unwrap().tags.len() <= 50);
    }
}
