//! What a price table says otherwise than the prices in force.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use outlay_price::parts::{Place, Rate, RateSet, Rates, Row, Start, Step, geos};
use outlay_price::{Confidence, Geo, Latency, Price, Prices, Routing, Tier, UnitPrice};

use super::text::{self, place};
use crate::Error;
use crate::import::{Imported, PriceTable, Snapshot};
use crate::prices::places::{Call, geo, price, regions};
use crate::prices::plausible::{Ranges, far};

/// A table that may have news.
pub(super) struct News {
    pub(super) table: PriceTable,
    pub(super) imported: Imported,
    pub(super) snapshot: Snapshot,
    /// The day on which it was taken.
    pub(super) as_of: Start,
    /// Whether a figure may be ten times the one in force.
    pub(super) accepts_far: bool,
}

/// A line for each figure that changes.
type Line = [String; 10];

/// What changes.
#[derive(Default)]
pub(super) struct Changes {
    /// For the price file.
    pub(super) rows: Vec<Row>,
    /// For people.
    pub(super) lines: Vec<Line>,
    /// How many prices are as they were.
    pub(super) same: usize,
    /// Prices that the table has otherwise, and why it does not change them.
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

/// What a statement is of: model, routing, place, tier and latency mode.
type Thing = (String, Routing, Place, Tier, Latency);

/// What a table says of one thing from a day on: its rows by context size.
type Said = BTreeMap<u64, Row>;

/// All that a table says, by its days.
type Statements = BTreeMap<Thing, BTreeMap<Option<Timestamp>, Said>>;

fn statements(rows: &[Row]) -> Statements {
    let mut statements = Statements::new();
    for row in rows {
        for &routing in &row.routings {
            let thing = (row.model.clone(), routing, row.place.clone(), row.tier, row.latency);
            let start = row.start.as_ref().map(|start| start.at);
            let row = Row { routings: vec![routing], ..row.clone() };
            statements.entry(thing).or_default().entry(start).or_default().insert(row.context_over, row);
        }
    }
    statements
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

/// What becomes of a statement.
enum Verdict {
    Same,
    LeftAlone(String),
    Rows(Vec<Row>),
}

/// Finds the statements of a table that are news.
///
/// Of what it says of one thing only what is in force on its day counts, and what it announces: the rest is the past.
pub(super) fn find(news: &News, prices: &Prices) -> Result<Changes, Error> {
    let finder = Finder::new(news, prices)?;
    let mut changes = Changes::default();
    changes.skipped.extend(news.imported.skipped.iter().map(|part| format!("{}: {}", part.what, part.why)));
    let mut keys: BTreeMap<Vec<String>, Row> = BTreeMap::new();
    for (thing, by_day) in statements(&news.imported.rows) {
        let is_past = |day: &Option<Timestamp>| day.is_none_or(|day| day <= news.as_of.at);
        let in_force = by_day.keys().copied().rfind(|day| is_past(day));
        for (day, said) in by_day.iter().filter(|(day, _)| !is_past(day) || Some(**day) == in_force) {
            let name = || format!("{} {} {}", thing.0, thing.1, thing.3);
            match finder.verdict(&thing, *day, said) {
                Ok(Verdict::Same) => changes.same += 1,
                Ok(Verdict::LeftAlone(why)) => drop(changes.left_alone.insert(format!("{}: {why}", name()))),
                Ok(Verdict::Rows(rows)) => match keys.get(&text::key(&rows[0])) {
                    Some(known) if (known.rates, &known.units) == (rows[0].rates, &rows[0].units) => changes.same += 1,
                    Some(_) => {
                        let why = "another part of the table has another price of the same, which is taken";
                        changes.skipped.push(format!("{}: {why}", name()));
                    }
                    None => {
                        keys.insert(text::key(&rows[0]), rows[0].clone());
                        let old = finder.now(&thing, rows[0].start.as_ref().map_or(news.as_of.at, |start| start.at));
                        let old = match old {
                            Now::Is(price, _) => Some(price),
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
    news: &'a News,
    prices: &'a Prices,
    bundled: Prices,
    /// What the table said when the bundled one was built.
    before: Statements,
    known: Known,
    regions: Vec<String>,
    ranges: Ranges,
    /// The day from which on it has not been asked.
    since: Start,
}

impl<'a> Finder<'a> {
    fn new(news: &'a News, prices: &'a Prices) -> Result<Self, Error> {
        let own = prices.rows().filter(|price| is_of(price, news.table) && !is_bundled(price));
        let since = own.filter_map(|price| Start::parse(price.as_of())).max().unwrap_or(news.snapshot.day.clone());
        let since = since.max(news.snapshot.day.clone());
        if news.as_of < since {
            let (as_of, since) = (&news.as_of.text, &since.text);
            let what = format!("it is of {as_of}, and the prices are from that table as of {since}");
            return Err(format!("{what}: an older one has no news").into());
        }
        let before = news.snapshot.imported.as_ref().map(|before| statements(&before.rows)).unwrap_or_default();
        let known = if news.table == PriceTable::Aws { known_otherwise() } else { Known::new() };
        Ok(Self {
            news,
            prices,
            before,
            known,
            regions: regions(prices).into_iter().collect(),
            since,
            bundled: Prices::bundled(),
            ranges: Ranges::of(prices),
        })
    }

    fn verdict(&self, thing: &Thing, day: Option<Timestamp>, said: &Said) -> Result<Verdict, String> {
        let Some(row) = said.values().next() else { return Ok(Verdict::Same) };
        let is_aws = self.news.table == PriceTable::Aws;
        // What a table dates before it was last asked was no change then.
        let start = row.start.clone().filter(|_| day.is_some()).unwrap_or_else(|| self.news.as_of.clone());
        let mut start = start.max(self.since.clone());
        let is_as_before = || {
            let before = self.before.get(thing).and_then(|by_day| by_day.get(&day));
            before.is_some_and(|before| is_same(before, said))
        };
        let (old, place) = match self.now(thing, start.at) {
            Now::ByRegion(price) if is_as_before() || !self.differs(&price, said) => return Ok(Verdict::Same),
            Now::ByRegion(_) => {
                return Ok(Verdict::LeftAlone(
                    "it has prices by region, which the table does not tell apart".to_owned(),
                ));
            }
            Now::None(place) => (None, place),
            Now::Is(price, place) => (Some(price), place),
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
            if is_as_before() {
                // Of such ids the bundled table deliberately has no price.
                return Ok(Verdict::Same);
            }
            return self.checked(first(said, &template(start)));
        };
        let is_own = is_of(&old, self.news.table);
        let is_bundled = is_bundled(&old);
        if (is_bundled || !is_own) && is_as_before() {
            return Ok(Verdict::Same);
        }
        if !self.differs(&old, said) {
            let is_another = !is_bundled && !is_own && old.confidence() == Confidence::Single;
            return match old.effective_from().and_then(|start| Start::parse(start)).filter(|_| is_another) {
                Some(start) => self.checked(agreed(&old, said, &template(start))),
                None => Ok(Verdict::Same),
            };
        }
        // What the price in force was stated on is not before it.
        if let Some(stated) = Start::parse(old.as_of()) {
            if !is_aws && self.news.as_of < stated {
                return Ok(Verdict::LeftAlone("the price in force was stated later".to_owned()));
            }
            if !is_bundled && !is_own && self.news.as_of == stated {
                return Ok(Verdict::LeftAlone("another table of the same day has another price".to_owned()));
            }
            start = start.max(stated);
        }
        // Back to what the bundled table has, it is as sure as that.
        if let (false, Now::Is(bundled, _)) = (is_bundled, now(&self.bundled, &self.regions, thing, start.at))
            && !self.differs(&bundled, said)
        {
            let source = format!("{}+{}", bundled.source(), row.source);
            let row = Row { confidence: bundled.confidence(), source, ..template(start) };
            return self.checked(of_price(&bundled, &row));
        }
        self.checked(over_old(said, &old, &template(start))?)
    }

    fn now(&self, thing: &Thing, at: Timestamp) -> Now {
        now(self.prices, &self.regions, thing, at)
    }

    /// The rows, where they make a price file, and no figure is far from what is known.
    fn checked(&self, rows: Vec<Row>) -> Result<Verdict, String> {
        let has_figures = rows.first().is_some_and(|row| !row.rates.is_empty() || !row.units.is_empty());
        if !has_figures {
            return Err("it has no figure that is understood".to_owned());
        }
        let prices = Prices::from_toml(&text::rows(&rows)).map_err(|error| {
            let text = error.to_string();
            // Of a text that nobody has seen no line is of use.
            text.split_once(": ").map_or_else(|| text.clone(), |(_, why)| why.to_owned())
        })?;
        let new = prices.without_bundled();
        let far: Vec<String> = new.rows().flat_map(|price| far(price, self.prices, &self.ranges)).collect();
        match far.is_empty() || self.news.accepts_far {
            true => Ok(Verdict::Rows(rows)),
            false => Ok(Verdict::LeftAlone(format!("{}; --accept-far takes it over", far.join(", ")))),
        }
    }

    /// Whether a statement has a figure that a price has not, but for those that are known to be otherwise.
    fn differs(&self, old: &Price, said: &Said) -> bool {
        said.iter().any(|(&over, row)| {
            let figures = Rates::NAMES.into_iter().zip(row.rates.all()).zip(step(old, over).rates.all());
            let mut rates =
                figures.filter(|((name, new), old)| new.is_some() && new != old && !self.is_known(row, name, *new));
            rates.next().is_some() || row.units.iter().any(|unit| !old.units().contains(unit))
        })
    }

    fn is_known(&self, row: &Row, name: &str, rate: Option<Rate>) -> bool {
        let amount = rate.map_or_else(String::new, |rate| rate.times(1_000_000).to_decimal());
        let id = format!("{} in {}", row.model, place(&row.place));
        self.known.contains(&(id, format!("{} {name}", row.tier), amount))
    }
}

/// Whether a price was taken from a table.
fn is_of(price: &Price, table: PriceTable) -> bool {
    price.source().split('+').any(|source| source.starts_with(table.name()))
}

/// Whether a price is of the bundled table: a price file has a version of its own.
fn is_bundled(price: &Price) -> bool {
    **price.version() == *Prices::bundled().version()
}

/// Whether two tables say the same, whoever they are.
fn is_same(a: &Said, b: &Said) -> bool {
    let same = |(a, b): ((&u64, &Row), (&u64, &Row))| a.0 == b.0 && (a.1.rates, &a.1.units) == (b.1.rates, &b.1.units);
    a.len() == b.len() && a.iter().zip(b).all(same)
}

fn now(prices: &Prices, regions: &[String], thing: &Thing, at: Timestamp) -> Now {
    let (model, routing, place, tier, latency) = thing;
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
    let of_region = |region| price(prices, model, (*routing, *tier, *latency), Call { region, account: None, at });
    let found: Vec<Price> = regions.into_iter().filter_map(of_region).filter(is_same).collect();
    // The region that a table without regions speaks of, as one of them has been taken over before, is none of those.
    let is_by_region = |price: &&Price| {
        let is_of_list = is_bundled(price) || price.confidence() == Confidence::Listed;
        geo(price).is_none() && price.region().is_some() && is_of_list
    };
    match (found.first(), found.iter().find(is_by_region)) {
        (None, _) => Now::None(place),
        (Some(price), _) if own.is_some() => Now::Is(price.clone(), place),
        (Some(_), Some(price)) => Now::ByRegion(price.clone()),
        (Some(price), None) => match (geo(price), price.region()) {
            (Some(geo), _) => Now::Is(price.clone(), Place::Geo(geo)),
            (None, None) => Now::Is(price.clone(), Place::Any),
            (None, Some(_)) => Now::Is(price.clone(), place),
        },
    }
}

/// The step of a price that holds above a context size.
fn step(price: &Price, over: u64) -> &Step {
    let reached = price.steps().iter().rposition(|step| step.over <= over);
    &price.steps()[reached.unwrap_or(0)]
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

/// The rows of a statement where there is no price yet.
fn first(said: &Said, template: &Row) -> Vec<Row> {
    let row = |(&over, new): (&u64, &Row)| Row {
        rates: new.rates,
        derived: new.derived,
        units: new.units.clone(),
        context_over: over,
        ..template.clone()
    };
    said.iter().map(row).collect()
}

/// The rows of a price.
fn of_price(price: &Price, template: &Row) -> Vec<Row> {
    let row = |step: &Step| Row {
        rates: step.rates,
        derived: step.derived,
        units: if step.over == 0 { price.units().to_vec() } else { Vec::new() },
        context_over: step.over,
        ..template.clone()
    };
    price.steps().iter().map(row).collect()
}

/// The rows of a price that another table has too; what that one does not state is as before an estimate.
fn agreed(old: &Price, said: &Said, template: &Row) -> Vec<Row> {
    let source = format!("{}+{}", old.source(), template.source);
    let mut rows = of_price(old, &Row { confidence: Confidence::Agreed, source, ..template.clone() });
    for row in &mut rows {
        let stated = said.get(&row.context_over).map(|said| said.rates.all()).unwrap_or_default();
        for (name, _) in Rates::NAMES.into_iter().zip(stated).filter(|(_, rate)| rate.is_none()) {
            let _ = row.derived.insert(name);
        }
    }
    rows
}

/// The rows that a statement makes: its figures over those of the price in force. A row is whole, so that what the
/// statement does not have is kept, in the ratio that it had.
fn over_old(said: &Said, old: &Price, template: &Row) -> Result<Vec<Row>, String> {
    let overs: BTreeSet<u64> = said.keys().copied().chain(old.steps().iter().map(|step| step.over)).collect();
    let mut rows = Vec::new();
    for over in overs {
        let Some((&said_over, new)) = said.range(..=over).next_back() else { continue };
        let (rates, derived) = rates_over_old(step(old, over), step(old, said_over), new, said_over == over)?;
        let units = if over == 0 { units_over_old(old, &new.units) } else { Vec::new() };
        rows.push(Row { rates, derived, units, context_over: over, ..template.clone() });
    }
    Ok(rows)
}

/// The rates of a step with what was said of it; `base` is the step that the new figures are compared with.
fn rates_over_old(old: &Step, base: &Step, new: &Row, is_of_step: bool) -> Result<(Rates, RateSet), String> {
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
            // What is free stays so.
            (None, Some(kept), (Some(was), Some(is))) if was != is && was.picos() > 0 && kept.picos() > 0 => {
                let _ = derived.insert(name);
                Some(scaled(kept, was, is)?)
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

fn scaled(rate: Rate, was: Rate, is: Rate) -> Result<Rate, String> {
    let [rate, was, is] = [rate, was, is].map(|rate| i128::from(rate.picos()));
    Rate::from_picos((rate * is * 2 + was) / (was * 2)).map_err(|_| {
        "what its other rates are in the ratio of before is more than a thousand dollars a token".to_owned()
    })
}

fn units_over_old(old: &Price, new: &[UnitPrice]) -> Vec<UnitPrice> {
    let kept = old.units().iter().filter(|old| !new.iter().any(|new| new.is_of_same(old)));
    kept.chain(new).cloned().collect()
}

/// The figures of a row that are not those of the price in force.
fn lines(row: &Row, old: Option<&Price>) -> Vec<Line> {
    let line = |figure: &str, was: Option<i128>, is: Option<i128>, text: &dyn Fn(i128) -> String| {
        [
            row.model.clone(),
            row.routings[0].to_string(),
            place(&row.place),
            row.tier.to_string(),
            row.start.as_ref().map_or_else(String::new, |start| start.text.to_string()),
            if row.context_over == 0 { String::new() } else { row.context_over.to_string() },
            figure.to_owned(),
            was.map_or_else(String::new, text),
            is.map_or_else(String::new, text),
            percent(was, is),
        ]
    };
    let picos = |rate: Rate| i128::from(rate.picos());
    let per_million = |picos: i128| outlay_price::Usd::from_picos(picos.saturating_mul(1_000_000)).to_decimal();
    let plain = |picos: i128| outlay_price::Usd::from_picos(picos).to_decimal();
    let mut lines = Vec::new();
    for (index, name) in Rates::NAMES.into_iter().enumerate() {
        let was = old.and_then(|old| step(old, row.context_over).rates.all()[index]);
        let is = row.rates.all()[index];
        if was != is {
            lines.push(line(name, was.map(picos), is.map(picos), &per_million));
        }
    }
    for unit in &row.units {
        let was = old.and_then(|old| old.units().iter().find(|old| old.is_of_same(unit)));
        if was != Some(unit) {
            lines.push(line(&unit.name(), was.map(|was| was.price().picos()), Some(unit.price().picos()), &plain));
        }
    }
    lines
}

/// `-20.00%`; empty where a figure is missing, and where the old one is zero.
fn percent(was: Option<i128>, is: Option<i128>) -> String {
    let (Some(was @ 1..), Some(is)) = (was, is) else { return String::new() };
    let hundredths = (is - was).saturating_mul(10_000) / was;
    let sign = if hundredths < 0 { '-' } else { '+' };
    format!("{sign}{}.{:02}%", hundredths.abs() / 100, hundredths.abs() % 100)
}
