//! The prices of the list, grouped by what they are for.

use std::collections::{BTreeMap, BTreeSet};

use super::aws_amount::Amount;
use super::product::{BilledUnit, PricedItem, context_bounds};
use crate::import::imported::Skipped;
use crate::import::note;
use crate::import::resolutions::Resolutions;
use outlay_price::parts::Start;
use outlay_price::parts::geos;
use outlay_price::parts::{Place, Row};
use outlay_price::parts::{RATES, RateSet, Rates};
use outlay_price::{BilledRouting, Confidence, Latency, Routing, Tier, UnitPrice};

#[derive(Default)]
pub(super) struct OfferPrices {
    by_key: BTreeMap<Key, DatedPrices>,
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

impl From<&PricedItem> for Key {
    fn from(item: &PricedItem) -> Self {
        Self { model: item.model.clone(), region: item.region.clone(), routing: item.routing, tier: item.tier }
    }
}

/// The prices of each unit by their start, with the context size above which they apply.
type DatedPrices = BTreeMap<(u64, BilledUnit), BTreeMap<Option<Start>, Amount>>;

impl OfferPrices {
    /// Adds a price, or returns an error if a different one is there.
    pub(super) fn insert(&mut self, item: &PricedItem, start: Option<Start>, amount: Amount) -> Result<(), String> {
        let dated_prices = self.by_key.entry(item.into()).or_default();
        let prices = dated_prices.entry((item.over, item.billed.clone())).or_default();
        match prices.get(&start) {
            Some(own) if *own != amount => Err("another product has another price for the same, which is used".into()),
            Some(_) => Ok(()),
            None => {
                prices.insert(start, amount);
                Ok(())
            }
        }
    }

    pub(super) fn skip(&mut self, what: &str, why: impl Into<String>) {
        self.skipped.push(Skipped::new(format!("aws-price-list {what}"), why));
    }

    pub(super) fn into_rows(self) -> (Vec<Row>, Vec<Skipped>) {
        let Self { by_key, as_of, skipped } = self;
        let mut rows = Vec::new();
        for (key, dated_prices) in &by_key {
            let own = Row { as_of: as_of.clone(), ..blank(key) };
            let bounds: BTreeSet<u64> = context_bounds(&key.model).into_iter().collect();
            let geo = Key { routing: BilledRouting::Geo, ..key.clone() };
            for (routing, derived) in routings(key, by_key.contains_key(&geo)) {
                let (confidence, note) = match derived {
                    true => (Confidence::Derived, "geo-bills-as-region"),
                    false => (Confidence::Single, ""),
                };
                let row = Row { routings: vec![routing], confidence, note: note.to_owned(), ..own.clone() };
                rows.extend(rows_of(dated_prices, &bounds, &row).into_iter().map(with_free_writes));
            }
        }
        (rows, skipped)
    }
}

/// Returns the routings of a price, and whether each is derived.
fn routings(key: &Key, geo_is_listed: bool) -> Vec<(Routing, bool)> {
    let geos = geos(&key.region).iter().map(|&geo| Routing::Geo(geo));
    match key.routing {
        BilledRouting::Geo => geos.map(|geo| (geo, false)).collect(),
        // Capacity and guardrails are regional.
        BilledRouting::InRegion if geo_is_listed || key.tier == Tier::Provisioned || !key.model.contains('.') => {
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

/// Returns a row for each day of a change and each context size. Unchanged prices carry over.
fn rows_of(dated_prices: &DatedPrices, bounds: &BTreeSet<u64>, row: &Row) -> Vec<Row> {
    let starts: BTreeSet<&Option<Start>> = dated_prices.values().flat_map(BTreeMap::keys).collect();
    let mut overs: BTreeSet<u64> = dated_prices.keys().map(|(over, _)| *over).collect();
    let holds_tokens = dated_prices.keys().any(|(_, billed)| matches!(billed, BilledUnit::Tokens(_)));
    if holds_tokens {
        overs.extend(bounds);
    }
    let mut rows = Vec::new();
    for start in starts {
        let steps = overs.iter().map(|&over| (over, step(dated_prices, over, start)));
        // Without a price below the bound there is no row, so that the rows above it have no base and are skipped.
        let steps: Vec<_> =
            steps.filter(|(over, (rates, units))| *over > 0 || !rates.is_empty() || !units.is_empty()).collect();
        let mut note = row.note.clone();
        if steps.iter().any(|(over, (rates, _))| *over > 0 && rates.is_empty()) {
            // The price above the bound may differ, and the list does not state it.
            note = note::appended(&note, "long-context-price-unknown");
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

/// Adds free cache writes to a model for which AWS does not bill them, because the list has none.
fn with_free_writes(mut row: Row) -> Row {
    let Some(rules) = Resolutions::bundled().filter(|rules| rules.has_free_cache_writes(&row.model)) else {
        return row;
    };
    if row.rates.cache_read.is_some() && row.rates.cache_write_5m.is_none() {
        row.rates.cache_write_5m = Rates::FREE.cache_write_5m;
        row.note = note::appended(&row.note, &rules.free_cache_writes.name);
    }
    row
}

/// Returns the prices on a day above a context size.
fn step(dated_prices: &DatedPrices, over: u64, start: &Option<Start>) -> (Rates, Vec<UnitPrice>) {
    let mut rates = [None; RATES];
    let mut units = Vec::new();
    for ((_, billed), prices) in dated_prices.iter().filter(|((own, _), _)| *own == over) {
        match (billed, prices.range(..=start.clone()).next_back()) {
            (BilledUnit::Tokens(name), Some((_, Amount::Rate(rate)))) => {
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
