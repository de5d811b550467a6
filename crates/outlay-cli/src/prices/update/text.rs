//! Rows as the text of a price file.

use std::fmt::Write as _;

use outlay_price::parts::{Place, Rates, Row};
use outlay_price::{Latency, Tier, Usd};

use crate::Error;
use crate::prices::places::wire;

/// A price file without the rows that somebody wrote by hand, and without what they take off.
pub(super) fn without_own(text: &str) -> Result<String, Error> {
    let mut file: toml::Table = text.parse()?;
    file.remove("discount");
    file.remove("alias");
    if let Some(toml::Value::Array(rows)) = file.get_mut("price") {
        rows.retain(|row| row.get("confidence").is_some_and(|word| word.as_str() != Some("own")));
    }
    Ok(format!("{}\n", toml::to_string(&file)?))
}

/// The rows, each after an empty line.
pub(super) fn rows(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        // A row of these has one routing, and one region.
        let routing = row.routings.first().copied().unwrap_or(outlay_price::Routing::InRegion);
        let _ = writeln!(text, "\n[[price]]\nmodel = {}", quoted(&wire(&row.model, routing)));
        let mut line = |key: &str, value: &str| {
            if !value.is_empty() {
                let _ = writeln!(text, "{key} = {}", quoted(value));
            }
        };
        line("region", &place(&row.place));
        line("tier", if row.tier == Tier::Default { "" } else { row.tier.as_str() });
        line("latency", if row.latency == Latency::Standard { "" } else { row.latency.as_str() });
        line("effective_from", row.start.as_ref().map_or("", |start| &start.text));
        for (name, rate) in Rates::NAMES.into_iter().zip(row.rates.all()) {
            line(name, &rate.map_or_else(String::new, |rate| rate.times(1_000_000).to_decimal()));
        }
        line("derived", &row.derived.names().collect::<Vec<_>>().join(","));
        line("source", &row.source);
        line("as_of", &row.as_of);
        line("confidence", row.confidence.as_str());
        if row.context_over > 0 {
            let _ = writeln!(text, "context_over = {}", row.context_over);
        }
        if !row.units.is_empty() {
            let unit = |name: String, price: Usd| format!("{} = {}", quoted(&name), quoted(&price.to_decimal()));
            let units = row.units.iter().map(|price| unit(price.name(), price.price()));
            let _ = writeln!(text, "units = {{ {} }}", units.collect::<Vec<_>>().join(", "));
        }
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
    toml::Value::String(text.to_owned()).to_string()
}
