//! URLs in messages.

use std::borrow::Cow;

/// Returns a URL without the user name and password before its host.
pub(crate) fn without_userinfo(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => url.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userinfo_is_removed_and_the_rest_of_the_url_stays() {
        for (url, expected) in [
            ("https://otel:secret@collector:4317", "https://collector:4317"),
            ("http://a:b@c:d@host/v1/traces?x=@y", "http://host/v1/traces?x=@y"),
            ("http://host/path@home", "http://host/path@home"),
            ("http://token@host", "http://host"),
            ("host:4317", "host:4317"),
            ("", ""),
        ] {
            assert_eq!(without_userinfo(url), expected);
        }
    }
}
