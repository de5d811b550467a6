//! Rows as the text of a price file.

use std::fmt::Write as _;

use outlay_price::parts::{Place, Rates, Row};
use outlay_price::{Latency, Tier, Usd};

use crate::prices::places::wire;

/// The fields that tell what a row is of.
pub(super) const KEY: [&str; 6] = ["model", "region", "tier", "latency", "effective_from", "context_over"];

/// What a row is of, in the order of [`KEY`]; empty where the row does not say it.
pub(super) fn key(row: &Row) -> Vec<String> {
    // A row of these has one routing.
    let routing = row.routings.first().copied().unwrap_or(outlay_price::Routing::InRegion);
    vec![
        wire(&row.model, routing),
        place(&row.place),
        if row.tier == Tier::Default { String::new() } else { row.tier.to_string() },
        if row.latency == Latency::Standard { String::new() } else { row.latency.to_string() },
        row.start.as_ref().map_or_else(String::new, |start| start.text.to_string()),
        if row.context_over == 0 { String::new() } else { row.context_over.to_string() },
    ]
}

/// The rows, each after an empty line.
pub(super) fn rows(rows: &[Row]) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    for row in rows {
        text.push_str("\n[[price]]\n");
        for (name, value) in KEY.into_iter().zip(key(row)).filter(|(_, value)| !value.is_empty()) {
            let value = if name == "context_over" { value } else { quoted(&value) };
            let _ = writeln!(text, "{name} = {value}");
        }
        for (name, rate) in Rates::NAMES.into_iter().zip(row.rates.all()) {
            if let Some(rate) = rate {
                let _ = writeln!(text, "{name} = {}", quoted(&rate.times(1_000_000).to_decimal()));
            }
        }
        if !row.units.is_empty() {
            let unit = |name: String, price: Usd| format!("{} = {}", quoted(&name), quoted(&price.to_decimal()));
            let units = row.units.iter().map(|price| unit(price.name(), price.price()));
            let _ = writeln!(text, "units = {{ {} }}", units.collect::<Vec<_>>().join(", "));
        }
        let derived = row.derived.names().collect::<Vec<_>>().join(",");
        let ends = [("derived", &*derived), ("source", &row.source), ("as_of", &row.as_of)];
        for (name, value) in ends.into_iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{name} = {}", quoted(value));
        }
        let _ = writeln!(text, "confidence = {}", quoted(row.confidence.as_str()));
    }
    text
}

/// As `region` has it; empty for all.
pub(super) fn place(place: &Place) -> String {
    match place {
        Place::Any => String::new(),
        Place::Geo(geo) => format!("geo:{}", geo.as_str()),
        Place::Regions(regions) => regions.join(","),
    }
}

fn quoted(text: &str) -> String {
    toml_edit::value(text).to_string()
}
