//! The counts in a `usage` object of any family.
//!
//! [`member_names`] lists the names of all counts. A positive number with any other name is reported by its name and
//! makes the figure an estimate: it may be a part of the bill that this version does not know.

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

/// A number in a `usage` object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// Input, by a name that excludes the cache in most families.
    Input,
    /// Input, by a name that includes the cache.
    Prompt,
    /// Output.
    Output,
    /// Input and output.
    Total,
    /// Input that the cache served.
    CacheRead,
    /// Input that the cache stored, for any lifetime.
    CacheWrite,
    /// Input that the cache stored for five minutes.
    CacheWrite5m,
    /// Input that the cache stored for thirty minutes.
    CacheWrite30m,
    /// Input that the cache stored for an hour.
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
    /// Whether the input is split into parts, including the cache.
    pub(super) input_is_split: bool,
    /// The minimum number of tokens in the input and the output, by their parts.
    pub(super) input_parts: u64,
    pub(super) output_parts: u64,
    /// Units that are billed in addition to tokens.
    pub(crate) units: Units,
    /// Cohere's search units: rerank queries.
    pub(crate) searches: Option<u64>,
    pub(crate) doubts: Doubts,
    /// All inferences of the call, if they are listed.
    inferences: Option<Box<Inferences>>,
}

/// The members of Converse's `usage` in the SDK's types.
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

    /// Creates members from the SDK's typed output.
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
                members.record(member, Count::of_i64(count.into()));
            }
        }
        let lifetime = |(ttl, tokens): (&str, i32)| Lifetime {
            ttl: Text(Some(ttl.to_owned())),
            input_tokens: Count::of_i64(tokens.into()),
        };
        members.record_lifetimes(tokens.lifetimes.into_iter().map(lifetime).collect());
        members
    }

    pub(super) const fn get(&self, member: Member) -> Option<u64> {
        self.numbers[member as usize]
    }

    pub(super) const fn set(&mut self, member: Member, count: Option<u64>) {
        self.numbers[member as usize] = count;
    }

    /// Returns the members with this number.
    pub(super) const fn with(mut self, member: Member, count: Option<u64>) -> Self {
        self.set(member, count);
        self
    }

    /// Returns whether there is no number.
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.iter().all(Option::is_none)
    }

    /// Returns whether there are counts for the input and the output.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole_with(&Self::default())
    }

    /// Like [`is_whole`](Self::is_whole), including the counts from the start of a stream.
    pub(crate) fn is_whole_with(&self, at_start: &Self) -> bool {
        let inputs = [Member::Input, Member::Prompt, Member::CacheMiss];
        inputs.iter().any(|input| self.get(*input).or(at_start.get(*input)).is_some())
            && (self.get(Member::Output).is_some() || self.lists_inferences())
    }

    /// Takes in another place of the same event, which should agree. The greater of two counts is used.
    pub(super) fn merge_place(&mut self, other: &Self) {
        for (own, other) in self.numbers.iter().zip(other.numbers) {
            // A source may report an unknown count as zero.
            if let (Some(own @ 1..), Some(other @ 1..)) = (*own, other)
                && own != other
            {
                self.doubts.add(|| format!("usage has one count in two places: {own} and {other}"));
            }
        }
        self.merge(other);
    }

    /// Takes in another event of the same source. Counts are cumulative and events may come in any order, so the
    /// greater of two counts is used.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, other) in self.numbers.iter_mut().zip(other.numbers) {
            *own = (*own).max(other);
        }
        self.input_is_split |= other.input_is_split;
        self.input_parts = self.input_parts.max(other.input_parts);
        self.output_parts = self.output_parts.max(other.output_parts);
        self.searches = self.searches.max(other.searches);
        self.units = max_of_each(&self.units, &other.units);
        self.doubts.extend(&other.doubts);
        match (&mut self.inferences, &other.inferences) {
            (Some(own), Some(other)) => own.merge(other),
            (None, Some(other)) => self.inferences = Some(other.clone()),
            (_, None) => {}
        }
    }

    /// Returns the counts of all inferences. `at_start` is what a stream reported before the first one.
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

    /// Returns the listed inferences.
    pub(super) fn inferences(&self) -> &[Self] {
        self.inferences.as_ref().map_or(&[], |inferences| inferences.each())
    }

    /// Returns the models that the listed inferences name.
    pub(crate) fn models_of_inferences(&self) -> &[String] {
        self.inferences.as_ref().map_or(&[], |inferences| inferences.models())
    }

    /// Returns whether inferences are listed.
    pub(super) const fn lists_inferences(&self) -> bool {
        self.inferences.is_some()
    }

    /// Returns the sum of all input and the output, or `None` if one is missing.
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

    /// Records a number under one of its names.
    pub(super) fn record(&mut self, member: Member, count: Count) {
        self.doubt_malformed(count);
        let own = &mut self.numbers[member as usize];
        if let (Some(own), Some(other)) = (*own, count.0)
            && own != other
            && own.min(other) > 0
        {
            self.doubts.add(|| format!("usage has one count under two names: {own} and {other}"));
        }
        *own = (*own).max(count.0);
    }

    fn doubt_malformed(&mut self, count: Count) {
        if count.is_malformed() {
            self.doubts.add(|| "usage has a number that is not a count".to_owned());
        }
    }

    fn record_lifetimes(&mut self, lifetimes: Vec<Lifetime>) {
        for Lifetime { ttl, input_tokens } in lifetimes {
            let member = match ttl.0.as_deref() {
                Some("5m") => Member::CacheWrite5m,
                Some("30m") => Member::CacheWrite30m,
                Some("1h") => Member::CacheWrite1h,
                other => {
                    if other.is_some() || input_tokens.0 > Some(0) {
                        self.unknown_lifetime(other.unwrap_or("(missing)"));
                        // The total is at least this part.
                        self.set(Member::CacheWrite, self.get(Member::CacheWrite).max(input_tokens.0));
                    }
                    continue;
                }
            };
            self.doubt_malformed(input_tokens);
            // A lifetime without a count has an unknown count.
            let input_tokens = input_tokens.or_zero();
            let sum = self.get(member).map_or(input_tokens.0, |own| Some(own.saturating_add(input_tokens.0?)));
            self.set(member, sum.or(self.get(member)));
        }
    }

    fn unknown_lifetime(&mut self, ttl: &str) {
        let ttl = clipped(ttl, 16);
        let text = || format!("cache write: the lifetime {ttl} is not known: priced as the model's default");
        self.doubts.add(text);
    }
}

/// Tokens that were written to the cache for a lifetime.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Lifetime {
    ttl: Text,
    #[serde(alias = "input_tokens")]
    input_tokens: Count,
}

/// Returns the greater count of each unit.
pub(super) fn max_of_each(own: &Units, later: &Units) -> Units {
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
