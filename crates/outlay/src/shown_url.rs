//! Addresses that are told.

use std::borrow::Cow;

/// An address without the name and the password before its host.
pub(crate) fn without_userinfo(address: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = address.split_once("://") else { return address.into() };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_its_password() {
        for (address, told) in [
            ("https://otel:secret@collector:4317", "https://collector:4317"),
            ("http://a:b@c:d@host/v1/traces?x=@y", "http://host/v1/traces?x=@y"),
            ("http://host/path@home", "http://host/path@home"),
            ("http://token@host", "http://host"),
            ("host:4317", "host:4317"),
            ("", ""),
        ] {
            assert_eq!(without_userinfo(address), told);
        }
    }
}
