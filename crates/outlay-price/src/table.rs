use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use crate::price::{Entry, Step, Terms};
use crate::rate::Rates;
use crate::region::{is_commercial, rank};
use crate::row::Row;
use crate::unit::UnitPrice;
use crate::{Latency, ModelRef, Price, Routing, Tier};

mod discounted;
mod instead;
mod of_model;
mod spot;

use of_model::OfModel;
use spot::Spot;

/// One layer of a catalogue: rows by model, and names that stand for models.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) version: Arc<str>,
    models: HashMap<Box<str>, OfModel>,
    pub(crate) aliases: HashMap<Box<str>, Alias>,
    /// Whether these are the user's own: they come before every list, and a row without region holds in the regions of
    /// other partitions too.
    is_own: bool,
}

/// The model that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) to: Box<str>,
    /// Whether the name is that of provisioned throughput, though it does not say so itself.
    pub(crate) is_provisioned: bool,
}

/// The prices of one model on one road, each list in the order of search.
#[derive(Debug)]
struct OfRoad {
    road: Road,
    /// Those of an account.
    accounts: Box<[Slot]>,
    /// Those of a region, by the region.
    regions: Box<[Slot]>,
    /// Those of more than a region.
    wide: Box<[Slot]>,
    /// Those that stand in for places without one.
    elsewhere: Box<[Slot]>,
}

/// A price, with where it holds.
#[derive(Clone, Debug)]
struct Slot {
    spot: Spot,
    price: Price,
    /// From here on the table says nothing there: a discount has ended, and the list answers again.
    is_end: bool,
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
    /// A table of list prices, bundled or imported. A price that is the same everywhere holds in AWS's commercial regions; where a region has
    /// none, that of another one stands in.
    pub(crate) fn listed(version: &str, rows: Vec<Row>) -> Result<Self, TableError> {
        let mut table = Self::new(version, rows, false)?;
        table.models.values_mut().for_each(OfModel::stand_in);
        Ok(table)
    }

    /// The user's table: a row without region is meant for every region.
    pub(crate) fn own(version: &str, rows: Vec<Row>) -> Result<Self, TableError> {
        Self::new(version, rows, true)
    }

    fn new(version: &str, rows: Vec<Row>, is_own: bool) -> Result<Self, TableError> {
        let version: Arc<str> = version.into();
        let mut rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        rows.sort_by(|(_, a), (_, b)| key(a).cmp(&key(b)).then(a.context_over.cmp(&b.context_over)));
        let mut models: HashMap<String, Vec<(usize, Road, Slot)>> = HashMap::new();
        for group in rows.chunk_by(|(_, a), (_, b)| key(a) == key(b)) {
            // `chunk_by` makes no empty chunk.
            let Some((row, first)) = group.first() else {
                continue;
            };
            let twice = group.windows(2).find(|pair| pair[0].1.context_over == pair[1].1.context_over);
            if let Some([(a, _), (b, _)]) = twice {
                return Err(TableError::Twice { first: *a.min(b), second: *a.max(b) });
            }
            if first.context_over > 0 {
                return Err(TableError::NoBase { row: *row });
            }
            let terms = Arc::new(terms(group, first, Arc::clone(&version)));
            models.entry_ref(first.model.as_str()).or_default().extend(slots(*row, first, &terms, !is_own));
        }
        let roads = models.into_iter().map(|(model, slots)| Ok((model.into(), OfModel::Parsed(roads(slots)?))));
        Ok(Self { version, models: roads.collect::<Result<_, _>>()?, aliases: HashMap::new(), is_own })
    }

    /// The price in force, in any of the tables: that of the account before that of any, that of the region before wider
    /// ones, the latest start first. The user's own tables are asked before the lists, which are one: a change that
    /// was imported holds until a newer bundled table has a later one. A price of another place is only taken where
    /// none has the one that is searched, or nobody knows which that is and they differ.
    pub(crate) fn find_in_all<'a>(tables: &'a [Arc<Self>], model: &str, search: Search<'_>) -> Option<&'a Price> {
        let stated = Self::stated(tables, model, search).filter(|(table, slot)| {
            let is_certain = search.region.is_some() || table.is_own;
            is_certain || !Self::differs_by_region(tables, model, search, slot)
        });
        let elsewhere = || {
            let pick = |table: &'a Self| {
                table.find_in(model, search, |of_road, account, _, holds| {
                    let of_account = of_road.of_account(account, &|slot| slot.price.0.is_elsewhere && holds(slot));
                    of_account.or_else(|| of_road.elsewhere.iter().find(|slot| holds(slot)))
                })
            };
            Self::first(tables, pick, Slot::order_elsewhere)
        };
        stated.or_else(elsewhere).map(|(_, slot)| &slot.price)
    }

    fn stated<'a>(tables: &'a [Arc<Self>], model: &str, search: Search<'_>) -> Option<(&'a Self, &'a Slot)> {
        Self::first(tables, |table| table.find_in(model, search, OfRoad::pick), Slot::order)
    }

    /// Whether a call to some commercial region costs something else than this.
    fn differs_by_region(tables: &[Arc<Self>], model: &str, search: Search<'_>, found: &Slot) -> bool {
        let road = Road(search.routing, search.tier, search.latency);
        let of_road = tables.iter().flat_map(|table| table.roads(model)).filter(|of_road| of_road.road == road);
        of_road.flat_map(OfRoad::regions).filter(|region| is_commercial(region)).any(|region| {
            let of_region = Self::stated(tables, model, Search { region: Some(region), ..search });
            of_region.is_some_and(|(_, slot)| !slot.price.costs_the_same(&found.price))
        })
    }

    /// The first of the user's own, or else the first in that order.
    fn first<'a, O: Ord>(
        tables: &'a [Arc<Self>],
        find: impl Fn(&'a Self) -> Option<&'a Slot>,
        order: impl Fn(&'a Slot) -> O,
    ) -> Option<(&'a Self, &'a Slot)> {
        let mut best: Option<(&Self, &Slot)> = None;
        for table in tables {
            match (find(table), best) {
                (Some(own), _) if table.is_own => return Some((table, own)),
                (Some(slot), Some((_, known))) if order(slot) < order(known) => best = Some((table, slot)),
                (Some(slot), None) => best = Some((table, slot)),
                _ => {}
            }
        }
        best
    }

    fn find_in<'a>(
        &'a self,
        model: &str,
        search: Search<'_>,
        pick: impl Fn(&'a OfRoad, Option<&str>, Option<&str>, &dyn Fn(&&Slot) -> bool) -> Option<&'a Slot>,
    ) -> Option<&'a Slot> {
        let road = Road(search.routing, search.tier, search.latency);
        let of_road = self.roads(model).iter().find(|of_road| of_road.road == road)?;
        let holds =
            |slot: &&Slot| slot.spot.holds_in(search.region, search.routing, self.is_own) && slot.has_begun(search.at);
        pick(of_road, search.account, search.region, &holds).filter(|slot| !slot.is_end)
    }

    /// The prices in force in all places, each once.
    pub(crate) fn everywhere<'a>(&'a self, model: &str, search: Search<'_>) -> impl Iterator<Item = &'a Price> {
        let road = Road(search.routing, search.tier, search.latency);
        let of_road = self.roads(model).iter().find(|of_road| of_road.road == road);
        let places = of_road.into_iter().flat_map(|of_road| {
            let is_same = |a: &Slot, b: &Slot| a.spot == b.spot;
            of_road.regions.chunk_by(is_same).chain(of_road.wide.chunk_by(is_same))
        });
        let in_force = places.filter_map(move |slots| slots.iter().find(|slot| slot.has_begun(search.at)));
        in_force.filter(|slot| !slot.is_end).map(|slot| &slot.price)
    }

    /// The ids of all models.
    pub(crate) fn models(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(|id| &**id)
    }

    /// Whether a model has a price of this routing.
    pub(crate) fn has_routing(&self, model: &str, routing: Routing) -> bool {
        self.roads(model).iter().any(|of_road| of_road.road.0 == routing)
    }

    fn roads(&self, model: &str) -> &[OfRoad] {
        self.models.get(model).map_or(&[], |of_model| of_model.roads(&self.version))
    }

    /// Every price that was stated.
    pub(crate) fn prices(&self) -> impl Iterator<Item = &Price> {
        self.models
            .values()
            .flat_map(|of_model| of_model.roads(&self.version))
            .flat_map(OfRoad::slots)
            .filter(|slot| !slot.is_end)
            .map(|slot| &slot.price)
            .filter(|price| !price.0.is_elsewhere)
    }

    /// Names, and no prices.
    pub(crate) fn of_aliases(aliases: HashMap<Box<str>, Alias>) -> Self {
        Self { aliases, ..Self::default() }
    }

    /// Whether it has names, and no prices.
    pub(crate) fn is_only_aliases(&self) -> bool {
        self.models.is_empty() && !self.aliases.is_empty()
    }

    /// What a name stands for: by its whole text, or by the id of its resource; and whether it is provisioned throughput.
    pub(crate) fn alias(&self, model: ModelRef<'_>) -> Option<(ModelRef<'_>, bool)> {
        if self.aliases.is_empty() {
            return None;
        }
        let alias = self.aliases.get(model.as_str()).or_else(|| match model.base_id() {
            Some(_) => None,
            None => self.aliases.get(model.resource_id()),
        })?;
        let target = ModelRef::parse(&alias.to).ok()?;
        Some((target, alias.is_provisioned || model.is_provisioned()))
    }
}

impl OfRoad {
    /// `slots` are all of this road.
    fn new(road: Road, slots: Vec<Slot>) -> Self {
        let (accounts, slots): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.price.account().is_some());
        let (elsewhere, slots): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.price.0.is_elsewhere);
        let (regions, wide): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.spot.region().is_some());
        let in_order = |mut slots: Vec<Slot>| {
            slots.sort_by(|a, b| a.order().cmp(&b.order()));
            slots.into_boxed_slice()
        };
        let [accounts, regions, wide, elsewhere] = [accounts, regions, wide, elsewhere].map(in_order);
        Self { road, accounts, regions, wide, elsewhere }
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.accounts.iter().chain(&self.regions).chain(&self.wide).chain(&self.elsewhere)
    }

    /// The first slot of the place itself that holds.
    fn pick(&self, account: Option<&str>, region: Option<&str>, holds: &dyn Fn(&&Slot) -> bool) -> Option<&Slot> {
        let of_region = |region: &str| {
            let from = self.regions.partition_point(|slot| slot.spot.region() < Some(region));
            self.regions[from..].iter().take_while(|slot| slot.spot.region() == Some(region)).find(holds)
        };
        let own = self.of_account(account, holds);
        own.or_else(|| region.and_then(of_region)).or_else(|| self.wide.iter().find(holds))
    }

    fn of_account(&self, account: Option<&str>, holds: &dyn Fn(&&Slot) -> bool) -> Option<&Slot> {
        self.accounts.iter().filter(|slot| slot.price.account() == account).find(holds)
    }

    /// The regions of which it has prices, each once.
    fn regions(&self) -> impl Iterator<Item = &str> {
        let own = self.regions.chunk_by(|a, b| a.spot == b.spot).filter_map(|slots| slots.first()?.spot.region());
        own.chain(self.accounts.iter().filter_map(|slot| slot.spot.region()))
    }
}

impl Slot {
    fn has_begun(&self, at: Timestamp) -> bool {
        self.price.terms().start.as_ref().is_none_or(|start| start.at <= at)
    }

    /// Of what stands in, that of the account and of the geography first, of the main region, and of the latest start.
    fn order_elsewhere(&self) -> impl Ord {
        // One that holds everywhere holds in us-east-1, unless that has its own.
        let place = self.price.region().map_or((1, None), |region| (rank(region) * 2, Some(region)));
        let (account, start) = (self.price.account(), self.price.effective_at());
        (std::cmp::Reverse(account), &self.spot, place, std::cmp::Reverse(start))
    }

    /// The narrow ones first, and of each the latest start.
    fn order(&self) -> impl Ord {
        (std::cmp::Reverse(self.price.account()), &self.spot, std::cmp::Reverse(self.price.effective_at()))
    }
}

/// The prices of a model by road.
fn roads(mut slots: Vec<(usize, Road, Slot)>) -> Result<Box<[OfRoad]>, TableError> {
    slots.sort_by(|(_, a_road, a), (_, b_road, b)| a_road.cmp(b_road).then_with(|| a.order().cmp(&b.order())));
    let is_same = |a: &(usize, Road, Slot), b: &(usize, Road, Slot)| a.1 == b.1 && a.2.order() == b.2.order();
    if let Some([(a, ..), (b, ..)]) = slots.windows(2).find(|pair| is_same(&pair[0], &pair[1])) {
        return Err(TableError::Twice { first: *a.min(b), second: *a.max(b) });
    }
    let by_road = slots.chunk_by(|a, b| a.1 == b.1);
    let of_road = |slots: &[(usize, Road, Slot)]| {
        OfRoad::new(slots[0].1, slots.iter().map(|(_, _, slot)| slot.clone()).collect())
    };
    Ok(by_road.map(of_road).collect())
}

/// A row on each of its roads and in each of its places.
fn slots<'a>(
    row: usize,
    of: &'a Row,
    terms: &'a Arc<Terms>,
    is_listed: bool,
) -> impl Iterator<Item = (usize, Road, Slot)> + 'a {
    of.routings.iter().flat_map(move |&routing| {
        let road = Road(routing, of.tier, of.latency);
        Spot::of(&of.place, routing, is_listed).into_iter().map(move |spot| {
            let region = spot.name();
            let entry = Entry { terms: Arc::clone(terms), routing, region, is_elsewhere: false };
            (row, road, Slot { spot, price: Price(Arc::new(entry)), is_end: false })
        })
    })
}

/// Everything of a row but its context size: rows that have it in common are one price.
fn key(row: &Row) -> impl Ord + '_ {
    let start = row.start.as_ref().map(|start| start.at);
    (row.model.as_str(), &row.routings, &row.place, row.tier, row.latency, row.account.as_deref(), start)
}

fn terms(group: &[(usize, Row)], first: &Row, version: Arc<str>) -> Terms {
    Terms {
        model: first.model.as_str().into(),
        account: first.account.as_deref().map(Box::from),
        tier: first.tier,
        latency: first.latency,
        start: first.start.clone(),
        steps: group
            .iter()
            .map(|(_, row)| Step { over: row.context_over, rates: rates(row), derived: row.derived })
            .collect(),
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
