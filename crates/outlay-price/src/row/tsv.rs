//! The text format of the bundled table: tab-separated values, one row per line. An unknown value is an empty field.

use crate::effective_from::Start;
use crate::rate::{RATES, Rate, RateSet, Rates};
use crate::row::{Place, Row};
use crate::{Latency, Routing, UnitPrice};

const COLUMNS: usize = 13 + RATES;

/// A parsed table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The version.
    pub version: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// The error for an invalid line, with the invalid column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TsvError {
    pub(crate) line: usize,
    pub(crate) column: &'static str,
}

/// Parses a table: a line `# version ...`, a line with the names of the columns, then rows.
pub(crate) fn parse(text: &str) -> Result<File, TsvError> {
    let mut lines = text.lines().enumerate();
    let version = lines
        .next()
        .and_then(|(_, line)| line.strip_prefix("# version "))
        .ok_or(TsvError { line: 1, column: "version" })?;
    let rows = lines
        .skip(1)
        .map(|(index, line)| row(line).map_err(|column| TsvError { line: index + 1, column }))
        .collect::<Result<_, _>>()?;
    Ok(File { version: version.to_owned(), rows })
}

pub(crate) fn row(line: &str) -> Result<Row, &'static str> {
    let mut fields = [""; COLUMNS];
    let mut parts = line.split('\t');
    for field in &mut fields {
        *field = parts.next().ok_or("too few")?;
    }
    if parts.next().is_some() {
        return Err("too many");
    }
    let [
        model,
        regions,
        routings,
        tier,
        latency,
        context_over,
        start,
        rates @ ..,
        derived,
        units,
        source,
        as_of,
        confidence,
        note,
    ] = fields;
    Ok(Row {
        model: model.to_owned(),
        place: parse_place(regions).ok_or("regions")?,
        account: None,
        routings: parse_routings(routings).ok_or("routings")?,
        tier: tier.parse().map_err(|_| "tier")?,
        latency: if latency.is_empty() { Latency::Standard } else { latency.parse().map_err(|_| "latency")? },
        context_over: if context_over.is_empty() { 0 } else { context_over.parse().map_err(|_| "context_over")? },
        start: if start.is_empty() { None } else { Some(Start::parse(start).ok_or("effective_from")?) },
        rates: parse_rates(rates)?,
        derived: RateSet::parse(derived).ok_or("derived")?,
        units: parse_units(units).ok_or("units")?,
        source: source.to_owned(),
        as_of: as_of.to_owned(),
        confidence: confidence.parse().map_err(|_| "confidence")?,
        note: note.to_owned(),
    })
}

/// Parses `us-east-1,us-west-2`, `geo:eu` or `*`.
fn parse_place(field: &str) -> Option<Place> {
    match field.strip_prefix("geo:") {
        _ if field.is_empty() => None,
        _ if field == "*" => Some(Place::Any),
        Some(geo) => match geo.parse() {
            Ok(Routing::Geo(geo)) => Some(Place::Geo(geo)),
            _ => None,
        },
        None => Some(Place::Regions(field.split(',').map(str::to_owned).collect())),
    }
}

fn parse_routings(field: &str) -> Option<Vec<Routing>> {
    field.split(',').map(|word| word.parse().ok()).collect()
}

fn parse_rates(fields: [&str; RATES]) -> Result<Rates, &'static str> {
    let mut rates = [None; RATES];
    for ((rate, field), name) in rates.iter_mut().zip(fields).zip(Rates::NAMES) {
        if !field.is_empty() {
            *rate = Some(Rate::per_million(field).map_err(|_| name)?);
        }
    }
    Ok(Rates::from_all(rates))
}

/// Parses a list such as `output_image[side<=1024,premium]=0.06;query=0.001`.
fn parse_units(field: &str) -> Option<Vec<UnitPrice>> {
    field.split(';').filter(|part| !part.is_empty()).map(|part| UnitPrice::parse(part).ok()).collect()
}
