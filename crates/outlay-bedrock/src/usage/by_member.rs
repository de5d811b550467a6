//! Reads an object member by member. Each name has its own meaning.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::positive_number::{FoundNumber, Positive};

/// A type that is read from an object, one member at a time.
pub(super) trait ByMember: Default {
    /// The type that a member's name is read as.
    type Name: DeserializeOwned;

    /// Reads the value under a name.
    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: Self::Name, map: &mut A) -> Result<(), A::Error>;

    /// Takes in a positive number in place of the object.
    fn number_instead(&mut self, found: &FoundNumber);
}

/// Reads an object. Anything else is read as an empty one and is never an error: one malformed field must not lose
/// the others.
pub(super) fn read<'de, T: ByMember, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(ByMemberVisitor(PhantomData))
}

struct ByMemberVisitor<T>(PhantomData<T>);

fn instead<T: ByMember>(Positive(found): Positive) -> T {
    let mut value = T::default();
    if let Some(found) = found {
        value.number_instead(&found);
    }
    value
}

impl<'de, T: ByMember> Visitor<'de> for ByMemberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        while let Some(name) = map.next_key()? {
            value.read_member(name, &mut map)?;
        }
        Ok(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let mut first = Positive::default();
        while let Some(next) = seq.next_element::<Positive>()? {
            first = Positive(first.0.or(next.0));
        }
        Ok(instead(first))
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<T, E> {
        Ok(instead(Positive::of_u64(n)))
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<T, E> {
        Ok(instead(Positive::of_u64(u64::try_from(n).unwrap_or(0))))
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<T, E> {
        Ok(instead(Positive::of_f64(n)))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

/// Implements `Deserialize` for types that are read member by member.
macro_rules! deserialize {
    ($($type:ty),*) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::usage::by_member::read(deserializer)
            }
        }
    )*};
}
pub(super) use deserialize;
