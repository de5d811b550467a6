//! The prices of a table with discounts taken off.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::{Location, ModelPrices, Slot, Table, VariantPrices};
use crate::discount::{Discount, Discounts};
use crate::price::{Entry, Terms};
use crate::start::Start;
use crate::{Confidence, Price};

impl Table {
    /// What discounts make of these prices: a table that, asked before this one, answers where and when a discount
    /// holds, and leaves the rest to it. `None` where none ever does.
    ///
    /// For each account and place that a row or a discount names, time is cut where either starts or ends, and the
    /// list price is looked up in between: so dates, accounts and regions mean what they mean in a lookup.
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
            discounts.list.iter().filter(|of| of.applies_to(model, variant.0, variant.1)).collect();
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
                    let holds = |slot: &&Slot| self.covers(variant_prices, slot, location) && slot.has_begun(at);
                    let stands_in = || variant_prices.fallbacks.iter().find(&holds);
                    let found = match location {
                        Location::Fallback | Location::GeoFallback(..) => stands_in(),
                        _ => variant_prices.pick(account, location.region(), &holds).or_else(stands_in),
                    };
                    let Some(Slot { price: list_price, .. }) = found else {
                        continue;
                    };
                    let discount = best(&list, account, location.region(), at);
                    // Before the first discount the table itself answers.
                    let is_as_before = match last {
                        Some((price, of)) => std::ptr::eq(price, list_price) && is_same(of, discount),
                        None => discount.is_none(),
                    };
                    if !is_as_before {
                        last = Some((list_price, discount));
                        let price = narrowed(list_price, account, location, start, discount.map(|of| (of, discounts)));
                        derived.push(Slot { location: location.clone(), price, is_end: discount.is_none() });
                    }
                }
            }
        }
        (!derived.is_empty()).then(|| VariantPrices::new(variant, derived))
    }

    /// Whether what holds in a slot holds in all of a location.
    fn covers(&self, variant_prices: &VariantPrices, slot: &Slot, location: &Location) -> bool {
        match location.region() {
            Some(region) => slot.location.holds_in(Some(region), variant_prices.variant.0, self.is_own),
            None => slot.location == *location || slot.location == Location::Any,
        }
    }
}

type Places<'a> = (BTreeSet<Option<&'a str>>, BTreeSet<Location>, BTreeSet<Option<&'a Start>>);

/// The accounts, locations and starts that rows and discounts name, and those that none names.
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

/// The discount that holds: the most specific, the later on a tie.
fn best<'d>(list: &[&'d Discount], account: Option<&str>, region: Option<&str>, at: Timestamp) -> Option<&'d Discount> {
    let holding = list.iter().copied().filter(|of| of.is_in_force(account, region, at));
    holding.max_by_key(|of| of.specificity())
}

fn is_same(a: Option<&Discount>, b: Option<&Discount>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// The price of a place from a day on, with the discount off.
fn narrowed(
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
    if let Some((discount, of)) = discount {
        for step in &mut terms.steps {
            step.rates = discount.percent.discount_rates(&step.rates);
        }
        for unit in &mut terms.units {
            *unit = discount.percent.discount_unit(unit);
        }
        terms.note = discount.note(&terms.note);
        terms.source = Arc::clone(&of.source);
        terms.version = Arc::clone(&of.version);
        // What is taken off is sure; what it is taken off may not be.
        if terms.confidence.is_exact() {
            terms.confidence = Confidence::Own;
        }
    }
    Price(Arc::new(Entry { terms: Arc::new(terms), ..entry }))
}
