use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::positive_number::Positive;

/// A token count that may be missing or have another JSON type: an integer, a float without a fraction, or either as
/// text. Anything else is not a count, and never an error: one malformed field must not lose the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) Option<u64>, Malformed);

/// Whether there was a number that is not a count: a negative one, or one in an object or array.
type Malformed = bool;

impl Count {
    /// Returns the count for a whole number.
    pub(super) fn of_i64(n: i64) -> Self {
        number(u64::try_from(n).ok())
    }

    /// Returns the count, with zero if it is missing.
    pub(super) fn or_zero(self) -> Self {
        Self(self.0.or(Some(0)), self.1)
    }

    /// Returns whether there was a number that is not a count.
    pub(super) const fn is_malformed(self) -> bool {
        self.1
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token count")
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Self::Value, E> {
        Ok(Count(Some(n), false))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Self::Value, E> {
        Ok(number(u64::try_from(n).ok()))
    }

    fn visit_f64<E: de::Error>(self, n: f64) -> Result<Self::Value, E> {
        Ok(number(whole(n)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Count(parse(text), false))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Count::default())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Count::default())
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Count::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut malformed = false;
        while let Some((_, found)) = map.next_entry::<IgnoredAny, Positive>()? {
            malformed |= found.0.is_some();
        }
        Ok(Count(None, malformed))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut malformed = false;
        while let Some(found) = seq.next_element::<Positive>()? {
            malformed |= found.0.is_some();
        }
        Ok(Count(None, malformed))
    }
}

fn number(count: Option<u64>) -> Count {
    Count(count, count.is_none())
}

/// Returns the count in a text.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
}

/// Doubles represent whole numbers exactly up to 2^53, which no token count comes near.
fn whole(n: f64) -> Option<u64> {
    (n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&n)).then_some(n as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_from_several_json_types() {
        let read = |json: &str| serde_json::from_str::<Count>(json).unwrap().0;
        assert_eq!(read("12"), Some(12));
        assert_eq!(read("12.0"), Some(12));
        assert_eq!(read("\"12\""), Some(12));
        assert_eq!(read("\" 12.0 \""), Some(12));
        for none in ["-1", "1.5", "null", "true", "{\"a\":[1]}", "[12]", "\"many\"", "\"\"", "1e300"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
