use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::civil::Date;

use crate::price::{Entry, Step, Terms};
use crate::rate::Rates;
use crate::region::{fallback_rank, is_commercial};
use crate::row::Row;
use crate::unit::UnitPrice;
use crate::{Latency, ModelRef, Price, Routing, Tier, Timestamp};

mod discounted;
mod fallback;
mod location;
mod model_prices;

use location::Location;
use model_prices::ModelPrices;

/// One layer of a catalogue: the prices by model, and aliases of models.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) version: Arc<str>,
    models: HashMap<Box<str>, ModelPrices>,
    pub(crate) aliases: HashMap<Box<str>, Alias>,
    /// Whether this is the user's own table. It takes precedence over every list, and its rows without a region also apply
    /// to other partitions.
    is_own: bool,
    /// The days of its prices, sorted: that of its version, if that is a day, and those on which sources stated its rows.
    days: Box<[Date]>,
}

/// The target of an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) to: Box<str>,
    /// Whether the alias is marked as provisioned throughput.
    pub(crate) is_provisioned: bool,
}

/// The prices of one model and variant. Each list is in search order.
#[derive(Debug)]
struct VariantPrices {
    variant: Variant,
    /// The prices of an account.
    accounts: Box<[Slot]>,
    /// The prices of a region, sorted by region.
    regions: Box<[Slot]>,
    /// The prices of more than one region.
    wide: Box<[Slot]>,
    /// The prices for locations without a price of their own.
    fallbacks: Box<[Slot]>,
}

/// A price and its location.
#[derive(Clone, Debug)]
struct Slot {
    location: Location,
    price: Price,
    /// Whether the table has no price here from this start on: a discount has ended, and the list price applies again.
    is_end: bool,
}

/// A way to call a model, which has its own prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Variant(Routing, Tier, Latency);

/// A search for a price in a table.
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
    /// Creates a search with in-region routing, the default tier and standard latency.
    pub(crate) const fn plain(region: Option<&'a str>, account: Option<&'a str>, at: Timestamp) -> Self {
        let (routing, tier, latency) = (Routing::InRegion, Tier::Default, Latency::Standard);
        Self { routing, region, account, tier, latency, at }
    }
}

/// The error for invalid rows, which are given by their index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TableError {
    /// Two rows have the same key.
    Duplicate { first: usize, second: usize },
    /// A row applies above a context size, but there is no row with the same key below it.
    MissingBase { row: usize },
}

impl Table {
    /// Creates a table of list prices, bundled or imported. A price for any region applies to AWS's commercial regions. A
    /// region without a price uses a fallback from another region.
    pub(crate) fn listed(version: &str, rows: Vec<Row>) -> Result<Self, TableError> {
        let mut table = Self::new(version, rows, false)?;
        table.models.values_mut().for_each(ModelPrices::add_fallbacks);
        Ok(table)
    }

    /// Creates the user's table. A row without a region applies to every region.
    pub(crate) fn own(version: &str, rows: Vec<Row>) -> Result<Self, TableError> {
        Self::new(version, rows, true)
    }

    fn new(version: &str, rows: Vec<Row>, is_own: bool) -> Result<Self, TableError> {
        let version: Arc<str> = version.into();
        let days = match rows.is_empty() {
            true => Box::default(),
            false => days(rows.iter().map(|row| row.as_of.as_str()).chain([&*version])),
        };
        let mut rows: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
        rows.sort_by(|(_, a), (_, b)| key(a).cmp(&key(b)).then(a.context_over.cmp(&b.context_over)));
        let mut models: HashMap<String, Vec<(usize, Variant, Slot)>> = HashMap::new();
        for group in rows.chunk_by(|(_, a), (_, b)| key(a) == key(b)) {
            // `chunk_by` makes no empty chunk.
            let Some((row, first)) = group.first() else {
                continue;
            };
            let twice = group.windows(2).find(|pair| pair[0].1.context_over == pair[1].1.context_over);
            if let Some([(a, _), (b, _)]) = twice {
                return Err(TableError::Duplicate { first: *a.min(b), second: *a.max(b) });
            }
            if first.context_over > 0 {
                return Err(TableError::MissingBase { row: *row });
            }
            let terms = Arc::new(terms(group, first, Arc::clone(&version)));
            models.entry_ref(first.model.as_str()).or_default().extend(slots(*row, first, &terms, !is_own));
        }
        let variants =
            models.into_iter().map(|(model, slots)| Ok((model.into(), ModelPrices::Parsed(variants(slots)?))));
        Ok(Self { version, models: variants.collect::<Result<_, _>>()?, aliases: HashMap::new(), is_own, days })
    }

    /// Returns the newest day of its prices that is not after `today`, if there is any.
    pub(crate) fn newest_day(&self, today: Date) -> Option<Date> {
        self.days.iter().rev().copied().find(|day| *day <= today)
    }

    /// Returns the price in force in any of the tables. A price of the account takes precedence over one for any account,
    /// one of the region over wider ones, and a later start over an earlier one. The user's own tables are searched before
    /// the lists, which count as one table: an imported change applies until a newer bundled table has a later one. A
    /// fallback is used only if no table has a price for the location, or if the region is unknown and prices differ by
    /// region.
    pub(crate) fn find_in_all<'a>(tables: &'a [Arc<Self>], model: &str, search: Search<'_>) -> Option<&'a Price> {
        let stated = Self::find_stated(tables, model, search).filter(|(table, slot)| {
            let is_certain = search.region.is_some() || table.is_own;
            is_certain || !Self::differs_by_region(tables, model, search, slot)
        });
        let fallbacks = || {
            let pick = |table: &'a Self| {
                table.find_in(model, search, |variant_prices, account, _, applies| {
                    let account_slot =
                        variant_prices.find_in_account(account, &|slot| slot.price.0.is_fallback && applies(slot));
                    account_slot.or_else(|| variant_prices.fallbacks.iter().find(|slot| applies(slot)))
                })
            };
            Self::first(tables, pick, Slot::fallback_order)
        };
        stated.or_else(fallbacks).map(|(_, slot)| &slot.price)
    }

    fn find_stated<'a>(tables: &'a [Arc<Self>], model: &str, search: Search<'_>) -> Option<(&'a Self, &'a Slot)> {
        Self::first(tables, |table| table.find_in(model, search, VariantPrices::pick), Slot::order)
    }

    /// Returns whether any commercial region has different rates.
    fn differs_by_region(tables: &[Arc<Self>], model: &str, search: Search<'_>, found: &Slot) -> bool {
        let variant = Variant(search.routing, search.tier, search.latency);
        let variant_prices = tables
            .iter()
            .flat_map(|table| table.variants(model))
            .filter(|variant_prices| variant_prices.variant == variant);
        variant_prices.flat_map(VariantPrices::regions).filter(|region| is_commercial(region)).any(|region| {
            let region_slot = Self::find_stated(tables, model, Search { region: Some(region), ..search });
            region_slot.is_some_and(|(_, slot)| !slot.price.has_same_prices(&found.price))
        })
    }

    /// Returns the first match in the user's own tables, or else the first one in the given order.
    fn first<'a, O: Ord>(
        tables: &'a [Arc<Self>],
        find: impl Fn(&'a Self) -> Option<&'a Slot>,
        order: impl Fn(&'a Slot) -> O,
    ) -> Option<(&'a Self, &'a Slot)> {
        let mut best: Option<(&Self, &Slot)> = None;
        for table in tables {
            match (find(table), best) {
                (Some(own), _) if table.is_own => return Some((table, own)),
                (Some(slot), Some((_, current))) if order(slot) < order(current) => best = Some((table, slot)),
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
        pick: impl Fn(&'a VariantPrices, Option<&str>, Option<&str>, &dyn Fn(&&Slot) -> bool) -> Option<&'a Slot>,
    ) -> Option<&'a Slot> {
        let variant = Variant(search.routing, search.tier, search.latency);
        let variant_prices = self.variants(model).iter().find(|variant_prices| variant_prices.variant == variant)?;
        let applies = |slot: &&Slot| {
            slot.location.includes(search.region, search.routing, self.is_own) && slot.has_begun(search.at)
        };
        pick(variant_prices, search.account, search.region, &applies).filter(|slot| !slot.is_end)
    }

    /// Returns the price in force at each location.
    pub(crate) fn everywhere<'a>(&'a self, model: &str, search: Search<'_>) -> impl Iterator<Item = &'a Price> {
        let variant = Variant(search.routing, search.tier, search.latency);
        let variant_prices = self.variants(model).iter().find(|variant_prices| variant_prices.variant == variant);
        let places = variant_prices.into_iter().flat_map(|variant_prices| {
            let is_same = |a: &Slot, b: &Slot| a.location == b.location;
            variant_prices.regions.chunk_by(is_same).chain(variant_prices.wide.chunk_by(is_same))
        });
        let in_force = places.filter_map(move |slots| slots.iter().find(|slot| slot.has_begun(search.at)));
        in_force.filter(|slot| !slot.is_end).map(|slot| &slot.price)
    }

    /// Returns the ids of all models.
    pub(crate) fn models(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(|id| &**id)
    }

    /// Returns whether a model has a price with this routing.
    pub(crate) fn has_routing(&self, model: &str, routing: Routing) -> bool {
        self.variants(model).iter().any(|variant_prices| variant_prices.variant.0 == routing)
    }

    fn variants(&self, model: &str) -> &[VariantPrices] {
        self.models.get(model).map_or(&[], |model_prices| model_prices.variants(&self.version))
    }

    /// Returns all prices except fallbacks.
    pub(crate) fn prices(&self) -> impl Iterator<Item = &Price> {
        self.models
            .values()
            .flat_map(|model_prices| model_prices.variants(&self.version))
            .flat_map(VariantPrices::slots)
            .filter(|slot| !slot.is_end)
            .map(|slot| &slot.price)
            .filter(|price| !price.0.is_fallback)
    }

    /// Creates a table of aliases without prices.
    pub(crate) fn of_aliases(aliases: HashMap<Box<str>, Alias>) -> Self {
        Self { aliases, ..Self::default() }
    }

    /// Returns whether the table has aliases and no prices.
    pub(crate) fn is_only_aliases(&self) -> bool {
        self.models.is_empty() && !self.aliases.is_empty()
    }

    /// Returns the target of an alias and whether the alias is provisioned throughput. An opaque ARN also matches an alias
    /// of its resource id.
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

impl VariantPrices {
    /// Creates the prices of a variant from all its slots.
    fn new(variant: Variant, slots: Vec<Slot>) -> Self {
        let (accounts, slots): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.price.account().is_some());
        let (fallbacks, slots): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.price.0.is_fallback);
        let (regions, wide): (Vec<_>, Vec<_>) = slots.into_iter().partition(|slot| slot.location.region().is_some());
        let in_order = |mut slots: Vec<Slot>| {
            slots.sort_by(|a, b| a.order().cmp(&b.order()));
            slots.into_boxed_slice()
        };
        let [accounts, regions, wide, fallbacks] = [accounts, regions, wide, fallbacks].map(in_order);
        Self { variant, accounts, regions, wide, fallbacks }
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.accounts.iter().chain(&self.regions).chain(&self.wide).chain(&self.fallbacks)
    }

    /// Returns the first matching slot that is not a fallback.
    fn pick(&self, account: Option<&str>, region: Option<&str>, applies: &dyn Fn(&&Slot) -> bool) -> Option<&Slot> {
        let find_in_region = |region: &str| {
            let from = self.regions.partition_point(|slot| slot.location.region() < Some(region));
            self.regions[from..].iter().take_while(|slot| slot.location.region() == Some(region)).find(applies)
        };
        let own = self.find_in_account(account, applies);
        own.or_else(|| region.and_then(find_in_region)).or_else(|| self.wide.iter().find(applies))
    }

    fn find_in_account(&self, account: Option<&str>, applies: &dyn Fn(&&Slot) -> bool) -> Option<&Slot> {
        self.accounts.iter().filter(|slot| slot.price.account() == account).find(applies)
    }

    /// Returns the regions with a price of their own.
    fn regions(&self) -> impl Iterator<Item = &str> {
        let own =
            self.regions.chunk_by(|a, b| a.location == b.location).filter_map(|slots| slots.first()?.location.region());
        own.chain(self.accounts.iter().filter_map(|slot| slot.location.region()))
    }
}

impl Slot {
    fn has_begun(&self, at: Timestamp) -> bool {
        self.price.terms().start.as_ref().is_none_or(|start| start.at <= at)
    }

    /// Returns the sort key of fallbacks: account, geography, preferred region, then the latest start first.
    fn fallback_order(&self) -> impl Ord {
        // A price for any region includes us-east-1, so it comes right after the price of us-east-1 itself.
        let place = self.price.region().map_or((1, None), |region| (fallback_rank(region) * 2, Some(region)));
        let (account, start) = (self.price.account(), self.price.effective_at());
        (std::cmp::Reverse(account), &self.location, place, std::cmp::Reverse(start))
    }

    /// Returns the sort key: narrower prices first, then the latest start first.
    fn order(&self) -> impl Ord {
        (std::cmp::Reverse(self.price.account()), &self.location, std::cmp::Reverse(self.price.effective_at()))
    }
}

/// Groups the prices of a model by variant.
fn variants(mut slots: Vec<(usize, Variant, Slot)>) -> Result<Box<[VariantPrices]>, TableError> {
    slots.sort_by(|(_, a_variant, a), (_, b_variant, b)| {
        a_variant.cmp(b_variant).then_with(|| a.order().cmp(&b.order()))
    });
    let is_same = |a: &(usize, Variant, Slot), b: &(usize, Variant, Slot)| a.1 == b.1 && a.2.order() == b.2.order();
    if let Some([(a, ..), (b, ..)]) = slots.windows(2).find(|pair| is_same(&pair[0], &pair[1])) {
        return Err(TableError::Duplicate { first: *a.min(b), second: *a.max(b) });
    }
    let by_variant = slots.chunk_by(|a, b| a.1 == b.1);
    let variant_prices = |slots: &[(usize, Variant, Slot)]| {
        VariantPrices::new(slots[0].1, slots.iter().map(|(_, _, slot)| slot.clone()).collect())
    };
    Ok(by_variant.map(variant_prices).collect())
}

/// Returns a slot for each variant and location of a row.
fn slots<'a>(
    row: usize,
    of: &'a Row,
    terms: &'a Arc<Terms>,
    is_listed: bool,
) -> impl Iterator<Item = (usize, Variant, Slot)> + 'a {
    of.routings.iter().flat_map(move |&routing| {
        let variant = Variant(routing, of.tier, of.latency);
        Location::of(&of.place, routing, is_listed).into_iter().map(move |location| {
            let region = location.name();
            let entry = Entry { terms: Arc::clone(terms), routing, region, is_fallback: false };
            (row, variant, Slot { location, price: Price(Arc::new(entry)), is_end: false })
        })
    })
}

/// Returns the days among the texts, sorted.
fn days<'a>(texts: impl Iterator<Item = &'a str>) -> Box<[Date]> {
    let texts: BTreeSet<_> = texts.collect();
    let days: BTreeSet<Date> = texts.into_iter().filter_map(|text| text.parse().ok()).collect();
    days.into_iter().collect()
}

/// Returns the key of a row: all but its context size. Rows with the same key form one price.
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
        bills_units: first.units.iter().any(is_billed_per_call),
        source: first.source.as_str().into(),
        as_of: first.as_of.as_str().into(),
        confidence: first.confidence,
        note: first.note.as_str().into(),
        version,
    }
}

/// Returns the rates of a row. If the row only prices capacity, calls are free.
fn rates(row: &Row) -> Rates {
    let is_capacity = !row.units.is_empty() && row.units.iter().all(|price| price.unit().is_capacity());
    if row.rates.is_empty() && is_capacity { Rates::FREE } else { row.rates }
}

/// Returns whether calls are billed by this unit. Capacity is billed by time instead.
fn is_billed_per_call(unit: &UnitPrice) -> bool {
    !unit.price().is_zero() && !unit.unit().is_capacity()
}

fn in_order(units: &[UnitPrice]) -> Box<[UnitPrice]> {
    let mut units = units.to_vec();
    units.sort_by_cached_key(UnitPrice::order);
    units.into_boxed_slice()
}
