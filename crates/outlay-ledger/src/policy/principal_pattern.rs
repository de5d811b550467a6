//! Patterns of the principals that calls are signed with.

use std::borrow::Cow;

/// Returns a role, or a pattern of roles, in the form that STS reports: without its path and session. Other texts are
/// returned unchanged.
pub(super) fn without_path(arn: &str) -> Cow<'_, str> {
    const SESSION: &str = ":assumed-role/";
    const ROLE: &str = ":role/";
    if let Some((owner, session)) = arn.split_once(SESSION) {
        let role = session.split('/').next().unwrap_or_default();
        let owner = owner.replace(":sts:", ":iam:");
        return Cow::Owned(format!("{owner}{ROLE}{role}"));
    }
    match arn.split_once(ROLE) {
        Some((owner, role)) => match role.rsplit_once('/') {
            // `role/path/*` without its path would match every role.
            Some((_, name)) if !is_any_name(name) => Cow::Owned(format!("{owner}{ROLE}{name}")),
            _ => Cow::Borrowed(arn),
        },
        None => Cow::Borrowed(arn),
    }
}

/// Returns whether a pattern selects roles only by their path, so that it matches no principal that STS reports.
pub(super) fn is_path_only(arn: &str) -> bool {
    let name = arn.split_once(":role/").and_then(|(_, role)| role.rsplit_once('/'));
    name.is_some_and(|(_, name)| is_any_name(name))
}

fn is_any_name(name: &str) -> bool {
    name.chars().all(|c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_the_form_that_sts_reports() {
        for (arn, expected) in [
            ("arn:aws:iam::1:role/service/prod-a", "arn:aws:iam::1:role/prod-a"),
            ("arn:aws:iam::*:role/a/b/prod-*", "arn:aws:iam::*:role/prod-*"),
            ("arn:aws:sts::1:assumed-role/prod-a/i-0a1b", "arn:aws:iam::1:role/prod-a"),
            ("arn:aws:sts::*:assumed-role/prod-*/*", "arn:aws:iam::*:role/prod-*"),
            ("arn:aws:sts::1:assumed-role/prod-a", "arn:aws:iam::1:role/prod-a"),
            ("arn:*:assumed-role/prod-*", "arn:*:role/prod-*"),
        ] {
            assert_eq!(without_path(arn), expected);
        }
        for same in
            ["arn:aws:iam::1:role/prod-a", "arn:aws:iam::1:user/division/ana", "arn:aws:iam::*:role/prod/*", "*", "ana"]
        {
            assert_eq!(without_path(same), same);
        }
        assert!(is_path_only("arn:aws:iam::*:role/prod/*") && is_path_only("arn:aws:iam::1:role/prod/"));
        assert!(!is_path_only("arn:aws:iam::*:role/*") && !is_path_only("arn:aws:iam::1:user/prod/*"));
    }
}
