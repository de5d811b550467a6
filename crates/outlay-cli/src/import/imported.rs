use std::collections::BTreeMap;
use std::fmt;

use super::BuildError;
use outlay_price::Prices;
use outlay_price::parts::{Place, Row};

/// What was imported: prices, and what could not become one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// One layer, with nothing below: lay it [`over`](Prices::over) the bundled table, or over nothing.
    pub prices: Prices,
    /// The same as rows.
    pub(crate) rows: Vec<Row>,
    /// All that the text holds and the prices do not.
    pub skipped: Vec<Skipped>,
}

/// A part of an imported text that gave no price.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Skipped {
    /// The part, such as `litellm us.x.y: output_cost_per_furlong`.
    pub what: String,
    /// Why it gave no price.
    pub why: String,
}

/// A text that is not in the format that was said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {format}: {problem}")]
pub struct ImportError {
    format: &'static str,
    problem: String,
}

/// What the prices of an import say of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    pub(super) source: String,
    pub(super) as_of: String,
}

/// What becomes of a part that is not understood.
pub(super) enum Unknowns {
    /// It stops the reading: for the bundled table.
    Refused,
    /// It is left out, and told.
    Told(Vec<Skipped>),
}

impl ImportOptions {
    /// Of this source, such as `litellm-1.110.0`, which is the version of the prices too.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), as_of: String::new() }
    }

    /// Sets the day on which the source said so, such as `2026-11-20`. Defaults to none.
    #[must_use]
    pub fn with_as_of(mut self, day: impl Into<String>) -> Self {
        self.as_of = day.into();
        self
    }
}

impl Unknowns {
    pub(super) fn meet(&mut self, what: impl fmt::Display, why: impl fmt::Display) -> Result<(), BuildError> {
        match self {
            Self::Refused => Err(BuildError::one(format!("{what}: {why}"))),
            Self::Told(skipped) => {
                skipped.push(Skipped::new(what.to_string(), why.to_string()));
                Ok(())
            }
        }
    }
}

impl Skipped {
    pub(super) fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl ImportError {
    pub(super) fn new(format: &'static str, problem: impl ToString) -> Self {
        Self { format, problem: problem.to_string() }
    }
}

/// The layer that rows make; those that would stop it are skipped.
pub(super) fn layer(version: &str, rows: Vec<Row>, mut skipped: Vec<Skipped>) -> Imported {
    let mut kept: BTreeMap<_, Row> = BTreeMap::new();
    for row in rows {
        let what = name(&row);
        if kept.insert(key(&row, row.context_over), row).is_some() {
            skipped.push(Skipped::new(what, "there is another price of the very same: the last one is taken"));
        }
    }
    let bases: Vec<_> = kept.keys().filter(|key| key.1 == 0).map(|key| key.0.clone()).collect();
    kept.retain(|key, row| {
        let has_base = bases.binary_search(&key.0).is_ok();
        if !has_base {
            let why = format!("it holds above {} input tokens, and no price is told for fewer", row.context_over);
            skipped.push(Skipped::new(name(row), why));
        }
        has_base
    });
    skipped.sort();
    // What would make no table was taken out.
    let rows: Vec<Row> = kept.into_values().collect();
    let prices = Prices::of_imported(version, rows.clone()).unwrap_or_else(Prices::empty);
    Imported { prices, rows, skipped }
}

type Key = (String, Vec<outlay_price::Routing>, Place, outlay_price::Tier, Option<jiff::Timestamp>);

fn key(row: &Row, over: u64) -> (Key, u64) {
    let start = row.start.as_ref().map(|start| start.at);
    ((row.model.clone(), row.routings.clone(), row.place.clone(), row.tier, start), over)
}

fn name(row: &Row) -> String {
    let region = row.region().map_or_else(String::new, |region| format!(" in {region}"));
    let roads: Vec<_> = row.routings.iter().map(ToString::to_string).collect();
    format!("{}.{}{region}, {}", roads.join("/"), row.model, row.tier)
}
