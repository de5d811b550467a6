//! Inferences that one call ran before its answer, such as a compaction of the conversation. Anthropic lists them all in
//! `usage.iterations`, and leaves all but those of the answer out of the counts beside it. All of them are billed.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::doubts::clipped;
use super::lenient::Text;
use super::members::{Key, Member, Members};

/// One inference.
#[derive(Clone, Debug, Default)]
pub(super) struct Iteration {
    kind: Option<String>,
    model: Option<String>,
    used: Members,
}

/// The inferences whose sum the counts beside the list repeat.
const ANSWER: &str = "message";
/// Those that are billed besides, at the same price.
const BESIDE: [&str; 1] = ["compaction"];

/// What is counted and can be summed.
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

/// Makes the counts of `usage` those of all inferences.
pub(super) fn sum(usage: &mut Members, iterations: Vec<Iteration>) {
    if iterations.is_empty() {
        return;
    }
    let (mut answer, mut beside) = (Members::default(), Members::default());
    for Iteration { kind, model, used } in iterations {
        let kind = kind.unwrap_or_else(|| ANSWER.to_owned());
        if kind == ANSWER {
            answer.add(&used);
            continue;
        }
        beside.add(&used);
        if !BESIDE.contains(&&*kind) {
            let kind = clipped(&kind, 32);
            let of = model.map(|model| format!(" of {}", clipped(&model, 64))).unwrap_or_default();
            usage.doubts.add(|| format!("usage.iterations has a {kind}{of}, priced as the model that was called"));
        }
    }
    for member in SUMMED {
        let (top, answer, beside) = (usage.get(member), answer.get(member), beside.get(member));
        let plus_beside = |count: u64| count.saturating_add(beside.unwrap_or(0));
        let all = answer.map(plus_beside);
        let sum = match (top, all) {
            // The counts beside the list are those of the answer, or of all.
            (Some(top), Some(all)) if answer == Some(top) || top == all => Some(all),
            (Some(top), Some(all)) => {
                usage.doubts.add(|| format!("usage says {top}, its iterations add up to {all}"));
                Some(all.max(top))
            }
            (Some(top), None) => Some(plus_beside(top)),
            (None, all) => all.or(beside),
        };
        usage.set(member, sum);
    }
    let tells_units = !usage.units.is_empty();
    for of in [answer, beside] {
        usage.doubts.extend(&of.doubts);
        // Beside the list stands the sum of them.
        if !tells_units {
            usage.units.extend(of.units.iter().cloned());
        }
    }
}

impl<'de> Deserialize<'de> for Iteration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IterationVisitor)
    }
}

struct IterationVisitor;

impl<'de> Visitor<'de> for IterationVisitor {
    type Value = Iteration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an iteration")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Iteration, A::Error> {
        let mut iteration = Iteration::default();
        let mut inner = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "type" => iteration.kind = map.next_value::<Text>()?.0,
                "model" => iteration.model = map.next_value::<Text>()?.0,
                _ => iteration.used.read_value(Key::of(&name), &mut map, &mut inner)?,
            }
        }
        sum(&mut iteration.used, inner);
        Ok(iteration)
    }
}
