use std::cmp::Ordering;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use crate::price::{Entry, Step};
use crate::rate::Rates;
use crate::row::Row;
use crate::unit::UnitPrice;
use crate::{Latency, ModelRef, Price, Routing, Tier};

mod discounted;

/// One layer of a catalogue: rows by model, and names that stand for models.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) version: Arc<str>,
    models: HashMap<Box<str>, Box<[Slot]>>,
    pub(crate) aliases: HashMap<Box<str>, Box<str>>,
    /// Whether a row without region holds in regions of other partitions too.
    reaches_all_partitions: bool,
}

/// A price, with its road beside it so that a search need not touch it.
#[derive(Debug)]
struct Slot {
    road: Road,
    price: Price,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Road(Routing, Tier, Latency);

/// What to search for in a table.
#[derive(Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) routing: Routing,
    pub(crate) region: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) tier: Tier,
    pub(crate) latency: Latency,
    pub(crate) at: Timestamp,
}

impl Road {
    /// Of any region and account.
    fn search<'a>(self, at: Timestamp) -> Search<'a> {
        Search { routing: self.0, tier: self.1, latency: self.2, ..Search::plain(None, None, at) }
    }
}

impl<'a> Search<'a> {
    /// In the region, at the default tier and standard latency.
    pub(crate) const fn plain(region: Option<&'a str>, account: Option<&'a str>, at: Timestamp) -> Self {
        let (routing, tier, latency) = (Routing::InRegion, Tier::Default, Latency::Standard);
        Self { routing, region, account, tier, latency, at }
    }
}

/// Rows that do not make a table; the numbers are places in the list of rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TableError {
    /// Two rows have the same key.
    Twice { first: usize, second: usize },
    /// A row holds above a context size, and none below it.
    NoBase { row: usize },
}

impl Table {
    /// A table of list prices, whose rows without region hold in AWS's commercial regions.
    pub(crate) fn listed(version: &str, rows: Vec<Row>) -> Result<Self, TableError> {
        Self::new(version, rows, false)
    }

    /// The user's table: a row without region is meant for every region.
    pub(crate) fn own(version: &str, rows: Vec<Row>) -> Result<Self, TableError> {
        Self::new(version, rows, true)
    }

    fn new(version: &str, rows: Vec<Row>, reaches_all_partitions: bool) -> Result<Self, TableError> {
        let version: Arc<str> = version.into();
        let mut rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        rows.sort_by(|(_, a), (_, b)| order(a, b).then(a.context_over.cmp(&b.context_over)));
        for pair in rows.windows(2) {
            let [(first, a), (second, b)] = pair else {
                continue;
            };
            if order(a, b).is_eq() && a.context_over == b.context_over {
                let (first, second) = (*first.min(second), *first.max(second));
                return Err(TableError::Twice { first, second });
            }
        }
        let mut models: HashMap<String, Vec<Slot>> = HashMap::new();
        for group in rows.chunk_by(|(_, a), (_, b)| order(a, b).is_eq()) {
            // `chunk_by` makes no empty chunk.
            let Some((row, first)) = group.first() else {
                continue;
            };
            if first.context_over > 0 {
                return Err(TableError::NoBase { row: *row });
            }
            let road = Road(first.routing, first.tier, first.latency);
            let price = Price(Arc::new(entry(group, first, Arc::clone(&version))));
            models.entry_ref(first.model.as_str()).or_default().push(Slot { road, price });
        }
        let models = models.into_iter().map(|(model, slots)| (model.into(), slots.into())).collect();
        Ok(Self { version, models, aliases: HashMap::new(), reaches_all_partitions })
    }

    /// The price in force: that of the account before that of any, that of the region before that of any, the latest
    /// start first.
    pub(crate) fn find(&self, model: &str, search: Search<'_>) -> Option<&Price> {
        self.pick(self.models.get(model)?, search)
    }

    fn pick<'s>(&self, slots: &'s [Slot], search: Search<'_>) -> Option<&'s Price> {
        let road = Road(search.routing, search.tier, search.latency);
        let any_region = self.reaches_all_partitions
            || search.routing == Routing::Geo(crate::Geo::UsGov)
            || search.region.is_none_or(is_commercial);
        slots.iter().filter(|slot| slot.road == road).map(|slot| &slot.price).find(|price| {
            let here = match price.region() {
                Some(region) => search.region == Some(region),
                None => any_region,
            };
            let ours = price.account().is_none_or(|account| search.account == Some(account));
            here && ours && price.0.start.as_ref().is_none_or(|start| start.at <= search.at)
        })
    }

    pub(crate) fn prices(&self) -> impl Iterator<Item = &Price> {
        self.models.values().flatten().map(|slot| &slot.price)
    }

    /// Names, and no prices.
    pub(crate) fn of_aliases(aliases: HashMap<Box<str>, Box<str>>) -> Self {
        Self { aliases, ..Self::default() }
    }

    /// Whether it has names, and no prices.
    pub(crate) fn is_only_aliases(&self) -> bool {
        self.models.is_empty() && !self.aliases.is_empty()
    }

    /// What a name stands for: by its whole text, or by the id of its resource.
    pub(crate) fn alias(&self, model: ModelRef<'_>) -> Option<ModelRef<'_>> {
        if self.aliases.is_empty() {
            return None;
        }
        let target = self.aliases.get(model.as_str()).or_else(|| match model.base_id() {
            Some(_) => None,
            None => self.aliases.get(model.resource_id()),
        })?;
        ModelRef::parse(target).ok()
    }
}

/// By everything of the key but the context size, in the order of search: rows of an account before
/// those of any, then rows of a region before those of any, then late starts before early ones and those since ever
/// last.
fn order(a: &Row, b: &Row) -> Ordering {
    let start = |row: &Row| row.start.as_ref().map(|start| start.at);
    a.model
        .cmp(&b.model)
        .then_with(|| (a.routing, a.tier, a.latency).cmp(&(b.routing, b.tier, b.latency)))
        .then_with(|| b.account.cmp(&a.account))
        .then_with(|| b.region.cmp(&a.region))
        .then_with(|| start(b).cmp(&start(a)))
}

/// The same order for the prices of one model.
fn order_of_slots(a: &Slot, b: &Slot) -> Ordering {
    let start = |slot: &Slot| slot.price.effective_at();
    a.road
        .cmp(&b.road)
        .then_with(|| b.price.account().cmp(&a.price.account()))
        .then_with(|| b.price.region().cmp(&a.price.region()))
        .then_with(|| start(b).cmp(&start(a)))
}

fn entry(group: &[(usize, Row)], first: &Row, version: Arc<str>) -> Entry {
    Entry {
        model: first.model.as_str().into(),
        region: first.region.as_deref().map(Box::from),
        account: first.account.as_deref().map(Box::from),
        routing: first.routing,
        tier: first.tier,
        latency: first.latency,
        start: first.start.clone(),
        steps: group.iter().map(|(_, row)| Step { over: row.context_over, rates: rates(row) }).collect(),
        units: in_order(&first.units),
        bills_units: first.units.iter().any(costs),
        source: first.source.as_str().into(),
        as_of: first.as_of.as_str().into(),
        confidence: first.confidence,
        note: first.note.as_str().into(),
        version,
    }
}

/// Where capacity is all that has a price, a call costs nothing beside it.
fn rates(row: &Row) -> Rates {
    let is_capacity = !row.units.is_empty() && row.units.iter().all(|price| price.unit().is_capacity());
    if row.rates.is_empty() && is_capacity { Rates::FREE } else { row.rates }
}

/// Capacity is billed by time, whatever is called.
fn costs(unit: &UnitPrice) -> bool {
    !unit.price().is_zero() && !unit.unit().is_capacity()
}

fn in_order(units: &[UnitPrice]) -> Box<[UnitPrice]> {
    let mut units = units.to_vec();
    units.sort_by_cached_key(UnitPrice::order);
    units.into_boxed_slice()
}

/// Whether a region is in AWS's commercial partition. The others have prices of their own (the US
/// government's about 1.2 times these), which no row for "any region" may stand in for.
fn is_commercial(region: &str) -> bool {
    !["us-gov-", "us-iso", "eu-iso", "eusc-", "cn-"].iter().any(|prefix| region.starts_with(prefix))
}
