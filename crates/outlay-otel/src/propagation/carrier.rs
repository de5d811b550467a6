use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

/// A request or a message whose headers or attributes can be read.
///
/// It is implemented for maps from `String` to `String` and for [`http::HeaderMap`].
pub trait ReadCarrier {
    /// Returns the value of `key`, which is in lower case. The values of a repeated key are joined with commas.
    fn get(&self, key: &str) -> Option<Cow<'_, str>>;
}

/// A request or a message whose headers or attributes can be written.
///
/// It is implemented for maps from `String` to `String` and for [`http::HeaderMap`].
pub trait WriteCarrier: ReadCarrier {
    /// Sets the only value of `key`, which is in lower case.
    fn set(&mut self, key: &'static str, value: String);
}

impl<S: BuildHasher> ReadCarrier for HashMap<String, String, S> {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        let in_other_case = || self.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        self.get(key).or_else(in_other_case).map(|value| Cow::Borrowed(&**value))
    }
}

impl<S: BuildHasher> WriteCarrier for HashMap<String, String, S> {
    fn set(&mut self, key: &'static str, value: String) {
        self.retain(|own, _| !own.eq_ignore_ascii_case(key));
        self.insert(key.to_owned(), value);
    }
}

impl ReadCarrier for BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        let in_other_case = || self.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        self.get(key).or_else(in_other_case).map(|value| Cow::Borrowed(&**value))
    }
}

impl WriteCarrier for BTreeMap<String, String> {
    fn set(&mut self, key: &'static str, value: String) {
        self.retain(|own, _| !own.eq_ignore_ascii_case(key));
        self.insert(key.to_owned(), value);
    }
}

impl ReadCarrier for HeaderMap {
    fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        let mut values = self.get_all(key).iter().filter_map(|value| value.to_str().ok());
        let first = values.next()?;
        Some(values.fold(Cow::Borrowed(first), |all, value| Cow::Owned(format!("{all},{value}"))))
    }
}

impl WriteCarrier for HeaderMap {
    fn set(&mut self, key: &'static str, value: String) {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.insert(HeaderName::from_static(key), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_replaced_in_any_case() {
        fn check(mut carrier: impl WriteCarrier) {
            assert_eq!(carrier.get("baggage").as_deref(), Some("a=1"));
            carrier.set("baggage", "b=2".to_owned());
            assert_eq!(carrier.get("baggage").as_deref(), Some("b=2"));
            assert_eq!(carrier.get("traceparent"), None);
        }
        let entry = || ("Baggage".to_owned(), "a=1".to_owned());
        check(HashMap::from([entry()]));
        check(BTreeMap::from([entry()]));
        check(HeaderMap::from_iter([(HeaderName::from_static("baggage"), HeaderValue::from_static("a=1"))]));
    }

    #[test]
    fn the_values_of_a_repeated_header_are_joined() {
        let mut headers = HeaderMap::new();
        for value in ["a=1", "b=2"] {
            headers.append("baggage", HeaderValue::from_static(value));
        }
        headers.append("baggage", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(ReadCarrier::get(&headers, "baggage").as_deref(), Some("a=1,b=2"));
        headers.set("baggage", "c=3".to_owned());
        assert_eq!(headers.get_all("baggage").iter().count(), 1);
        // A value that no header can have is left out.
        headers.set("baggage", "\n".to_owned());
        assert_eq!(ReadCarrier::get(&headers, "baggage").as_deref(), Some("c=3"));
    }
}
