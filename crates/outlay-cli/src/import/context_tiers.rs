//! The rows of one price, one for each context size.

use std::collections::{BTreeMap, BTreeSet};

use outlay_price::parts::{RateSet, Rates, Row};

use super::note;
use super::resolutions::Resolutions;

/// The rows of one price by context size, the smallest first.
pub(super) type StepRows = Vec<Row>;

/// Groups rows by price, in the order of the table.
pub(super) fn by_price(rows: Vec<Row>) -> BTreeMap<impl Ord, StepRows> {
    let mut prices: BTreeMap<_, StepRows> = BTreeMap::new();
    for row in rows {
        let start = row.start.as_ref().map(|start| start.at);
        let key = (row.model.clone(), row.routings.clone(), row.place.clone(), row.tier, row.latency, start);
        prices.entry(key).or_default().push(row);
    }
    for steps in prices.values_mut() {
        steps.sort_by_key(|row| row.context_over);
    }
    prices
}

/// Adds empty rows to prices that do not mention a context size above which the model's price changes: above it, the
/// price is unknown.
pub(super) fn with_missing_bounds(rows: Vec<Row>, rules: &Resolutions) -> Vec<Row> {
    let mut bounds: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.context_over > 0) {
        bounds.entry(row.model.clone()).or_default().insert(row.context_over);
    }
    let mut all = Vec::new();
    for (_, mut steps) in by_price(rows) {
        let bound = bounds.get(&steps[0].model).and_then(BTreeSet::first);
        if let Some(&over) = bound.filter(|_| is_flat(&steps)) {
            let empty = Row {
                context_over: over,
                rates: Rates::default(),
                derived: RateSet::default(),
                units: Vec::new(),
                ..steps[0].clone()
            };
            steps.push(empty);
            let name = &rules.long_context_unknown.name;
            steps.iter_mut().for_each(|row| row.note = note::inserted(&row.note, name));
        }
        all.extend(steps);
    }
    all
}

/// Returns whether the price of tokens does not depend on the context size.
fn is_flat(steps: &StepRows) -> bool {
    let costs = |row: &Row| row.rates.all().iter().flatten().any(|rate| rate.picos() > 0);
    matches!(&steps[..], [only] if only.context_over == 0 && costs(only))
}
