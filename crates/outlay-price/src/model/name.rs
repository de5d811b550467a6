//! The parts of a model's id.

use crate::{Family, Routing};

/// Splits off the geo prefix. Names hold dots too (`kimi-k2.5`), so only a known prefix is one;
/// an unknown label before a known vendor is a prefix yet unheard of, and gives no routing.
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

/// `us.claude-sonnet-4-5` of `us` and `anthropic.claude-sonnet-4-5-20250929-v1:0`.
pub(super) fn short(routing: Option<Routing>, base: &str) -> String {
    let prefix = match routing {
        Some(Routing::InRegion) | None => "",
        Some(routing) => routing.as_str(),
    };
    let name = base.split_once('.').map_or(base, |(_, name)| name);
    let (name, suffix) = name.split_once(':').unwrap_or((name, ""));
    // `:0` is the revision; what follows it is a context size.
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

/// What is before and after `-20250929`.
fn without_date(name: &str) -> (&str, &str) {
    let bytes = name.as_bytes();
    let date = (0..bytes.len()).find(|&start| {
        bytes[start] == b'-'
            && bytes.get(start + 1..start + 9).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
            && bytes.get(start + 9).is_none_or(|&byte| byte == b'-')
    });
    // The bytes at both ends are ASCII, so these are character boundaries.
    date.map_or((name, ""), |start| (&name[..start], &name[start + 9..]))
}

/// The same model under ever shorter ids: without the context size, the revision, and `-v1`.
pub(crate) fn shorter_ids(base: &str) -> impl Iterator<Item = &str> {
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
