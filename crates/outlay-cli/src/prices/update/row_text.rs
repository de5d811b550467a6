//! The text of rows in a price file.

use std::fmt::Write as _;

use outlay_price::parts::{Place, Rates, Row};
use outlay_price::{Latency, Tier, Usd};

use crate::prices::lookup::model_id;

/// The fields that identify a row.
pub(super) const KEY: [&str; 6] = ["model", "region", "tier", "latency", "effective_from", "context_over"];

/// Returns the values of the fields in [`KEY`], which are empty if the row does not set them.
pub(super) fn key(row: &Row) -> Vec<String> {
    // These rows have one routing.
    let routing = row.routings.first().copied().unwrap_or(outlay_price::Routing::InRegion);
    vec![
        model_id(&row.model, routing),
        place(&row.place),
        if row.tier == Tier::Default { String::new() } else { row.tier.to_string() },
        if row.latency == Latency::Standard { String::new() } else { row.latency.to_string() },
        row.start.as_ref().map_or_else(String::new, |start| start.text.to_string()),
        if row.context_over == 0 { String::new() } else { row.context_over.to_string() },
    ]
}

/// Returns the text of rows, each after an empty line.
pub(super) fn rows(rows: &[Row]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
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

/// Returns the value of the field `region`, which is empty for all regions.
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
