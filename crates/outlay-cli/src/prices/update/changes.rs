//! The changes that a price table makes to the prices in force.

use std::collections::{BTreeMap, BTreeSet};

use outlay_price::parts::{Place, Rate, RateSet, Rates, Row, Start, Step, geos};
use outlay_price::{Confidence, Geo, Latency, Price, Prices, Routing, Tier, Timestamp, UnitPrice};

use super::row_text::{self, place};
use crate::Error;
use crate::import::{Imported, PriceTable, Snapshot};
use crate::prices::lookup::{CallSite, find_price, geography, regions};
use crate::prices::plausible::{Ranges, implausible_figures};

/// A table to update the prices from.
pub(super) struct TableUpdate {
    pub(super) table: PriceTable,
    pub(super) imported: Imported,
    pub(super) snapshot: Snapshot,
    /// The day of the table.
    pub(super) as_of: Start,
    /// Whether to accept figures that are far from those in force.
    pub(super) accepts_far: bool,
}

/// A line of the output, for one changed figure.
type Line = [String; 10];

/// The changes of one or more tables.
#[derive(Default)]
pub(super) struct Changes {
    /// The rows for the price file.
    pub(super) rows: Vec<Row>,
    /// The lines of the output.
    pub(super) lines: Vec<Line>,
    /// The number of unchanged prices.
    pub(super) same: usize,
    /// Prices that differ in the table and were not changed, with the reason.
    pub(super) left_alone: BTreeSet<String>,
    /// Parts of the table that gave no price, with the reason.
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

/// The subject of a statement: model, routing, place, tier and latency mode.
type PriceSubject = (String, Routing, Place, Tier, Latency);

/// The rows of a table for one subject from one day on, by context size.
type Statement = BTreeMap<u64, Row>;

/// All statements of a table, by subject and day.
type Statements = BTreeMap<PriceSubject, BTreeMap<Option<Timestamp>, Statement>>;

fn statements(rows: &[Row]) -> Statements {
    let mut statements = Statements::new();
    for row in rows {
        for &routing in &row.routings {
            let subject = (row.model.clone(), routing, row.place.clone(), row.tier, row.latency);
            let start = row.start.as_ref().map(|start| start.at);
            let row = Row { routings: vec![routing], ..row.clone() };
            statements.entry(subject).or_default().entry(start).or_default().insert(row.context_over, row);
        }
    }
    statements
}

/// The current price of a statement's subject.
enum CurrentPrice {
    /// There is none. The statement is the first for this place.
    Missing(Place),
    /// The price, and the place that it is for.
    Found(Price, Place),
    /// There are prices by region, and the table has no regions.
    ByRegion(Price),
}

/// The decision about a statement.
enum Decision {
    Unchanged,
    LeftAlone(String),
    Rows(Vec<Row>),
}

/// Returns the changes that a table makes.
///
/// Of the statements about one subject, only the one in force on the table's day and later ones count; the others are
/// in the past.
pub(super) fn find(update: &TableUpdate, prices: &Prices) -> Result<Changes, Error> {
    let finder = Finder::new(update, prices)?;
    let mut changes = Changes::default();
    changes.skipped.extend(update.imported.skipped.iter().map(|part| format!("{}: {}", part.what, part.why)));
    let mut keys: BTreeMap<Vec<String>, Row> = BTreeMap::new();
    for (subject, by_day) in statements(&update.imported.rows) {
        let is_past = |day: &Option<Timestamp>| day.is_none_or(|day| day <= update.as_of.at);
        let in_force = by_day.keys().copied().rfind(|day| is_past(day));
        for (day, statement) in by_day.iter().filter(|(day, _)| !is_past(day) || Some(**day) == in_force) {
            let name = || format!("{} {} {}", subject.0, subject.1, subject.3);
            match finder.decide(&subject, *day, statement) {
                Ok(Decision::Unchanged) => changes.same += 1,
                Ok(Decision::LeftAlone(why)) => drop(changes.left_alone.insert(format!("{}: {why}", name()))),
                Ok(Decision::Rows(rows)) => match keys.get(&row_text::key(&rows[0])) {
                    Some(known) if (known.rates, &known.units) == (rows[0].rates, &rows[0].units) => changes.same += 1,
                    Some(_) => {
                        let why = "another part of the table has another price of the same, which is taken";
                        changes.skipped.push(format!("{}: {why}", name()));
                    }
                    None => {
                        keys.insert(row_text::key(&rows[0]), rows[0].clone());
                        let old = finder
                            .current_price(&subject, rows[0].start.as_ref().map_or(update.as_of.at, |start| start.at));
                        let old = match old {
                            CurrentPrice::Found(price, _) => Some(price),
                            _ => None,
                        };
                        changes.lines.extend(rows.iter().flat_map(|row| lines(row, old.as_ref())));
                        changes.rows.extend(rows);
                    }
                },
                Err(why) => changes.skipped.push(format!("{}: {why}", name())),
            }
        }
    }
    Ok(changes)
}

struct Finder<'a> {
    update: &'a TableUpdate,
    prices: &'a Prices,
    bundled: Prices,
    /// The statements of the table that the bundled one was built from.
    snapshot: Statements,
    known: KnownDifferences,
    regions: Vec<String>,
    ranges: Ranges,
    /// The day as of which the prices were last updated from this table.
    last_as_of: Start,
}

impl<'a> Finder<'a> {
    fn new(update: &'a TableUpdate, prices: &'a Prices) -> Result<Self, Error> {
        let own = prices.rows().filter(|price| is_from(price, update.table) && !is_bundled(price));
        let last_as_of =
            own.filter_map(|price| Start::parse(price.as_of())).max().unwrap_or(update.snapshot.day.clone());
        let last_as_of = last_as_of.max(update.snapshot.day.clone());
        if update.as_of < last_as_of {
            let (as_of, last_as_of) = (&update.as_of.text, &last_as_of.text);
            let what = format!("it is of {as_of}, and the prices are from that table as of {last_as_of}");
            return Err(format!("{what}: an older table changes nothing").into());
        }
        let snapshot = update.snapshot.imported.as_ref().map(|snapshot| statements(&snapshot.rows)).unwrap_or_default();
        let known = if update.table == PriceTable::Aws { known_differences() } else { KnownDifferences::new() };
        Ok(Self {
            update,
            prices,
            snapshot,
            known,
            regions: regions(prices).into_iter().collect(),
            last_as_of,
            bundled: Prices::bundled(),
            ranges: Ranges::of(prices),
        })
    }

    fn decide(
        &self,
        subject: &PriceSubject,
        day: Option<Timestamp>,
        statement: &Statement,
    ) -> Result<Decision, String> {
        let Some(row) = statement.values().next() else { return Ok(Decision::Unchanged) };
        let is_aws = self.update.table == PriceTable::Aws;
        // A change before the last update was not made then, so it starts at that update.
        let start = row.start.clone().filter(|_| day.is_some()).unwrap_or_else(|| self.update.as_of.clone());
        let mut start = start.max(self.last_as_of.clone());
        let is_unchanged = || {
            let snapshot = self.snapshot.get(subject).and_then(|by_day| by_day.get(&day));
            snapshot.is_some_and(|snapshot| has_same_figures(snapshot, statement))
        };
        let (old, place) = match self.current_price(subject, start.at) {
            CurrentPrice::ByRegion(price) if is_unchanged() || !self.differs(&price, statement) => {
                return Ok(Decision::Unchanged);
            }
            CurrentPrice::ByRegion(_) => {
                return Ok(Decision::LeftAlone("it has prices by region, and the table has no regions".to_owned()));
            }
            CurrentPrice::Missing(place) => (None, place),
            CurrentPrice::Found(price, place) => (Some(price), place),
        };
        let confidence = if is_aws { Confidence::Listed } else { Confidence::Single };
        let template = |start: Start| Row {
            place: place.clone(),
            start: Some(start),
            confidence,
            note: String::new(),
            ..row.clone()
        };
        let Some(old) = old else {
            if is_unchanged() {
                // The bundled table deliberately has no price of such ids.
                return Ok(Decision::Unchanged);
            }
            return self.checked(new_rows(statement, &template(start)));
        };
        let is_own = is_from(&old, self.update.table);
        let is_bundled = is_bundled(&old);
        if (is_bundled || !is_own) && is_unchanged() {
            return Ok(Decision::Unchanged);
        }
        if !self.differs(&old, statement) {
            let is_another = !is_bundled && !is_own && old.confidence() == Confidence::Single;
            return match old.effective_from().and_then(|start| Start::parse(start)).filter(|_| is_another) {
                Some(start) => self.checked(agreed_rows(&old, statement, &template(start))),
                None => Ok(Decision::Unchanged),
            };
        }
        // The change cannot start before the price in force was stated.
        if let Some(stated) = Start::parse(old.as_of()) {
            if !is_aws && self.update.as_of < stated {
                return Ok(Decision::LeftAlone("the price in force was stated later".to_owned()));
            }
            if !is_bundled && !is_own && self.update.as_of == stated {
                return Ok(Decision::LeftAlone("another table of the same day has another price".to_owned()));
            }
            start = start.max(stated);
        }
        // A price that returns to the bundled price gets its confidence back.
        if let (false, CurrentPrice::Found(bundled, _)) =
            (is_bundled, current_price(&self.bundled, &self.regions, subject, start.at))
            && !self.differs(&bundled, statement)
        {
            let source = format!("{}+{}", bundled.source(), row.source);
            let row = Row { confidence: bundled.confidence(), source, ..template(start) };
            return self.checked(rows_of_price(&bundled, &row));
        }
        self.checked(merged_rows(statement, &old, &template(start))?)
    }

    fn current_price(&self, subject: &PriceSubject, at: Timestamp) -> CurrentPrice {
        current_price(self.prices, &self.regions, subject, at)
    }

    /// Accepts the rows if they form a price file and no figure is far from the known ones.
    fn checked(&self, rows: Vec<Row>) -> Result<Decision, String> {
        let has_figures = rows.first().is_some_and(|row| !row.rates.is_empty() || !row.units.is_empty());
        if !has_figures {
            return Err("it has no known figure".to_owned());
        }
        let prices = Prices::from_toml(&row_text::rows(&rows)).map_err(|error| {
            let text = error.to_string();
            // The line number is of no use, because the user has not seen the text.
            text.split_once(": ").map_or_else(|| text.clone(), |(_, why)| why.to_owned())
        })?;
        let new = prices.without_bundled();
        let far: Vec<String> =
            new.rows().flat_map(|price| implausible_figures(price, self.prices, &self.ranges)).collect();
        match far.is_empty() || self.update.accepts_far {
            true => Ok(Decision::Rows(rows)),
            false => Ok(Decision::LeftAlone(format!("{}; --accept-far accepts it", far.join(", ")))),
        }
    }

    /// Returns whether a statement has a figure that the price does not have, except for known differences.
    fn differs(&self, old: &Price, statement: &Statement) -> bool {
        statement.iter().any(|(&over, row)| {
            let figures = Rates::NAMES.into_iter().zip(row.rates.all()).zip(step(old, over).rates.all());
            let mut rates = figures
                .filter(|((name, new), old)| new.is_some() && new != old && !self.is_known_difference(row, name, *new));
            rates.next().is_some() || row.units.iter().any(|unit| !old.units().contains(unit))
        })
    }

    fn is_known_difference(&self, row: &Row, name: &str, rate: Option<Rate>) -> bool {
        let amount = rate.map_or_else(String::new, |rate| rate.times(1_000_000).to_decimal());
        let id = format!("{} in {}", row.model, place(&row.place));
        self.known.contains(&(id, format!("{} {name}", row.tier), amount))
    }
}

/// Returns whether a price is from a table.
fn is_from(price: &Price, table: PriceTable) -> bool {
    price.source().split('+').any(|source| source.starts_with(table.name()))
}

/// Returns whether a price is from the bundled table. A price file has its own version.
fn is_bundled(price: &Price) -> bool {
    **price.version() == *Prices::bundled().version()
}

/// Returns whether two statements have the same figures, whatever their sources.
fn has_same_figures(a: &Statement, b: &Statement) -> bool {
    let same = |(a, b): ((&u64, &Row), (&u64, &Row))| a.0 == b.0 && (a.1.rates, &a.1.units) == (b.1.rates, &b.1.units);
    a.len() == b.len() && a.iter().zip(b).all(same)
}

fn current_price(prices: &Prices, regions: &[String], subject: &PriceSubject, at: Timestamp) -> CurrentPrice {
    let (model, routing, place, tier, latency) = subject;
    let own = match place {
        Place::Regions(regions) => regions.first().map(String::as_str),
        _ => None,
    };
    let in_geo = |geo: Geo| regions.iter().map(String::as_str).filter(move |region| geos(region).contains(&geo));
    let (regions, place): (Vec<&str>, Place) = match (own, *routing) {
        (Some(region), _) => (vec![region], place.clone()),
        (None, Routing::Geo(geo)) => (in_geo(geo).collect(), Place::Geo(geo)),
        (None, _) => (vec!["us-east-1"], Place::of_region(Some("us-east-1"))),
    };
    let is_same = |price: &Price| {
        price.model() == model
            && (price.routing(), price.tier(), price.latency()) == (*routing, *tier, *latency)
            && price.confidence() != Confidence::Elsewhere
    };
    let of_region =
        |region| find_price(prices, model, (*routing, *tier, *latency), CallSite { region, account: None, at });
    let found: Vec<Price> = regions.into_iter().filter_map(of_region).filter(is_same).collect();
    // A table without regions is about us-east-1. An earlier update of this region does not make the price one by
    // region.
    let is_by_region = |price: &&Price| {
        let is_of_list = is_bundled(price) || price.confidence() == Confidence::Listed;
        geography(price).is_none() && price.region().is_some() && is_of_list
    };
    match (found.first(), found.iter().find(is_by_region)) {
        (None, _) => CurrentPrice::Missing(place),
        (Some(price), _) if own.is_some() => CurrentPrice::Found(price.clone(), place),
        (Some(_), Some(price)) => CurrentPrice::ByRegion(price.clone()),
        (Some(price), None) => match (geography(price), price.region()) {
            (Some(geo), _) => CurrentPrice::Found(price.clone(), Place::Geo(geo)),
            (None, None) => CurrentPrice::Found(price.clone(), Place::Any),
            (None, Some(_)) => CurrentPrice::Found(price.clone(), place),
        },
    }
}

/// Returns the step of a price for a context size above `over`.
fn step(price: &Price, over: u64) -> &Step {
    let reached = price.steps().iter().rposition(|step| step.over <= over);
    &price.steps()[reached.unwrap_or(0)]
}

/// The prices of AWS's list that deliberately differ in the bundled table: model and region, tier and figure, amount.
type KnownDifferences = BTreeSet<(String, String, String)>;

fn known_differences() -> KnownDifferences {
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

/// Returns the rows of a statement about a subject without a price.
fn new_rows(statement: &Statement, template: &Row) -> Vec<Row> {
    let row = |(&over, new): (&u64, &Row)| Row {
        rates: new.rates,
        derived: new.derived,
        units: new.units.clone(),
        context_over: over,
        ..template.clone()
    };
    statement.iter().map(row).collect()
}

/// Returns the rows of a price.
fn rows_of_price(price: &Price, template: &Row) -> Vec<Row> {
    let row = |step: &Step| Row {
        rates: step.rates,
        derived: step.derived,
        units: if step.over == 0 { price.units().to_vec() } else { Vec::new() },
        context_over: step.over,
        ..template.clone()
    };
    price.steps().iter().map(row).collect()
}

/// Returns the rows of a price that a second table confirms. A figure that the second table does not have stays an
/// estimate.
fn agreed_rows(old: &Price, statement: &Statement, template: &Row) -> Vec<Row> {
    let source = format!("{}+{}", old.source(), template.source);
    let mut rows = rows_of_price(old, &Row { confidence: Confidence::Agreed, source, ..template.clone() });
    for row in &mut rows {
        let stated = statement.get(&row.context_over).map(|statement| statement.rates.all()).unwrap_or_default();
        for (name, _) in Rates::NAMES.into_iter().zip(stated).filter(|(_, rate)| rate.is_none()) {
            let _ = row.derived.insert(name);
        }
    }
    rows
}

/// Returns the rows of a statement merged with the price in force. A row replaces the whole price, so figures that the
/// statement does not have are scaled in their old ratio.
fn merged_rows(statement: &Statement, old: &Price, template: &Row) -> Result<Vec<Row>, String> {
    let overs: BTreeSet<u64> = statement.keys().copied().chain(old.steps().iter().map(|step| step.over)).collect();
    let mut rows = Vec::new();
    for over in overs {
        let Some((&statement_over, new)) = statement.range(..=over).next_back() else { continue };
        let (rates, derived) = merged_rates(step(old, over), step(old, statement_over), new, statement_over == over)?;
        let units = if over == 0 { merged_units(old, &new.units) } else { Vec::new() };
        rows.push(Row { rates, derived, units, context_over: over, ..template.clone() });
    }
    Ok(rows)
}

/// Returns the rates of a step merged with a statement. `base` is the step that the new figures are compared with.
fn merged_rates(old: &Step, base: &Step, new: &Row, is_of_step: bool) -> Result<(Rates, RateSet), String> {
    let mut derived = RateSet::default();
    let mut rates = [None; Rates::NAMES.len()];
    let statement = new.rates.all();
    for (index, name) in Rates::NAMES.into_iter().enumerate() {
        let kept = old.rates.all()[index];
        let by = match name {
            "output" | "output_audio" => (base.rates.output, new.rates.output),
            _ => (base.rates.input, new.rates.input),
        };
        rates[index] = match (statement[index].filter(|_| is_of_step), kept, by) {
            (Some(statement), ..) => Some(statement),
            // A rate of zero stays zero.
            (None, Some(kept), (Some(before), Some(after)))
                if before != after && before.picos() > 0 && kept.picos() > 0 =>
            {
                let _ = derived.insert(name);
                Some(scaled(kept, before, after)?)
            }
            (None, kept, _) => {
                if old.derived.has(name) {
                    let _ = derived.insert(name);
                }
                kept
            }
        };
    }
    Ok((Rates::from_all(rates), derived))
}

fn scaled(rate: Rate, before: Rate, after: Rate) -> Result<Rate, String> {
    let [rate, before, after] = [rate, before, after].map(|rate| i128::from(rate.picos()));
    Rate::from_picos((rate * after * 2 + before) / (before * 2))
        .map_err(|_| "its other rates, scaled in their old ratio, exceed a thousand dollars per token".to_owned())
}

fn merged_units(old: &Price, new: &[UnitPrice]) -> Vec<UnitPrice> {
    let kept = old.units().iter().filter(|old| !new.iter().any(|new| new.is_of_same(old)));
    kept.chain(new).cloned().collect()
}

/// Returns a line for each figure of a row that differs from the price in force.
fn lines(row: &Row, old: Option<&Price>) -> Vec<Line> {
    let line = |figure: &str, before: Option<i128>, after: Option<i128>, text: &dyn Fn(i128) -> String| {
        [
            row.model.clone(),
            row.routings[0].to_string(),
            place(&row.place),
            row.tier.to_string(),
            row.start.as_ref().map_or_else(String::new, |start| start.text.to_string()),
            if row.context_over == 0 { String::new() } else { row.context_over.to_string() },
            figure.to_owned(),
            before.map_or_else(String::new, text),
            after.map_or_else(String::new, text),
            percent(before, after),
        ]
    };
    let picos = |rate: Rate| i128::from(rate.picos());
    let per_million = |picos: i128| outlay_price::Usd::from_picos(picos.saturating_mul(1_000_000)).to_decimal();
    let plain = |picos: i128| outlay_price::Usd::from_picos(picos).to_decimal();
    let mut lines = Vec::new();
    for (index, name) in Rates::NAMES.into_iter().enumerate() {
        let before = old.and_then(|old| step(old, row.context_over).rates.all()[index]);
        let after = row.rates.all()[index];
        if before != after {
            lines.push(line(name, before.map(picos), after.map(picos), &per_million));
        }
    }
    for unit in &row.units {
        let before = old.and_then(|old| old.units().iter().find(|old| old.is_of_same(unit)));
        if before != Some(unit) {
            lines.push(line(
                &unit.name(),
                before.map(|before| before.price().picos()),
                Some(unit.price().picos()),
                &plain,
            ));
        }
    }
    lines
}

/// Returns a change such as `-20.00%`, or an empty text if a figure is missing or the old one is not above zero.
fn percent(before: Option<i128>, after: Option<i128>) -> String {
    let (Some(before @ 1..), Some(after)) = (before, after) else { return String::new() };
    let hundredths = (after - before).saturating_mul(10_000) / before;
    let sign = if hundredths < 0 { '-' } else { '+' };
    format!("{sign}{}.{:02}%", hundredths.abs() / 100, hundredths.abs() % 100)
}
