//! The table as text.

use super::rates::per_million;
use crate::rate::Rates;
use crate::row::Row;
use crate::row::tsv::File;

/// The text of a table, as [`tsv::parse`](crate::row::tsv::parse) reads it.
pub(super) fn table(file: &File) -> String {
    let mut text = format!("# version {}\n", file.version);
    text.push_str("model\tregion\trouting\ttier\tlatency\tcontext_over\teffective_from\t");
    text.push_str(&Rates::NAMES.join("\t"));
    text.push_str("\tunits\tsource\tas_of\tconfidence\tnote\n");
    for row in &file.rows {
        text.push_str(&line(row));
        text.push('\n');
    }
    text
}

fn line(row: &Row) -> String {
    let mut fields = vec![
        row.model.clone(),
        row.region.clone().unwrap_or_default(),
        row.routing.to_string(),
        row.tier.to_string(),
        row.latency.to_string(),
        if row.context_over == 0 { String::new() } else { row.context_over.to_string() },
        row.start.as_ref().map_or_else(String::new, |start| start.text.to_string()),
    ];
    fields.extend(row.rates.all().map(|rate| rate.map_or_else(String::new, per_million)));
    fields.push(row.units.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"));
    fields.extend([row.source.clone(), row.as_of.clone(), row.confidence.to_string(), row.note.clone()]);
    fields.join("\t")
}
