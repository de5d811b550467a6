//! The bundled table's text: tab-separated, one row per line, an empty field where nothing is known.

use crate::UnitPrice;
use crate::rate::{RATES, Rate, Rates};
use crate::row::Row;
use crate::start::Start;

const COLUMNS: usize = 12 + RATES;

/// The version, and the rows.
pub(crate) struct File {
    pub(crate) version: String,
    pub(crate) rows: Vec<Row>,
}

/// A line that is no row, and the column that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TsvError {
    pub(crate) line: usize,
    pub(crate) column: &'static str,
}

/// Reads a table: `# version ...`, the names of the columns, then rows.
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

fn row(line: &str) -> Result<Row, &'static str> {
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
        region,
        routing,
        tier,
        latency,
        context_over,
        start,
        rates @ ..,
        units,
        source,
        as_of,
        confidence,
        note,
    ] = fields;
    Ok(Row {
        model: model.to_owned(),
        region: (!region.is_empty()).then(|| region.to_owned()),
        account: None,
        routing: routing.parse().map_err(|_| "routing")?,
        tier: tier.parse().map_err(|_| "tier")?,
        latency: latency.parse().map_err(|_| "latency")?,
        context_over: if context_over.is_empty() { 0 } else { context_over.parse().map_err(|_| "context_over")? },
        start: if start.is_empty() { None } else { Some(Start::parse(start).ok_or("effective_from")?) },
        rates: parse_rates(rates)?,
        units: parse_units(units).ok_or("units")?,
        source: source.to_owned(),
        as_of: as_of.to_owned(),
        confidence: confidence.parse().map_err(|_| "confidence")?,
        note: note.to_owned(),
    })
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

/// `output_image[side<=1024,premium]=0.06;query=0.001`
fn parse_units(field: &str) -> Option<Vec<UnitPrice>> {
    field.split(';').filter(|part| !part.is_empty()).map(|part| UnitPrice::parse(part).ok()).collect()
}
