//! The counts in a `usage` object, whichever family wrote it.
//!
//! Which name is which count is listed in [`names`]. A positive number by any other name is told by its name, and makes the
//! figure an estimate: it may be a part of the bill that this version has not heard of.

use std::borrow::Cow;

use outlay_price::{UnitCount, Units};
use serde::Deserialize;

use super::doubts::{Doubts, clipped};
use super::iterations::Inferences;
use super::lenient::{Count, Text};

mod member_details;
mod member_names;
mod read_members;

pub(super) use read_members::{BilledUnits, Key};

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

/// The members of one source's `usage`, over all of its events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    numbers: [Option<u64>; Self::COUNT],
    /// Whether the input is split into parts, of which the cache is one.
    pub(super) input_is_split: bool,
    /// The tokens that the input and the output have at the least, by the parts that they are split into.
    pub(super) input_parts: u64,
    pub(super) output_parts: u64,
    /// What is billed beside tokens.
    pub(crate) units: Units,
    /// Cohere's search units: rerank queries.
    pub(crate) searches: Option<u64>,
    pub(crate) doubts: Doubts,
    /// All inferences of the call, where they are listed.
    inferences: Option<Box<Inferences>>,
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
        self.is_whole_with(&Self::default())
    }

    /// The same with what was told at the start of a stream.
    pub(crate) fn is_whole_with(&self, at_start: &Self) -> bool {
        let inputs = [Member::Input, Member::Prompt, Member::CacheMiss];
        inputs.iter().any(|input| self.get(*input).or(at_start.get(*input)).is_some())
            && (self.get(Member::Output).is_some() || self.lists_inferences())
    }

    /// Takes in what another place of the same event says, which is to be the same. Of two counts the greater holds.
    pub(super) fn merge_place(&mut self, other: &Self) {
        for (own, other) in self.numbers.iter().zip(other.numbers) {
            // A zero is told by whoever does not know.
            if let (Some(own @ 1..), Some(other @ 1..)) = (*own, other)
                && own != other
            {
                self.doubts.add(|| format!("usage tells one count in two places, as {own} and as {other}"));
            }
        }
        self.merge(other);
    }

    /// Takes in what another event of the same source says. Counts are cumulative, and events may come in any order: of two
    /// counts the greater holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, other) in self.numbers.iter_mut().zip(other.numbers) {
            *own = (*own).max(other);
        }
        self.input_is_split |= other.input_is_split;
        self.input_parts = self.input_parts.max(other.input_parts);
        self.output_parts = self.output_parts.max(other.output_parts);
        self.searches = self.searches.max(other.searches);
        self.units = most_of_each(&self.units, &other.units);
        self.doubts.extend(&other.doubts);
        match (&mut self.inferences, &other.inferences) {
            (Some(own), Some(other)) => own.merge(other),
            (None, Some(other)) => self.inferences = Some(other.clone()),
            (_, None) => {}
        }
    }

    /// The counts of all inferences; `at_start` is what a stream told before it ran any.
    pub(super) fn of_all_inferences(&self, at_start: &Self) -> Cow<'_, Self> {
        match &self.inferences {
            Some(inferences) => Cow::Owned(inferences.sum(self, at_start)),
            None if at_start.is_empty() => Cow::Borrowed(self),
            None => {
                let mut all = self.clone();
                all.merge(at_start);
                Cow::Owned(all)
            }
        }
    }

    /// The inferences that are listed.
    pub(super) fn inferences(&self) -> &[Self] {
        self.inferences.as_ref().map_or(&[], |inferences| inferences.each())
    }

    /// The models that those name.
    pub(crate) fn models_of_inferences(&self) -> &[String] {
        self.inferences.as_ref().map_or(&[], |inferences| inferences.models())
    }

    /// Whether more inferences are listed than the reply's.
    pub(super) const fn lists_inferences(&self) -> bool {
        self.inferences.is_some()
    }

    /// All input and the output; `None` where one is not told.
    pub(super) fn sum_of_parts(&self) -> Option<u64> {
        let parts = [Member::CacheRead, Member::CacheWrite].into_iter().filter_map(|member| self.get(member));
        let all = self.get(Member::Input)?.saturating_add(self.get(Member::Output)?);
        Some(parts.fold(all, u64::saturating_add))
    }

    /// Adds what another inference of the same call used.
    pub(super) fn add(&mut self, other: &Self) {
        for (own, other) in self.numbers.iter_mut().zip(other.numbers) {
            *own = match (*own, other) {
                (Some(own), Some(other)) => Some(own.saturating_add(other)),
                (own, other) => own.or(other),
            };
        }
        self.input_parts = self.input_parts.saturating_add(other.input_parts);
        self.output_parts = self.output_parts.saturating_add(other.output_parts);
        self.units.extend(other.units.iter().cloned());
        self.doubts.extend(&other.doubts);
    }

    /// Takes in a number by one of its names.
    pub(super) fn told(&mut self, member: Member, count: Count) {
        self.doubt_odd(count);
        let own = &mut self.numbers[member as usize];
        if let (Some(own), Some(other)) = (*own, count.0)
            && own != other
            && own.min(other) > 0
        {
            self.doubts.add(|| format!("usage tells one count by two names, as {own} and as {other}"));
        }
        *own = (*own).max(count.0);
    }

    fn doubt_odd(&mut self, count: Count) {
        if count.is_odd() {
            self.doubts.add(|| "usage has a number that is no count".to_owned());
        }
    }

    fn told_lifetimes(&mut self, lifetimes: Vec<Lifetime>) {
        for Lifetime { ttl, input_tokens } in lifetimes {
            let member = match ttl.0.as_deref() {
                Some("5m") => Member::CacheWrite5m,
                Some("30m") => Member::CacheWrite30m,
                Some("1h") => Member::CacheWrite1h,
                other => {
                    if other.is_some() || input_tokens.0 > Some(0) {
                        self.unknown_lifetime(other.unwrap_or("that is not told"));
                        // The whole is no less than this part.
                        self.set(Member::CacheWrite, self.get(Member::CacheWrite).max(input_tokens.0));
                    }
                    continue;
                }
            };
            self.doubt_odd(input_tokens);
            // A lifetime without a count is one of which the count is not known.
            let input_tokens = input_tokens.or_zero();
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

/// Tokens that were written to the cache for a time.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Lifetime {
    ttl: Text,
    #[serde(alias = "input_tokens")]
    input_tokens: Count,
}

/// Of each unit the greater count.
pub(super) fn most_of_each(own: &Units, later: &Units) -> Units {
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
