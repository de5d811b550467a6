//! The members of a `usage` object, whichever family wrote it.
//!
//! This is the one list of the names that mean something. A positive number by any other name is told by its name, and
//! makes the figure an estimate: it may be a part of the bill that this version has not heard of.

use std::fmt;

use outlay_price::{Unit, UnitCount, Units};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::doubts::{Doubts, clipped};
use super::iterations::Iteration;
use super::lenient::{Count, List, Object, Text};
use super::positive::Positive;

/// A number that a `usage` object may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// Input by a name that leaves the cache out, in most families.
    Input,
    /// Input by a name that includes the cache.
    Prompt,
    /// Output.
    Output,
    /// Input and output.
    Total,
    /// Input that the cache served.
    CacheRead,
    /// Input that the cache stored, for whatever lifetime.
    CacheWrite,
    /// Input that was stored for five minutes.
    CacheWrite5m,
    /// Input that was stored for thirty minutes.
    CacheWrite30m,
    /// Input that was stored for an hour.
    CacheWrite1h,
    /// Input that the cache did not serve.
    CacheMiss,
    /// Output that is reasoning.
    Reasoning,
}

/// What a name in a `usage` object stands for.
#[derive(Clone, Copy)]
pub(super) enum Name {
    Number(Member),
    /// Splits the input, and so tells that it includes the cache.
    InputDetails,
    OutputDetails,
    /// Anthropic's split of cache writes by lifetime.
    CacheCreation,
    /// Converse's.
    CacheDetails,
    Iterations,
    ServerTools,
    /// Cohere's.
    BilledUnits,
    /// Repeats what another member says, or counts nothing that is billed.
    Repetition,
}

/// Anthropic, OpenAI (Chat Completions and Responses), Nova and Converse, Kimi, DeepSeek, Cohere, xAI.
const NAMES: &[(&str, Name)] = &[
    ("input_tokens", Name::Number(Member::Input)),
    ("inputTokens", Name::Number(Member::Input)),
    ("prompt_tokens", Name::Number(Member::Prompt)),
    ("output_tokens", Name::Number(Member::Output)),
    ("outputTokens", Name::Number(Member::Output)),
    ("completion_tokens", Name::Number(Member::Output)),
    ("total_tokens", Name::Number(Member::Total)),
    ("totalTokens", Name::Number(Member::Total)),
    ("cache_read_input_tokens", Name::Number(Member::CacheRead)),
    ("cacheReadInputTokens", Name::Number(Member::CacheRead)),
    ("cacheReadInputTokenCount", Name::Number(Member::CacheRead)),
    ("cached_tokens", Name::Number(Member::CacheRead)),
    ("prompt_cache_hit_tokens", Name::Number(Member::CacheRead)),
    ("prompt_cache_miss_tokens", Name::Number(Member::CacheMiss)),
    ("cache_creation_input_tokens", Name::Number(Member::CacheWrite)),
    ("cacheWriteInputTokens", Name::Number(Member::CacheWrite)),
    ("cacheWriteInputTokenCount", Name::Number(Member::CacheWrite)),
    ("cache_write_tokens", Name::Number(Member::CacheWrite)),
    ("reasoning_tokens", Name::Number(Member::Reasoning)),
    ("cache_creation", Name::CacheCreation),
    ("cacheDetails", Name::CacheDetails),
    ("prompt_tokens_details", Name::InputDetails),
    ("input_tokens_details", Name::InputDetails),
    ("completion_tokens_details", Name::OutputDetails),
    ("output_tokens_details", Name::OutputDetails),
    ("iterations", Name::Iterations),
    ("server_tool_use", Name::ServerTools),
    ("serverToolUsage", Name::ServerTools),
    ("billed_units", Name::BilledUnits),
    // Cohere's counts before they become billed units.
    ("tokens", Name::Repetition),
    // What xAI charges for the tokens above, in a currency unit of its own.
    ("cost_in_usd_ticks", Name::Repetition),
];

/// The members of one source's `usage`, over all of its events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    numbers: [Option<u64>; Self::COUNT],
    /// Whether the input is split into parts, of which the cache is one.
    pub(super) input_is_split: bool,
    /// What is billed beside tokens.
    pub(crate) units: Units,
    /// Cohere's search units: rerank queries.
    pub(crate) searches: Option<u64>,
    pub(crate) doubts: Doubts,
}

/// The members of Converse's `usage`, as the SDK has read them.
pub(crate) struct TypedTokens<'a> {
    pub(crate) input: i32,
    pub(crate) output: i32,
    pub(crate) total: i32,
    pub(crate) cache_read: Option<i32>,
    pub(crate) cache_write: Option<i32>,
    /// Lifetimes and tokens.
    pub(crate) lifetimes: Vec<(&'a str, i32)>,
}

impl Members {
    const COUNT: usize = 11;

    /// Those of an output that the SDK has read.
    pub(crate) fn typed(tokens: TypedTokens<'_>) -> Self {
        let mut members = Self::default();
        for (member, count) in [
            (Member::Input, Some(tokens.input)),
            (Member::Output, Some(tokens.output)),
            (Member::Total, Some(tokens.total)),
            (Member::CacheRead, tokens.cache_read),
            (Member::CacheWrite, tokens.cache_write),
        ] {
            if let Some(count) = count {
                members.told(member, Count::of_i64(count.into()));
            }
        }
        let lifetime = |(ttl, tokens): (&str, i32)| Lifetime {
            ttl: Text(Some(ttl.to_owned())),
            input_tokens: Count::of_i64(tokens.into()),
        };
        members.told_lifetimes(tokens.lifetimes.into_iter().map(lifetime).collect());
        members
    }

    pub(super) const fn get(&self, member: Member) -> Option<u64> {
        self.numbers[member as usize]
    }

    pub(super) const fn set(&mut self, member: Member, count: Option<u64>) {
        self.numbers[member as usize] = count;
    }

    /// The same with this number.
    pub(super) const fn with(mut self, member: Member, count: Option<u64>) -> Self {
        self.set(member, count);
        self
    }

    /// Whether no number was told.
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.iter().all(Option::is_none)
    }

    /// Whether the input and the output are told.
    pub(crate) fn is_whole(&self) -> bool {
        let input = self.get(Member::Input).or(self.get(Member::Prompt)).or(self.get(Member::CacheMiss));
        input.is_some() && self.get(Member::Output).is_some()
    }

    /// Takes in what another event of the same source says. Counts are cumulative: of two, the greater holds.
    pub(crate) fn merge(&mut self, later: &Self) {
        for (own, later) in self.numbers.iter_mut().zip(later.numbers) {
            *own = (*own).max(later);
        }
        self.input_is_split |= later.input_is_split;
        self.searches = self.searches.max(later.searches);
        self.units = most_of_each(&self.units, &later.units);
        self.doubts.extend(&later.doubts);
    }

    /// Adds what another inference of the same call used.
    pub(super) fn add(&mut self, other: &Self) {
        for (own, other) in self.numbers.iter_mut().zip(other.numbers) {
            *own = match (*own, other) {
                (Some(own), Some(other)) => Some(own.saturating_add(other)),
                (own, other) => own.or(other),
            };
        }
        self.units.extend(other.units.iter().cloned());
        self.doubts.extend(&other.doubts);
    }

    /// Takes in a number by one of its names.
    pub(super) fn told(&mut self, member: Member, count: Count) {
        if count.is_odd() {
            self.doubts.add(|| "usage has a number that is no count".to_owned());
        }
        let own = &mut self.numbers[member as usize];
        if let (Some(own), Some(other)) = (*own, count.0)
            && own != other
            && own.min(other) > 0
        {
            self.doubts.add(|| format!("usage tells one count by two names, as {own} and as {other}"));
        }
        *own = (*own).max(count.0);
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

    fn told_lifetimes(&mut self, lifetimes: Vec<Lifetime>) {
        for Lifetime { ttl, input_tokens } in lifetimes {
            let member = match ttl.0.as_deref() {
                Some("5m") => Member::CacheWrite5m,
                Some("30m") => Member::CacheWrite30m,
                Some("1h") => Member::CacheWrite1h,
                None => continue,
                Some(other) => {
                    self.unknown_lifetime(other);
                    continue;
                }
            };
            let sum = self.get(member).map_or(input_tokens.0, |own| Some(own.saturating_add(input_tokens.0?)));
            self.set(member, sum.or(self.get(member)));
        }
    }

    fn unknown_lifetime(&mut self, ttl: &str) {
        let ttl = clipped(ttl, 16);
        let text = || format!("cache write: the lifetime {ttl} is not known, and priced as the model's usual one");
        self.doubts.add(text);
    }
}

/// Of each unit the greater count.
fn most_of_each(own: &Units, later: &Units) -> Units {
    if later.is_empty() {
        return own.clone();
    }
    let count_in = |units: &Units, count: &UnitCount| {
        let same = |other: &&UnitCount| (other.unit(), other.word()) == (count.unit(), count.word());
        units.iter().find(same).map_or(0, UnitCount::thousandths)
    };
    let kept = own.iter().filter(|count| count.thousandths() >= count_in(later, count));
    let newer = later.iter().filter(|count| count.thousandths() > count_in(own, count));
    kept.chain(newer).cloned().collect()
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Count,
    cache_write_tokens: Count,
    reasoning_tokens: Count,
    thinking_tokens: Count,
    audio_tokens: Count,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Lifetime {
    ttl: Text,
    input_tokens: Count,
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
pub(super) struct Key(Result<Name, String>);

impl Key {
    pub(super) fn of(name: &str) -> Self {
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
        super::iterations::sum(&mut members, iterations);
        Ok(members)
    }
}

impl Members {
    /// Reads the value that stands under a name.
    pub(super) fn read_value<'de, A: MapAccess<'de>>(
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

    /// Cohere's counts.
    pub(super) fn told_billed_units(&mut self, billed: &BilledUnits) {
        self.told(Member::Input, billed.input_tokens);
        self.told(Member::Output, billed.output_tokens);
        self.searches = billed.search_units.0.or(self.searches);
    }
}

/// Cohere's.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct BilledUnits {
    pub(super) input_tokens: Count,
    pub(super) output_tokens: Count,
    pub(super) search_units: Count,
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
