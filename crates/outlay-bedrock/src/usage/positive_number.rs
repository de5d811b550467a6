use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The first positive number in any JSON. If the meaning of a value is unknown, this is what may be billed. Zero,
/// `null`, text and empty values are none.
#[derive(Clone, Debug, Default)]
pub(super) struct Positive(pub(super) Option<FoundNumber>);

/// A positive number and its path.
#[derive(Clone, Debug)]
pub(super) struct FoundNumber {
    /// The names on the path to it, each after a dot.
    pub(super) path: String,
    /// The number, rounded up.
    pub(super) count: u64,
}

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PositiveVisitor)
    }
}

struct PositiveVisitor;

impl Positive {
    pub(super) const fn of_u64(count: u64) -> Self {
        Self(if count == 0 { None } else { Some(FoundNumber { path: String::new(), count }) })
    }

    pub(super) fn of_f64(n: f64) -> Self {
        Self::of_u64(if n > 0.0 { n.ceil() as u64 } else { 0 })
    }
}

impl<'de> Visitor<'de> for PositiveVisitor {
    type Value = Positive;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Positive, E> {
        Ok(Positive::of_u64(n))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Positive, E> {
        Ok(Positive::of_u64(u64::try_from(n).unwrap_or(0)))
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<Positive, E> {
        Ok(Positive::of_f64(n))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Positive, E> {
        Ok(Positive(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Positive, E> {
        Ok(Positive(None))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Positive, E> {
        Ok(Positive(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Positive, A::Error> {
        let mut first = None;
        while let Some((name, Positive(inner))) = map.next_entry::<String, Positive>()? {
            first =
                first.or_else(|| inner.map(|inner| FoundNumber { path: format!(".{name}{}", inner.path), ..inner }));
        }
        Ok(Positive(first))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Positive, A::Error> {
        let mut first = None;
        while let Some(Positive(inner)) = seq.next_element()? {
            first = first.or(inner);
        }
        Ok(Positive(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_positive_number_counts_at_any_depth() {
        let read = |json: &str| serde_json::from_str::<Positive>(json).unwrap().0.map(|f| (f.path, f.count));
        for nothing in ["0", "-3", "0.0", "null", "true", "\"7\"", "{}", "[]", r#"{"a":0,"b":[null,"x"]}"#] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        assert_eq!(read("7"), Some((String::new(), 7)));
        assert_eq!(read("0.5"), Some((String::new(), 1)));
        assert_eq!(read(r#"{"a":0,"b":{"c":[0,3]}}"#), Some((".b.c".to_owned(), 3)));
    }
}
