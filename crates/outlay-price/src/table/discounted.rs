//! The discounted prices of a table.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::{Location, ModelPrices, Slot, Table, VariantPrices};
use crate::discount::{Discount, Discounts};
use crate::effective_from::Start;
use crate::price::{Entry, Terms};
use crate::{Confidence, Price, Timestamp};

impl Table {
    /// Returns a table of discounted prices, to be searched before this one. It only has prices for the locations and
    /// times of a discount. Returns `None` if no discount applies.
    ///
    /// For each account and location that a row or a discount names, time is split at the starts and ends of both, and the
    /// list price of each interval is looked up. Dates, accounts and regions therefore work as in a lookup.
    pub(crate) fn discounted(&self, discounts: &Discounts) -> Option<Self> {
        let mut models = HashMap::new();
        for (model, model_prices) in &self.models {
            let variants = model_prices.variants(&self.version).iter();
            let derived: Box<[VariantPrices]> = variants
                .filter_map(|variant_prices| self.discounted_variant(model, variant_prices, discounts))
                .collect();
            if !derived.is_empty() {
                models.insert(model.clone(), ModelPrices::Parsed(derived));
            }
        }
        (!models.is_empty()).then(|| Self {
            version: Arc::clone(&discounts.version),
            models,
            aliases: HashMap::new(),
            is_own: self.is_own,
            days: Box::default(),
        })
    }

    fn discounted_variant(
        &self,
        model: &str,
        variant_prices: &VariantPrices,
        discounts: &Discounts,
    ) -> Option<VariantPrices> {
        let variant = variant_prices.variant;
        let list: Vec<&Discount> =
            discounts.list.iter().filter(|discount| discount.applies_to(model, variant.0, variant.1)).collect();
        if list.is_empty() {
            return None;
        }
        let (accounts, locations, times) = places(variant_prices, &list);
        let mut derived = Vec::new();
        for &account in &accounts {
            for location in &locations {
                let mut last: Option<(&Price, Option<&Discount>)> = None;
                for &start in &times {
                    let at = start.map_or(Timestamp::MIN, |start| start.at);
                    let applies = |slot: &&Slot| self.covers(variant_prices, slot, location) && slot.has_begun(at);
                    let fallback = || variant_prices.fallbacks.iter().find(&applies);
                    let found = match location {
                        Location::Fallback | Location::GeoFallback(..) => fallback(),
                        _ => variant_prices.pick(account, location.region(), &applies).or_else(fallback),
                    };
                    let Some(Slot { price: list_price, .. }) = found else {
                        continue;
                    };
                    let discount = best(&list, account, location.region(), at);
                    // Before the first discount, the list price applies.
                    let is_unchanged = match last {
                        Some((price, applied)) => std::ptr::eq(price, list_price) && is_same(applied, discount),
                        None => discount.is_none(),
                    };
                    if !is_unchanged {
                        last = Some((list_price, discount));
                        let price = discounted_price(
                            list_price,
                            account,
                            location,
                            start,
                            discount.map(|discount| (discount, discounts)),
                        );
                        derived.push(Slot { location: location.clone(), price, is_end: discount.is_none() });
                    }
                }
            }
        }
        (!derived.is_empty()).then(|| VariantPrices::new(variant, derived))
    }

    /// Returns whether a slot's price applies to all of a location.
    fn covers(&self, variant_prices: &VariantPrices, slot: &Slot, location: &Location) -> bool {
        match location.region() {
            Some(region) => slot.location.includes(Some(region), variant_prices.variant.0, self.is_own),
            None => slot.location == *location || slot.location == Location::Any,
        }
    }
}

type Places<'a> = (BTreeSet<Option<&'a str>>, BTreeSet<Location>, BTreeSet<Option<&'a Start>>);

/// Returns the accounts, locations and starts that rows and discounts name, including the unspecified ones.
fn places<'a>(variant_prices: &'a VariantPrices, list: &[&'a Discount]) -> Places<'a> {
    let mut places: Places<'a> = ([None].into(), [Location::Any].into(), [None].into());
    for Slot { price, location, .. } in variant_prices.slots() {
        places.0.insert(price.account());
        places.1.insert(location.clone());
        places.2.insert(price.terms().start.as_ref());
    }
    for discount in list {
        places.0.insert(discount.account.as_deref());
        places.1.extend(discount.region.clone().map(Location::Region));
        places.2.extend([discount.from.as_ref(), discount.to.as_ref()]);
    }
    places
}

/// Returns the discount that applies: the most specific one, or the later one on a tie.
fn best<'d>(list: &[&'d Discount], account: Option<&str>, region: Option<&str>, at: Timestamp) -> Option<&'d Discount> {
    let in_force = list.iter().copied().filter(|discount| discount.is_in_force(account, region, at));
    in_force.max_by_key(|discount| discount.specificity())
}

fn is_same(a: Option<&Discount>, b: Option<&Discount>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// Returns the price of a location from a day on, with the discount applied.
fn discounted_price(
    list_price: &Price,
    account: Option<&str>,
    location: &Location,
    start: Option<&Start>,
    discount: Option<(&Discount, &Discounts)>,
) -> Price {
    let mut entry = Entry::clone(&list_price.0);
    if !entry.is_fallback {
        entry.region = location.name();
    }
    let mut terms = Terms::clone(&entry.terms);
    terms.account = account.map(Box::from);
    terms.start = start.cloned();
    if let Some((discount, discounts)) = discount {
        for step in &mut terms.steps {
            step.rates = discount.percent.discount_rates(&step.rates);
        }
        for unit in &mut terms.units {
            *unit = discount.percent.discount_unit(unit);
        }
        terms.note = discount.note(&terms.note);
        terms.source = Arc::clone(&discounts.source);
        terms.version = Arc::clone(&discounts.version);
        // The discount is certain, so the result is as certain as the list price.
        if terms.confidence.is_exact() {
            terms.confidence = Confidence::Own;
        }
    }
    Price(Arc::new(Entry { terms: Arc::new(terms), ..entry }))
}
