//! The parts of a model id.

use crate::{Family, Routing};

/// Splits off the geo prefix. Names may contain dots too (`kimi-k2.5`), so only a known prefix counts. An unknown label
/// before a known vendor is an unknown prefix, which has no routing.
pub(super) fn split_routing(id: &str) -> (Option<Routing>, &str) {
    let Some((label, rest)) = id.split_once('.') else {
        return (Some(Routing::InRegion), id);
    };
    if let Some(routing) = Routing::from_prefix(label) {
        return (Some(routing), rest);
    }
    let vendor = rest.split_once('.').map(|(vendor, _)| vendor);
    if vendor.is_some_and(Family::is_vendor) && !Family::is_vendor(label) {
        return (None, rest);
    }
    (Some(Routing::InRegion), id)
}

/// Returns the short name, such as `us.claude-sonnet-4-5` for `us` and `anthropic.claude-sonnet-4-5-20250929-v1:0`.
pub(super) fn short(routing: Option<Routing>, base: &str) -> String {
    let prefix = match routing {
        Some(Routing::InRegion) | None => "",
        Some(routing) => routing.as_str(),
    };
    let name = base.split_once('.').map_or(base, |(_, name)| name);
    let (name, suffix) = name.split_once(':').unwrap_or((name, ""));
    // `:0` is the revision. A context size may follow it.
    let (revised, suffix) = match suffix.strip_prefix('0') {
        Some("") => (true, ""),
        Some(rest) if rest.starts_with(':') => (true, &rest[1..]),
        _ => (false, suffix),
    };
    let name = match name.strip_suffix("-v1") {
        Some(name) => name,
        None if revised => name.strip_suffix("-1").unwrap_or(name),
        None => name,
    };
    let (name, version) = without_date(name);
    let mut short = String::with_capacity(prefix.len() + base.len());
    if !prefix.is_empty() {
        short.push_str(prefix);
        short.push('.');
    }
    short.push_str(name);
    short.push_str(version);
    if !suffix.is_empty() {
        short.push(':');
        short.push_str(suffix);
    }
    short
}

/// Returns four normalized forms of a model's name: without vendor and geography, then also without version, without date
/// and without variant. For `us.anthropic.claude-sonnet-4-5-20250929-v1:0` they are `claude-sonnet-4-5-20250929-v1`,
/// `claude-sonnet-4-5-20250929`, `claude-sonnet-4-5` and `claude-sonnet-4-5`. The last one of
/// `Qwen/Qwen3-Next-80B-A3B-Instruct` is `qwen3-next-80b`. Dots, spaces and underscores become hyphens.
pub(crate) fn bare_names(name: &str) -> [String; 4] {
    let name = name.trim().to_ascii_lowercase();
    let mut name = name.rsplit_once('/').map_or(&*name, |(_, last)| last);
    let is_prefix =
        |label: &str| label == "bedrock" || Routing::from_prefix(label).is_some() || Family::is_vendor(label);
    while let Some((_, rest)) = name.split_once(['.', ':']).filter(|(label, _)| is_prefix(label)) {
        name = rest;
    }
    // The suffix is the revision, unless it is a part of the name: `gpt-oss:20b`.
    let (name, is_revised) = match name.split_once([':', '@']) {
        Some((name, rest)) if is_revision(rest) => (name.to_owned(), true),
        Some((name, rest)) => (format!("{name}-{rest}"), false),
        None => (name.to_owned(), false),
    };
    let name = name.strip_suffix("-latest").unwrap_or(&name).replace(['.', ' ', '_'], "-");
    let version = name.rsplit_once("-v").filter(|(_, version)| version.bytes().all(|digit| digit.is_ascii_digit()));
    let unversioned = match version {
        Some((unversioned, _)) => unversioned,
        None if is_revised => name.strip_suffix("-1").unwrap_or(&name),
        None => &name,
    };
    let (before, after) = without_date(unversioned);
    let undated = [before, after].concat();
    let unversioned = unversioned.to_owned();
    let plain = without_variant(&undated).to_owned();
    [name, unversioned, undated, plain]
}

/// Returns the name without suffixes such as `-instruct` or the number of active parameters, `-a3b`.
pub(crate) fn without_variant(name: &str) -> &str {
    let mut plain = name;
    while let Some((before, last)) = plain.rsplit_once('-') {
        let active = last.strip_prefix('a').and_then(|rest| rest.strip_suffix('b'));
        let is_active =
            active.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_active && !matches!(last, "instruct" | "it" | "chat") {
            break;
        }
        plain = before;
    }
    plain
}

/// Returns whether the suffix is a revision: `0`, `0:200k`, `v1`, or a word such as `latest` or `free`.
fn is_revision(rest: &str) -> bool {
    let first = rest.split(':').next().unwrap_or_default();
    let is_number = first.trim_start_matches('v').bytes().all(|byte| byte.is_ascii_digit());
    is_number || !first.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns the parts before and after a date such as `-20250929` or `-2025-09-29`.
fn without_date(name: &str) -> (&str, &str) {
    let bytes = name.as_bytes();
    // Each `d` matches a digit.
    let date_at = |start: usize, pattern: &[u8]| {
        let end = start + pattern.len();
        let is_date = bytes.get(start..end).is_some_and(|found| {
            found.iter().zip(pattern).all(|(byte, expected)| match expected {
                b'd' => byte.is_ascii_digit(),
                expected => byte == expected,
            })
        });
        (is_date && bytes.get(end).is_none_or(|&byte| byte == b'-')).then_some((start, end))
    };
    let date =
        (0..bytes.len()).find_map(|start| date_at(start, b"-dddddddd").or_else(|| date_at(start, b"-dddd-dd-dd")));
    // The bytes at both ends are ASCII, so these are character boundaries.
    date.map_or((name, ""), |(start, end)| (&name[..start], &name[end..]))
}

/// Returns shorter ids of the same model: without the context size, then without the revision, then without `-v1`.
pub fn shorter_ids(base: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(base);
    std::iter::from_fn(move || {
        let id = next?;
        let shorter = match id.rfind(':') {
            Some(colon) => Some(&id[..colon]),
            None => id.strip_suffix("-v1"),
        };
        next = shorter;
        shorter
    })
}
