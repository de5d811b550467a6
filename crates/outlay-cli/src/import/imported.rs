use std::collections::BTreeMap;
use std::fmt;

use super::build_error::BuildError;
use outlay_price::Prices;
use outlay_price::parts::{Place, Row};

/// The result of an import: prices, and the parts that gave no price.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// The prices as one layer. Put it [`over`](Prices::over) the bundled table, or use it alone.
    pub prices: Prices,
    /// The rows of the prices.
    pub(crate) rows: Vec<Row>,
    /// The parts of the text that gave no price.
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

/// An error for a text that is not in the expected format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {format}: {problem}")]
pub struct ImportError {
    format: &'static str,
    problem: String,
}

/// The source and the day of imported prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    pub(super) source: String,
    pub(super) as_of: String,
}

/// The way to handle a part that is not understood.
pub(super) enum OnUnknown {
    /// Stop with an error, for the bundled table.
    Fail,
    /// Skip the part and list it.
    Skip(Vec<Skipped>),
}

impl ImportOptions {
    /// Returns options for a source such as `litellm-1.110.0`, which is also the version of the prices.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), as_of: String::new() }
    }

    /// Sets the day of the source's prices, such as `2026-11-20`. Defaults to none.
    #[must_use]
    pub fn with_as_of(mut self, day: impl Into<String>) -> Self {
        self.as_of = day.into();
        self
    }
}

impl OnUnknown {
    pub(super) fn handle(&mut self, what: impl fmt::Display, why: impl fmt::Display) -> Result<(), BuildError> {
        match self {
            Self::Fail => Err(BuildError::one(format!("{what}: {why}"))),
            Self::Skip(skipped) => {
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

/// Returns the layer of these rows, without rows that are duplicates or have no base.
pub(super) fn layer(version: &str, rows: Vec<Row>, mut skipped: Vec<Skipped>) -> Imported {
    let mut kept: BTreeMap<_, Row> = BTreeMap::new();
    for row in rows {
        let what = name(&row);
        if kept.insert(key(&row, row.context_over), row).is_some() {
            skipped.push(Skipped::new(what, "it has another price as well: the last one is used"));
        }
    }
    let bases: Vec<_> = kept.keys().filter(|key| key.1 == 0).map(|key| key.0.clone()).collect();
    kept.retain(|key, row| {
        let has_base = bases.binary_search(&key.0).is_ok();
        if !has_base {
            let why = format!("it applies above {} input tokens, and there is no price for fewer", row.context_over);
            skipped.push(Skipped::new(name(row), why));
        }
        has_base
    });
    skipped.sort();
    // Rows that would not load are already removed.
    let rows: Vec<Row> = kept.into_values().collect();
    let prices = Prices::of_imported(version, rows.clone()).unwrap_or_else(Prices::empty);
    Imported { prices, rows, skipped }
}

type Key = (String, Vec<outlay_price::Routing>, Place, outlay_price::Tier, Option<outlay_price::Timestamp>);

fn key(row: &Row, over: u64) -> (Key, u64) {
    let start = row.start.as_ref().map(|start| start.at);
    ((row.model.clone(), row.routings.clone(), row.place.clone(), row.tier, start), over)
}

fn name(row: &Row) -> String {
    let region = row.region().map_or_else(String::new, |region| format!(" in {region}"));
    let roads: Vec<_> = row.routings.iter().map(ToString::to_string).collect();
    format!("{}.{}{region}, {}", roads.join("/"), row.model, row.tier)
}
