//! The prices of the list, put together by what they are of.

use std::collections::{BTreeMap, BTreeSet};

use super::amount::Amount;
use super::product::{Subject, Thing, context_bounds};
use crate::import::imported::Skipped;
use crate::import::resolutions::Resolutions;
use outlay_price::parts::Start;
use outlay_price::parts::geos;
use outlay_price::parts::{Place, Row};
use outlay_price::parts::{RATES, RateSet, Rates};
use outlay_price::{BilledRouting, Confidence, Latency, Routing, Tier, UnitPrice};

#[derive(Default)]
pub(super) struct Book {
    pages: BTreeMap<Key, Page>,
    pub(super) as_of: String,
    pub(super) skipped: Vec<Skipped>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) model: String,
    pub(super) region: String,
    pub(super) routing: BilledRouting,
    pub(super) tier: Tier,
}

/// What each thing costs from each day on, by the context size above which it does.
type Page = BTreeMap<(u64, Thing), BTreeMap<Option<Start>, Amount>>;

impl Book {
    /// Enters a price, or says what is there already.
    pub(super) fn enter(&mut self, subject: &Subject, start: Option<Start>, amount: Amount) -> Result<(), String> {
        let page = self.pages.entry(subject.into()).or_default();
        let prices = page.entry((subject.over, subject.thing.clone())).or_default();
        match prices.get(&start) {
            Some(own) if *own != amount => {
                Err("another product has another price of the same: that one is taken".into())
            }
            Some(_) => Ok(()),
            None => {
                prices.insert(start, amount);
                Ok(())
            }
        }
    }

    pub(super) fn into_rows(self) -> (Vec<Row>, Vec<Skipped>) {
        let Self { pages, as_of, skipped } = self;
        let mut rows = Vec::new();
        for (key, page) in &pages {
            let own = Row { as_of: as_of.clone(), ..blank(key) };
            let bounds: BTreeSet<u64> = context_bounds(&key.model).into_iter().collect();
            let geo = Key { routing: BilledRouting::Geo, ..key.clone() };
            for (routing, derived) in routings(key, pages.contains_key(&geo)) {
                let (confidence, note) = match derived {
                    true => (Confidence::Derived, "geo-bills-as-region"),
                    false => (Confidence::Single, ""),
                };
                let row = Row { routings: vec![routing], confidence, note: note.to_owned(), ..own.clone() };
                rows.extend(of_page(page, &bounds, &row).into_iter().map(with_free_writes));
            }
        }
        (rows, skipped)
    }
}

/// The routings that a price is of, and whether that is derived.
fn routings(key: &Key, geo_is_told: bool) -> Vec<(Routing, bool)> {
    let geos = geos(&key.region).iter().map(|&geo| Routing::Geo(geo));
    match key.routing {
        BilledRouting::Geo => geos.map(|geo| (geo, false)).collect(),
        // Capacity and guardrails are of a region.
        BilledRouting::InRegion if geo_is_told || key.tier == Tier::Provisioned || !key.model.contains('.') => {
            vec![(Routing::InRegion, false)]
        }
        BilledRouting::InRegion => {
            [(Routing::InRegion, false)].into_iter().chain(geos.map(|geo| (geo, true))).collect()
        }
        _ => vec![(Routing::Global, false)],
    }
}

fn blank(key: &Key) -> Row {
    Row {
        model: key.model.clone(),
        place: Place::of_region(Some(&key.region)),
        account: None,
        routings: vec![Routing::InRegion],
        tier: key.tier,
        latency: Latency::Standard,
        context_over: 0,
        start: None,
        rates: Rates::default(),
        derived: RateSet::default(),
        units: Vec::new(),
        source: "aws-price-list".to_owned(),
        as_of: String::new(),
        confidence: Confidence::Single,
        note: String::new(),
    }
}

/// A row for each day on which something changes, and each context size: what does not change goes on.
fn of_page(page: &Page, bounds: &BTreeSet<u64>, row: &Row) -> Vec<Row> {
    let starts: BTreeSet<&Option<Start>> = page.values().flat_map(BTreeMap::keys).collect();
    let mut overs: BTreeSet<u64> = page.keys().map(|(over, _)| *over).collect();
    let holds_tokens = page.keys().any(|(_, thing)| matches!(thing, Thing::Tokens(_)));
    if holds_tokens {
        overs.extend(bounds);
    }
    let mut rows = Vec::new();
    for start in starts {
        let steps = overs.iter().map(|&over| (over, step(page, over, start)));
        // Below a bound, no price is no row: what is above it then has no base, and is told so.
        let steps: Vec<_> =
            steps.filter(|(over, (rates, units))| *over > 0 || !rates.is_empty() || !units.is_empty()).collect();
        let mut note = row.note.clone();
        if steps.iter().any(|(over, (rates, _))| *over > 0 && rates.is_empty()) {
            // Above the bound it may cost something else, which the list does not say.
            note = noted(&note, "long-context-price-unknown");
        }
        rows.extend(steps.into_iter().map(|(context_over, (rates, units))| Row {
            context_over,
            start: start.clone(),
            rates,
            units,
            note: note.clone(),
            ..row.clone()
        }));
    }
    rows
}

/// Of models whose cache writes AWS does not bill, the list has none.
fn with_free_writes(mut row: Row) -> Row {
    let Some(rules) = Resolutions::bundled().filter(|rules| rules.writes_are_free(&row.model)) else {
        return row;
    };
    if row.rates.cache_read.is_some() && row.rates.cache_write_5m.is_none() {
        row.rates.cache_write_5m = Rates::FREE.cache_write_5m;
        row.note = noted(&row.note, &rules.free_cache_writes.name);
    }
    row
}

fn noted(note: &str, name: &str) -> String {
    if note.is_empty() { name.to_owned() } else { format!("{note},{name}") }
}

/// What holds on a day above a context size.
fn step(page: &Page, over: u64, start: &Option<Start>) -> (Rates, Vec<UnitPrice>) {
    let mut rates = [None; RATES];
    let mut units = Vec::new();
    for ((_, thing), prices) in page.iter().filter(|((own, _), _)| *own == over) {
        match (thing, prices.range(..=start.clone()).next_back()) {
            (Thing::Tokens(name), Some((_, Amount::Rate(rate)))) => {
                for (slot, _) in rates.iter_mut().zip(Rates::NAMES).filter(|(_, own)| own == name) {
                    *slot = Some(*rate);
                }
            }
            (_, Some((_, Amount::Unit(price)))) => units.push(price.clone()),
            _ => {}
        }
    }
    (Rates::from_all(rates), units)
}
