//! Reads a `usage` object.

use std::fmt;

use outlay_price::{Unit, UnitCount};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::names::{NAMES, Name};
use super::{Lifetime, Member, Members};
use crate::usage::doubts::{Doubts, clipped};
use crate::usage::iterations::{Inferences, Iteration};
use crate::usage::lenient::{Count, List, Object, Text};
use crate::usage::positive::Positive;

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
    cache_write_tokens: Count,
    reasoning_tokens: Count,
    thinking_tokens: Count,
    audio_tokens: Count,
}

/// The positive counts of tools that the server ran, by their names.
#[derive(Clone, Default)]
struct Tools(Vec<(String, u64)>);

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ToolsVisitor;
        impl<'de> Visitor<'de> for ToolsVisitor {
            type Value = Tools;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("counts by tool")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tools, A::Error> {
                let mut tools = Vec::new();
                while let Some((name, positive)) = map.next_entry::<String, Positive>()? {
                    if let Some(found) = positive.0 {
                        tools.push((clipped(&format!("{name}{}", found.path), 64), found.count));
                    }
                }
                Ok(Tools(tools))
            }
        }
        deserializer.deserialize_map(ToolsVisitor)
    }
}

/// A member's name: what it stands for, or the name itself where it is not on the list.
pub(in crate::usage) struct Key(Result<Name, String>);

impl Key {
    pub(in crate::usage) fn of(name: &str) -> Self {
        let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, meaning)| *meaning);
        // Details split a count that stands beside them.
        let known = known.or_else(|| name.ends_with("_details").then_some(Name::Repetition));
        Self(known.ok_or_else(|| name.to_owned()))
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
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a usage object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        let mut iterations = Vec::new();
        while let Some(key) = map.next_key()? {
            members.read_value(key, &mut map, &mut iterations)?;
        }
        members.inferences = Inferences::of(iterations);
        Ok(members)
    }
}

impl Members {
    /// Reads the value that stands under a name.
    pub(in crate::usage) fn read_value<'de, A: MapAccess<'de>>(
        &mut self,
        Key(name): Key,
        map: &mut A,
        iterations: &mut Vec<Iteration>,
    ) -> Result<(), A::Error> {
        match name {
            Ok(Name::Number(member)) => self.told(member, map.next_value()?),
            Ok(Name::InputDetails) => {
                if let Object(Some(details)) = map.next_value::<Object<Details>>()? {
                    self.input_is_split = true;
                    self.told_details(&details);
                }
            }
            Ok(Name::OutputDetails) => {
                let Object(details) = map.next_value()?;
                self.told_output_details(&details.unwrap_or_default());
            }
            Ok(Name::CacheCreation) => {
                let Object(split) = map.next_value::<Object<CacheCreation>>()?;
                let CacheCreation(lifetimes, doubts) = split.unwrap_or_default();
                self.told_lifetimes(lifetimes);
                self.doubts.extend(&doubts);
            }
            Ok(Name::CacheDetails) => self.told_lifetimes(map.next_value::<List<Lifetime>>()?.0),
            Ok(Name::Iterations) => iterations.extend(map.next_value::<List<Iteration>>()?.0),
            Ok(Name::ServerTools) => {
                let Object(tools) = map.next_value::<Object<Tools>>()?;
                self.told_units(tools.unwrap_or_default());
            }
            Ok(Name::BilledUnits) => {
                let Object(billed) = map.next_value::<Object<BilledUnits>>()?;
                self.told_billed_units(&billed.unwrap_or_default());
            }
            Ok(Name::Repetition) => drop(map.next_value::<IgnoredAny>()?),
            Err(name) => {
                if let Positive(Some(found)) = map.next_value()? {
                    self.doubts.add_unlisted(&name, &found);
                }
            }
        }
        Ok(())
    }

    fn told_units(&mut self, tools: Tools) {
        for (name, count) in tools.0 {
            self.units.add(UnitCount::new(Unit::ServerToolUse, count).with_word(name));
        }
    }

    fn told_details(&mut self, details: &Details) {
        self.told(Member::CacheRead, details.cached_tokens);
        self.told(Member::CacheWrite, details.cache_write_tokens);
        self.told_audio(details);
    }

    fn told_output_details(&mut self, details: &Details) {
        self.told(Member::Reasoning, details.reasoning_tokens);
        self.told(Member::Reasoning, details.thinking_tokens);
        self.told_audio(details);
    }

    /// All other details split a count that has its price; audio may have one of its own.
    fn told_audio(&mut self, details: &Details) {
        if let Some(audio) = details.audio_tokens.0.filter(|audio| *audio > 0) {
            self.doubts.add(|| format!("usage has {audio} tokens of audio, which are priced as text"));
        }
    }

    /// Cohere's counts.
    pub(in crate::usage) fn told_billed_units(&mut self, billed: &BilledUnits) {
        self.told(Member::Input, billed.input_tokens);
        self.told(Member::Output, billed.output_tokens);
        self.searches = billed.searches.or(self.searches);
        self.doubts.extend(&billed.doubts);
    }
}

/// Cohere's.
#[derive(Clone, Debug, Default)]
pub(in crate::usage) struct BilledUnits {
    input_tokens: Count,
    output_tokens: Count,
    pub(in crate::usage) searches: Option<u64>,
    doubts: Doubts,
}

impl<'de> Deserialize<'de> for BilledUnits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnitsVisitor;
        impl<'de> Visitor<'de> for UnitsVisitor {
            type Value = BilledUnits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("billed units")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BilledUnits, A::Error> {
                let mut units = BilledUnits::default();
                while let Some(name) = map.next_key::<String>()? {
                    match &*name {
                        "input_tokens" => units.input_tokens = map.next_value()?,
                        "output_tokens" => units.output_tokens = map.next_value()?,
                        "search_units" => units.searches = map.next_value::<Count>()?.0,
                        _ => {
                            if let Positive(Some(found)) = map.next_value()? {
                                units.doubts.add_unlisted(&format!("billed_units.{name}"), &found);
                            }
                        }
                    }
                }
                Ok(units)
            }
        }
        deserializer.deserialize_map(UnitsVisitor)
    }
}

/// `{"ephemeral_5m_input_tokens": 10, ...}`
#[derive(Clone, Default)]
struct CacheCreation(Vec<Lifetime>, Doubts);

impl<'de> Deserialize<'de> for CacheCreation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SplitVisitor;
        impl<'de> Visitor<'de> for SplitVisitor {
            type Value = CacheCreation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("cache writes by lifetime")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CacheCreation, A::Error> {
                let mut split = CacheCreation::default();
                while let Some(name) = map.next_key::<String>()? {
                    let ttl = name.strip_prefix("ephemeral_").and_then(|rest| rest.strip_suffix("_input_tokens"));
                    match ttl {
                        Some(ttl @ ("5m" | "30m" | "1h")) => {
                            let ttl = Text(Some(ttl.to_owned()));
                            split.0.push(Lifetime { ttl, input_tokens: map.next_value()? });
                        }
                        _ => {
                            if let Positive(Some(found)) = map.next_value()? {
                                split.1.add_unlisted(&format!("cache_creation.{name}"), &found);
                            }
                        }
                    }
                }
                Ok(split)
            }
        }
        deserializer.deserialize_map(SplitVisitor)
    }
}
