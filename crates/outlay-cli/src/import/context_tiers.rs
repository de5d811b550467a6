//! The rows of one price: one for each context size.

use std::collections::{BTreeMap, BTreeSet};

use outlay_price::parts::{RateSet, Rates, Row};

use super::resolutions::Resolutions;

/// One price: its rows by context size, the smallest first.
pub(super) type Steps = Vec<Row>;

/// Returns the prices that rows are of, in the order of the table.
pub(super) fn by_price(rows: Vec<Row>) -> BTreeMap<impl Ord, Steps> {
    let mut prices: BTreeMap<_, Steps> = BTreeMap::new();
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

/// Returns the rows, and empty ones where a price says nothing of a context size from which on the model costs something
/// else: beyond it, nothing is known.
pub(super) fn with_all_bounds(rows: Vec<Row>, rules: &Resolutions) -> Vec<Row> {
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
            steps.iter_mut().for_each(|row| add_note(row, &rules.long_context_unknown.name));
        }
        all.extend(steps);
    }
    all
}

/// Returns whether tokens have a cost that does not depend on the context size.
fn is_flat(steps: &Steps) -> bool {
    let costs = |row: &Row| row.rates.all().iter().flatten().any(|rate| rate.picos() > 0);
    matches!(&steps[..], [only] if only.context_over == 0 && costs(only))
}

fn add_note(row: &mut Row, name: &str) {
    let notes: BTreeSet<&str> = row.note.split(',').filter(|note| !note.is_empty()).chain([name]).collect();
    row.note = notes.into_iter().collect::<Vec<_>>().join(",");
}
