//! What a price table says otherwise than the prices in force.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use outlay_price::parts::{Place, Rate, RateSet, Rates, Row, Start, Step, geos};
use outlay_price::{Confidence, Geo, Latency, Price, Prices, Routing, Tier, UnitPrice};

use super::text::place;
use crate::Error;
use crate::import::{Imported, Source};
use crate::prices::places::{geo, price, regions};

/// A table that may have news.
pub(super) struct News<'a> {
    pub(super) source: Source,
    pub(super) imported: &'a Imported,
    /// What it said when the bundled table was built.
    pub(super) before: Option<Imported>,
    /// The day on which it was taken.
    pub(super) as_of: Date,
}

/// What changes.
#[derive(Default)]
pub(super) struct Changes {
    /// For the price file.
    pub(super) rows: Vec<Row>,
    /// For people, a line for each figure.
    pub(super) lines: Vec<[String; 10]>,
    /// How many prices are as they were.
    pub(super) same: usize,
    /// Prices by region, of which the table has one for all.
    pub(super) left_alone: BTreeSet<String>,
    /// What gave no price, and why.
    pub(super) skipped: Vec<String>,
}

impl Changes {
    pub(super) fn extend(&mut self, more: Self) {
        self.rows.extend(more.rows);
        self.lines.extend(more.lines);
        self.same += more.same;
        self.left_alone.extend(more.left_alone);
        self.skipped.extend(more.skipped);
    }
}

type Key = (String, Vec<Routing>, Place, Tier, Latency, Option<Timestamp>);

/// What one table says of one thing: its rows by context size.
type Said = BTreeMap<u64, Row>;

fn said(rows: &[Row]) -> BTreeMap<Key, Said> {
    let mut said: BTreeMap<Key, Said> = BTreeMap::new();
    for row in rows {
        for &routing in &row.routings {
            let start = row.start.as_ref().map(|start| start.at);
            let key = (row.model.clone(), vec![routing], row.place.clone(), row.tier, row.latency, start);
            let row = Row { routings: vec![routing], ..row.clone() };
            said.entry(key).or_default().insert(row.context_over, row);
        }
    }
    said
}

/// The price that a statement would change.
enum Now {
    /// There is none: the statement is the first, of this place.
    None(Place),
    /// This one, of this place.
    Is(Price, Place),
    /// There are prices by region, which the table does not tell apart.
    ByRegion(Price),
}

pub(super) fn find(news: &News<'_>, prices: &Prices) -> Result<Changes, Error> {
    let as_of = Start::parse(&news.as_of.to_string()).ok_or("a day that is none")?;
    let before = news.before.as_ref().map(|before| said(&before.rows)).unwrap_or_default();
    let known = match news.source {
        Source::Aws => known_otherwise(),
        _ => BTreeSet::new(),
    };
    let regions: Vec<String> = regions(prices).into_iter().collect();
    let mut changes = Changes::default();
    changes.skipped.extend(news.imported.skipped.iter().map(|part| format!("{}: {}", part.what, part.why)));
    for (key, said) in said(&news.imported.rows) {
        let Some(row) = said.values().next() else { continue };
        if before.get(&key).is_some_and(|before| is_same(before, &said)) {
            changes.same += 1;
            continue;
        }
        let mut start = row.start.clone().unwrap_or_else(|| as_of.clone());
        let now = now(row, prices, &regions, start.at);
        let (old, place) = match now {
            Now::ByRegion(price) => {
                if differs(&price, &said, &known) {
                    changes.left_alone.insert(format!("{} {} {}", row.model, row.routings[0], row.tier));
                } else {
                    changes.same += 1;
                }
                continue;
            }
            Now::None(place) => (None, place),
            Now::Is(price, place) => (Some(price), place),
        };
        if old.as_ref().is_some_and(|old| !differs(old, &said, &known)) {
            changes.same += 1;
            continue;
        }
        // AWS's dates are those of its list, and not of a change: what the price in force was stated on is later.
        if let (Source::Aws, Some(since)) = (news.source, old.as_ref().and_then(|old| Start::parse(old.as_of()))) {
            start = start.max(since);
        }
        let confidence = if news.source == Source::Aws { Confidence::Listed } else { Confidence::Single };
        let new = rows(&said, old.as_ref(), &Row { place, start: Some(start), confidence, ..row.clone() })?;
        changes.lines.extend(new.iter().flat_map(|row| lines(row, old.as_ref())));
        changes.rows.extend(new);
    }
    Ok(changes)
}

/// Whether two tables say the same, whoever they are.
fn is_same(a: &Said, b: &Said) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|((a_over, a), (b_over, b))| a_over == b_over && a.rates == b.rates && a.units == b.units)
}

fn now(row: &Row, prices: &Prices, regions: &[String], at: Timestamp) -> Now {
    let routing = row.routings[0];
    let own = match &row.place {
        Place::Regions(regions) => regions.first().map(String::as_str),
        _ => None,
    };
    let in_geo = |geo: Geo| regions.iter().find(|region| geos(region).contains(&geo)).map(String::as_str);
    let (region, place) = match (own, routing) {
        (Some(region), _) => (region, row.place.clone()),
        (None, Routing::Geo(geo)) => (in_geo(geo).unwrap_or("us-east-1"), Place::Geo(geo)),
        (None, _) => ("us-east-1", Place::of_region(Some("us-east-1"))),
    };
    let of_same = |price: &Price| {
        price.model() == row.model
            && (price.routing(), price.tier(), price.latency()) == (routing, row.tier, row.latency)
            && price.confidence() != Confidence::Elsewhere
    };
    match price(prices, &row.model, (routing, row.tier, row.latency), region, at).filter(of_same) {
        None => Now::None(place),
        Some(price) if own.is_some() => Now::Is(price, place),
        Some(price) => match (geo(&price), price.region()) {
            (Some(geo), _) => Now::Is(price, Place::Geo(geo)),
            (None, None) => Now::Is(price, Place::Any),
            (None, Some(_)) => Now::ByRegion(price),
        },
    }
}

/// The step of a price that holds above a context size.
fn step(price: &Price, over: u64) -> &Step {
    let reached = price.steps().iter().rposition(|step| step.over <= over);
    &price.steps()[reached.unwrap_or(0)]
}

/// Whether a statement has a figure that the price in force has not, but for those that are known to be otherwise.
fn differs(old: &Price, said: &Said, known: &Known) -> bool {
    said.iter().any(|(&over, row)| {
        let old_rates = step(old, over).rates.all();
        let figures = Rates::NAMES.into_iter().zip(row.rates.all()).zip(old_rates);
        let rates = figures.filter(|((_, new), old)| new.is_some() && new != old);
        let mut rates = rates.filter(|((name, new), _)| !is_known(row, name, *new, known));
        let has = |unit: &UnitPrice| old.units().contains(unit);
        rates.next().is_some() || row.units.iter().any(|unit| !has(unit))
    })
}

/// What AWS's list says and the bundled table deliberately has otherwise: model and region, tier and figure, amount.
type Known = BTreeSet<(String, String, String)>;

fn known_otherwise() -> Known {
    let lines = include_str!("../../../data/differences.tsv").lines();
    let of_line = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        match cells[..] {
            ["aws-price-list", _, id, _, field, theirs, ..] => {
                Some((id.to_owned(), field.to_owned(), theirs.to_owned()))
            }
            _ => None,
        }
    };
    lines.filter_map(of_line).collect()
}

fn is_known(row: &Row, name: &str, rate: Option<Rate>, known: &Known) -> bool {
    let amount = rate.map_or_else(String::new, |rate| rate.times(1_000_000).to_decimal());
    let id = format!("{} in {}", row.model, place(&row.place));
    known.contains(&(id, format!("{} {name}", row.tier), amount))
}

/// The rows that a statement makes: its figures over those of the price in force. A row is whole, so that what the
/// statement does not have is kept, in the ratio that it had.
fn rows(said: &Said, old: Option<&Price>, as_of: &Row) -> Result<Vec<Row>, Error> {
    let overs: BTreeSet<u64> =
        said.keys().copied().chain(old.into_iter().flat_map(|old| old.steps().iter().map(|step| step.over))).collect();
    let mut rows = Vec::new();
    for over in overs {
        let Some((&said_over, new)) = said.range(..=over).next_back() else { continue };
        let Some(old) = old else {
            rows.push(Row {
                rates: new.rates,
                derived: new.derived,
                units: new.units.clone(),
                context_over: over,
                ..as_of.clone()
            });
            continue;
        };
        let (rates, derived) = over_old(step(old, over), step(old, said_over), new, said_over == over)?;
        let units = if over == 0 { units(old, &new.units) } else { Vec::new() };
        rows.push(Row { rates, derived, units, context_over: over, ..as_of.clone() });
    }
    Ok(rows)
}

/// The rates of a step with what was said of it; `base` is the step that the new figures are compared with.
fn over_old(old: &Step, base: &Step, new: &Row, is_of_step: bool) -> Result<(Rates, RateSet), Error> {
    let mut derived = RateSet::default();
    let mut rates = [None; Rates::NAMES.len()];
    let said = new.rates.all();
    for (index, name) in Rates::NAMES.into_iter().enumerate() {
        let kept = old.rates.all()[index];
        let by = match name {
            "output" | "output_audio" => (base.rates.output, new.rates.output),
            _ => (base.rates.input, new.rates.input),
        };
        rates[index] = match (said[index].filter(|_| is_of_step), kept, by) {
            (Some(said), ..) => Some(said),
            (None, Some(kept), (Some(was), Some(is))) if was != is && was.picos() > 0 => {
                derived.insert(name);
                Some(scaled(kept, was, is)?)
            }
            (None, kept, _) => {
                if old.derived.has(name) {
                    derived.insert(name);
                }
                kept
            }
        };
    }
    Ok((Rates::from_all(rates), derived))
}

fn scaled(rate: Rate, was: Rate, is: Rate) -> Result<Rate, Error> {
    let scaled = (i128::from(rate.picos()) * i128::from(is.picos()) * 2 + i128::from(was.picos()))
        / (i128::from(was.picos()) * 2);
    Rate::from_picos(scaled).map_err(|_| "a rate that is derived is out of range".into())
}

fn units(old: &Price, new: &[UnitPrice]) -> Vec<UnitPrice> {
    let kept = old.units().iter().filter(|old| !new.iter().any(|new| new.is_of_same(old)));
    kept.chain(new).cloned().collect()
}

/// The figures of a row that are not those of the price in force.
fn lines(row: &Row, old: Option<&Price>) -> Vec<[String; 10]> {
    let line = |figure: &str, was: String, is: String, change: String| {
        [
            row.model.clone(),
            row.routings[0].to_string(),
            place(&row.place),
            row.tier.to_string(),
            row.start.as_ref().map_or_else(String::new, |start| start.text.to_string()),
            if row.context_over == 0 { String::new() } else { row.context_over.to_string() },
            figure.to_owned(),
            was,
            is,
            change,
        ]
    };
    let text = |rate: Option<Rate>| rate.map_or_else(String::new, |rate| rate.times(1_000_000).to_decimal());
    let mut lines = Vec::new();
    for (index, name) in Rates::NAMES.into_iter().enumerate() {
        let was = old.and_then(|old| step(old, row.context_over).rates.all()[index]);
        let is = row.rates.all()[index];
        if was != is {
            lines.push(line(name, text(was), text(is), percent(was.map(Rate::picos), is.map(Rate::picos))));
        }
    }
    for unit in &row.units {
        let was = old.and_then(|old| old.units().iter().find(|old| old.is_of_same(unit)));
        if was != Some(unit) {
            let picos = |unit: &UnitPrice| u64::try_from(unit.price().picos()).ok();
            let change = percent(was.and_then(picos), picos(unit));
            let was = was.map_or_else(String::new, |was| was.price().to_decimal());
            lines.push(line(&unit.name(), was, unit.price().to_decimal(), change));
        }
    }
    lines
}

/// `-20.00%`; empty where a figure is missing, and where the old one is zero.
fn percent(was: Option<u64>, is: Option<u64>) -> String {
    let (Some(was @ 1..), Some(is)) = (was, is) else { return String::new() };
    let (was, is) = (i128::from(was), i128::from(is));
    let hundredths = (is - was) * 10_000 / was;
    let sign = if hundredths < 0 { '-' } else { '+' };
    format!("{sign}{}.{:02}%", hundredths.abs() / 100, hundredths.abs() % 100)
}
