//! Reads a `usage` object.

use std::fmt;

use outlay_price::{Unit, UnitCount};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::member_names::{Name, Whole};
use super::{Lifetime, Member, Members};
use crate::usage::by_member::{self, ByMember};
use crate::usage::doubts::{Doubts, clipped};
use crate::usage::iterations::{Inferences, Iteration};
use crate::usage::lenient::{Count, List, Text};
use crate::usage::positive_number::{FoundNumber, Positive};

/// The positive counts of server-side tools, by name.
#[derive(Default)]
struct Tools(Vec<(String, u64)>);

impl ByMember for Tools {
    type Name = String;

    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        if let Positive(Some(found)) = map.next_value()? {
            self.0.push((clipped(&format!("{name}{}", found.path), 64), found.count));
        }
        Ok(())
    }

    fn number_instead(&mut self, found: &FoundNumber) {
        self.0.push((clipped(&found.path, 64), found.count));
    }
}

/// A member's name: its meaning, or the name itself if it is not listed.
pub(in crate::usage) enum Key {
    Listed(Name),
    Details(Whole, String),
    Unlisted(String),
}

impl Key {
    pub(in crate::usage) fn of(name: &str) -> Self {
        match Name::of(name) {
            Some(Name::Details(whole)) => Self::Details(whole, name.to_owned()),
            Some(listed) => Self::Listed(listed),
            None => Self::Unlisted(name.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Key, E> {
                Ok(Key::of(name))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Usage { mut members, iterations } = by_member::read(deserializer)?;
        members.inferences = Inferences::of(iterations);
        Ok(members)
    }
}

#[derive(Default)]
struct Usage {
    members: Members,
    iterations: Vec<Iteration>,
}

impl ByMember for Usage {
    type Name = Key;

    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: Key, map: &mut A) -> Result<(), A::Error> {
        self.members.read_value(name, map, &mut self.iterations)
    }

    fn number_instead(&mut self, _: &FoundNumber) {}
}

impl Members {
    /// Reads the value under a name.
    pub(in crate::usage) fn read_value<'de, A: MapAccess<'de>>(
        &mut self,
        name: Key,
        map: &mut A,
        iterations: &mut Vec<Iteration>,
    ) -> Result<(), A::Error> {
        let listed = match name {
            Key::Listed(listed) => listed,
            Key::Details(whole, name) => {
                self.record_details(&name, whole, &map.next_value()?);
                return Ok(());
            }
            Key::Unlisted(name) => {
                if let Positive(Some(found)) = map.next_value()? {
                    self.doubts.add_unlisted(&name, &found);
                }
                return Ok(());
            }
        };
        match listed {
            Name::Number(member) => self.record(member, map.next_value()?),
            Name::CachedPart => {
                let cached: Count = map.next_value()?;
                self.input_is_split |= cached.0 > Some(0);
                self.record(Member::CacheRead, cached);
            }
            Name::CacheCreation => self.record_cache_creation(map.next_value()?),
            Name::CacheDetails => self.record_lifetimes(map.next_value::<List<Lifetime>>()?.0),
            Name::Iterations => iterations.extend(map.next_value::<List<Iteration>>()?.0),
            Name::ServerTools => self.record_tools(map.next_value()?),
            Name::BilledUnits => self.record_billed_units(&map.next_value()?),
            Name::Details(_) | Name::Repetition => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    fn record_tools(&mut self, tools: Tools) {
        for (name, count) in tools.0 {
            self.units.add(UnitCount::new(Unit::ServerToolUse, count).with_word(name));
        }
    }

    pub(super) fn record_cache_creation(&mut self, CacheCreation(lifetimes, doubts): CacheCreation) {
        self.record_lifetimes(lifetimes);
        self.doubts.extend(&doubts);
    }

    /// Takes in Cohere's counts.
    pub(in crate::usage) fn record_billed_units(&mut self, billed: &BilledUnits) {
        self.record(Member::Input, billed.input_tokens);
        self.record(Member::Output, billed.output_tokens);
        self.searches = billed.searches.or(self.searches);
        self.doubts.extend(&billed.doubts);
    }
}

/// Cohere's counts.
#[derive(Clone, Debug, Default)]
pub(in crate::usage) struct BilledUnits {
    input_tokens: Count,
    output_tokens: Count,
    pub(in crate::usage) searches: Option<u64>,
    doubts: Doubts,
}

impl ByMember for BilledUnits {
    type Name = String;

    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "input_tokens" => self.input_tokens = map.next_value()?,
            "output_tokens" => self.output_tokens = map.next_value()?,
            "search_units" => self.searches = map.next_value::<Count>()?.0,
            _ => {
                if let Positive(Some(found)) = map.next_value()? {
                    self.doubts.add_unlisted(&format!("billed_units.{name}"), &found);
                }
            }
        }
        Ok(())
    }

    fn number_instead(&mut self, found: &FoundNumber) {
        self.doubts.add_unlisted("billed_units", found);
    }
}

/// `{"ephemeral_5m_input_tokens": 10, ...}`
#[derive(Default)]
pub(super) struct CacheCreation(Vec<Lifetime>, Doubts);

impl ByMember for CacheCreation {
    type Name = String;

    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        match name.strip_prefix("ephemeral_").and_then(|rest| rest.strip_suffix("_input_tokens")) {
            Some(ttl @ ("5m" | "30m" | "1h")) => {
                let ttl = Text(Some(ttl.to_owned()));
                self.0.push(Lifetime { ttl, input_tokens: map.next_value()? });
            }
            _ => {
                if let Positive(Some(found)) = map.next_value()? {
                    self.1.add_unlisted(&format!("cache_creation.{name}"), &found);
                }
            }
        }
        Ok(())
    }

    fn number_instead(&mut self, found: &FoundNumber) {
        self.1.add_unlisted("cache_creation", found);
    }
}

by_member::deserialize!(Tools, BilledUnits, CacheCreation);
