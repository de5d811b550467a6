//! The price table as tab-separated text.

use super::rates::per_million;
use outlay_price::Latency;
use outlay_price::parts::File;
use outlay_price::parts::Rates;
use outlay_price::parts::{Place, Row};

/// Returns the text of a table, as `outlay_price` parses it.
pub(super) fn to_tsv(file: &File) -> String {
    let mut text = format!("# version {}\n", file.version);
    text.push_str("model\tregions\troutings\ttier\tlatency\tcontext_over\teffective_from\t");
    text.push_str(&Rates::NAMES.join("\t"));
    text.push_str("\tderived\tunits\tsource\tas_of\tconfidence\tnote\n");
    for row in &file.rows {
        text.push_str(&line(row));
        text.push('\n');
    }
    text
}

fn line(row: &Row) -> String {
    let mut fields = vec![
        row.model.clone(),
        place(&row.place),
        row.routings.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        row.tier.to_string(),
        if row.latency == Latency::Standard { String::new() } else { row.latency.to_string() },
        if row.context_over == 0 { String::new() } else { row.context_over.to_string() },
        row.start.as_ref().map_or_else(String::new, |start| start.text.to_string()),
    ];
    fields.extend(row.rates.all().map(|rate| rate.map_or_else(String::new, per_million)));
    fields.push(row.derived.names().collect::<Vec<_>>().join(","));
    fields.push(row.units.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"));
    fields.extend([row.source.clone(), row.as_of.clone(), row.confidence.to_string(), row.note.clone()]);
    fields.join("\t")
}

fn place(place: &Place) -> String {
    match place {
        Place::Regions(regions) => regions.join(","),
        Place::Geo(geo) => format!("geo:{geo}"),
        Place::Any => "*".to_owned(),
    }
}
