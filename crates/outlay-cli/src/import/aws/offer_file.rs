//! The parts of a bulk offer file that prices need.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfferFile<'a> {
    pub(super) offer_code: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) publication_date: String,
    #[serde(borrow)]
    pub(super) products: Pairs<&'a RawValue>,
    #[serde(borrow)]
    pub(super) terms: Pairs<&'a RawValue>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Term<'a> {
    #[serde(default)]
    pub(super) effective_date: Option<String>,
    #[serde(borrow, default)]
    pub(super) price_dimensions: Pairs<&'a RawValue>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dimension {
    #[serde(default)]
    pub(super) unit: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) begin_range: Option<String>,
    #[serde(default)]
    pub(super) price_per_unit: Pairs<String>,
}

/// The pairs of an object as written, including duplicate keys.
pub(super) struct Pairs<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs<T>, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object(PhantomData))
    }
}
