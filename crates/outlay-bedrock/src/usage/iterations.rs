//! Inferences that one call ran before its answer, such as a compaction of the conversation. Anthropic lists all of
//! them in `usage.iterations`. The counts outside the list only include those of the answer. All of them are billed.

use serde::de::MapAccess;

use super::by_member::{self, ByMember};
use super::doubts::clipped;
use super::lenient::Text;
use super::members::{Key, Member, Members};
use super::positive_number::FoundNumber;

/// One inference.
#[derive(Clone, Debug, Default)]
pub(super) struct Iteration {
    kind: Option<String>,
    model: Option<String>,
    used: Members,
    /// Inferences that it ran in turn.
    inner: Vec<Iteration>,
}

/// The inferences whose sum the counts outside the list repeat.
const REPLY: &str = "message";
/// Other inferences, which are billed at the same price.
const OTHER_KINDS: [&str; 1] = ["compaction"];

/// The counts that can be added up.
const SUMMED: [Member; 8] = [
    Member::Input,
    Member::Output,
    Member::CacheRead,
    Member::CacheWrite,
    Member::CacheWrite5m,
    Member::CacheWrite30m,
    Member::CacheWrite1h,
    Member::Reasoning,
];

/// All inferences of a call, separated into the reply and the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Inferences {
    reply: Members,
    others: Members,
    each: Vec<Members>,
    /// The models that the inferences name.
    models: Vec<String>,
}

impl Inferences {
    /// Returns the inferences, or `None` if none are listed.
    pub(super) fn of(iterations: Vec<Iteration>) -> Option<Box<Self>> {
        if iterations.is_empty() {
            return None;
        }
        let mut all = Self::default();
        for Iteration { kind, model, used, inner } in iterations {
            let used = match Self::of(inner) {
                Some(inner) => inner.sum(&used, &Members::default()),
                None => used,
            };
            all.each.push(used.clone());
            all.models.extend(model.as_deref().map(|model| clipped(model, 64)));
            let kind = kind.unwrap_or_else(|| REPLY.to_owned());
            if kind == REPLY {
                all.reply.add(&used);
                continue;
            }
            all.others.add(&used);
            if !OTHER_KINDS.contains(&&*kind) {
                let kind = clipped(&kind, 32);
                let of = model.map(|model| format!(" of {}", clipped(&model, 64))).unwrap_or_default();
                let doubt = || format!("usage.iterations has a {kind}{of}, priced as the called model");
                all.others.doubts.add(doubt);
            }
        }
        Some(Box::new(all))
    }

    /// Takes in another event. The greater of two counts is used.
    pub(super) fn merge(&mut self, later: &Self) {
        self.reply.merge(&later.reply);
        self.others.merge(&later.others);
        if later.each.len() >= self.each.len() {
            self.each.clone_from(&later.each);
            self.models.clone_from(&later.models);
        }
    }

    /// Returns the models that the inferences name.
    pub(super) fn models(&self) -> &[String] {
        &self.models
    }

    /// Returns the counts of each inference.
    pub(super) fn each(&self) -> &[Members] {
        &self.each
    }

    /// Returns `usage` with the counts of all inferences. `at_start` is what a stream reported before the first one.
    pub(super) fn sum(&self, usage: &Members, at_start: &Members) -> Members {
        let mut sum = usage.clone();
        for member in SUMMED {
            let (reply, others) = (self.reply.get(member), self.others.get(member));
            let top = usage.get(member).or_else(|| at_start.get(member).filter(|_| reply.is_none()));
            let plus_others = |count: u64| count.saturating_add(others.unwrap_or(0));
            let all = reply.map(plus_others);
            let count = match (top, all) {
                // The counts outside the list are those of the reply, or of all inferences.
                (Some(top), Some(all)) if reply == Some(top) || top == all => Some(all),
                (Some(top), Some(all)) => {
                    sum.doubts.add(|| format!("usage says {top}, its iterations add up to {all}"));
                    Some(all.max(top))
                }
                (Some(top), None) => Some(plus_others(top)),
                (None, all) => all.or(others),
            };
            sum.set(member, count);
        }
        // A total outside the list is that of the reply.
        let is_of_reply = sum.get(Member::Total).is_some() && sum.get(Member::Total) == usage.sum_of_parts();
        if is_of_reply {
            sum.set(Member::Total, None);
        }
        let has_units = !usage.units.is_empty();
        for of in [&self.reply, &self.others] {
            sum.doubts.extend(&of.doubts);
            // The units outside the list are the sum of all.
            if !has_units {
                sum.units.extend(of.units.iter().cloned());
            }
        }
        sum
    }
}

impl ByMember for Iteration {
    type Name = String;

    fn read_member<'de, A: MapAccess<'de>>(&mut self, name: String, map: &mut A) -> Result<(), A::Error> {
        match &*name {
            "type" => self.kind = map.next_value::<Text>()?.0,
            "model" => self.model = map.next_value::<Text>()?.0,
            _ => self.used.read_value(Key::of(&name), map, &mut self.inner)?,
        }
        Ok(())
    }

    fn number_instead(&mut self, _: &FoundNumber) {}
}

by_member::deserialize!(Iteration);
