//! The text of a price diff.

use std::fmt;

use super::{ChangeKind, FieldChange, PriceChange, PriceDiff};
use crate::{Latency, Timestamp, Usd};

const COLUMNS: usize = 13;

const HEAD: [&str; COLUMNS] = [
    "row", "model", "routing", "region", "account", "tier", "latency", "from", "over", "figure", "old", "new", "change",
];

/// The index of the first column of numbers, which are aligned right.
const NUMBERS: usize = 10;

impl fmt::Display for PriceDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; COLUMNS]> = self.changes.iter().flat_map(lines).collect();
        let width = |column: usize| {
            let most = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            // An empty column is left out.
            if most == 0 { 0 } else { most.max(HEAD[column].len()) }
        };
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        if !rows.is_empty() {
            line(f, &HEAD, &widths)?;
        }
        for row in &rows {
            line(f, &row.each_ref().map(String::as_str), &widths)?;
        }
        let [added, removed, changed] =
            [ChangeKind::Added, ChangeKind::Removed, ChangeKind::Changed].map(|kind| self.count(kind));
        write!(f, "{} to {}: {added} added, {removed} removed, {changed} changed", self.old, self.new)
    }
}

fn line(f: &mut fmt::Formatter<'_>, cells: &[&str; COLUMNS], widths: &[usize; COLUMNS]) -> fmt::Result {
    let mut text = String::new();
    for (column, (cell, &width)) in cells.iter().zip(widths).enumerate().filter(|(_, (_, width))| **width > 0) {
        let padded = if column >= NUMBERS { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
        text.push_str(&padded);
    }
    writeln!(f, "{}", text.trim_end())
}

/// Returns a line for each figure, or one line without figures if the row has none.
fn lines(change: &PriceChange) -> Vec<[String; COLUMNS]> {
    let key = &change.key;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let start = key.start.map(Timestamp::day);
    let cells = |figure: String, old: String, new: String, percent: String| {
        [
            change.kind.as_str().to_owned(),
            key.model.to_string(),
            key.routing.to_string(),
            text(key.region.as_deref()),
            text(key.account.as_deref()),
            key.tier.to_string(),
            if key.latency == Latency::Standard { String::new() } else { key.latency.to_string() },
            text(start.as_deref()),
            if key.context_over == 0 { String::new() } else { key.context_over.to_string() },
            figure,
            old,
            new,
            percent,
        ]
    };
    if change.fields.is_empty() {
        return vec![cells(String::new(), String::new(), String::new(), String::new())];
    }
    let line = |field: &FieldChange| cells(field.field.clone(), amount(field.old), amount(field.new), percent(field));
    change.fields.iter().map(line).collect()
}

fn amount(amount: Option<Usd>) -> String {
    amount.map_or_else(String::new, Usd::to_decimal)
}

/// Formats the change, such as `-20.00%`.
fn percent(field: &FieldChange) -> String {
    field.percent_hundredths().map_or_else(String::new, |hundredths| {
        let sign = if hundredths < 0 { '-' } else { '+' };
        let size = hundredths.unsigned_abs();
        format!("{sign}{}.{:02}%", size / 100, size % 100)
    })
}

impl ChangeKind {
    /// Returns the word used in the diff.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |figure: Option<Usd>| figure.map_or_else(|| "none".to_owned(), Usd::to_decimal);
        write!(f, "{} {} -> {}", self.field, or_none(self.old), or_none(self.new))?;
        match percent(self) {
            text if text.is_empty() => Ok(()),
            text => write!(f, " ({text})"),
        }
    }
}
