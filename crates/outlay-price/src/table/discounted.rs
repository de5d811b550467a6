//! The prices of a table with discounts taken off.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::{OfModel, OfRoad, Slot, Spot, Table};
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
        for (model, of_model) in &self.models {
            let roads = of_model.roads(&self.version).iter();
            let derived: Box<[OfRoad]> = roads.filter_map(|of_road| self.of_road(model, of_road, discounts)).collect();
            if !derived.is_empty() {
                models.insert(model.clone(), OfModel::Parsed(derived));
            }
        }
        (!models.is_empty()).then(|| Self {
            version: Arc::clone(&discounts.version),
            models,
            aliases: HashMap::new(),
            is_own: self.is_own,
        })
    }

    fn of_road(&self, model: &str, of_road: &OfRoad, discounts: &Discounts) -> Option<OfRoad> {
        let road = of_road.road;
        let list: Vec<&Discount> = discounts.list.iter().filter(|of| of.is_for(model, road.0, road.1)).collect();
        if list.is_empty() {
            return None;
        }
        let (accounts, spots, times) = places(of_road, &list);
        let mut derived = Vec::new();
        for &account in &accounts {
            for spot in &spots {
                let mut last: Option<(&Price, Option<&Discount>)> = None;
                for &start in &times {
                    let at = start.map_or(Timestamp::MIN, |start| start.at);
                    let holds = |slot: &&Slot| self.covers(of_road, slot, spot) && slot.has_begun(at);
                    let stands_in = || of_road.elsewhere.iter().find(&holds);
                    let found = match spot {
                        Spot::Instead | Spot::InsteadInGeo(..) => stands_in(),
                        _ => of_road.pick(account, spot.region(), &holds).or_else(stands_in),
                    };
                    let Some(Slot { price: list_price, .. }) = found else {
                        continue;
                    };
                    let discount = best(&list, account, spot.region(), at);
                    // Before the first discount the table itself answers.
                    let is_as_before = match last {
                        Some((price, of)) => std::ptr::eq(price, list_price) && is_same(of, discount),
                        None => discount.is_none(),
                    };
                    if !is_as_before {
                        last = Some((list_price, discount));
                        let price = narrowed(list_price, account, spot, start, discount.map(|of| (of, discounts)));
                        derived.push(Slot { spot: spot.clone(), price, is_end: discount.is_none() });
                    }
                }
            }
        }
        (!derived.is_empty()).then(|| OfRoad::new(road, derived))
    }

    /// Whether what holds in a slot holds in all of a spot.
    fn covers(&self, of_road: &OfRoad, slot: &Slot, spot: &Spot) -> bool {
        match spot.region() {
            Some(region) => slot.spot.holds_in(Some(region), of_road.road.0, self.is_own),
            None => slot.spot == *spot || slot.spot == Spot::Any,
        }
    }
}

type Places<'a> = (BTreeSet<Option<&'a str>>, BTreeSet<Spot>, BTreeSet<Option<&'a Start>>);

/// The accounts, spots and starts that rows and discounts name, and those that none names.
fn places<'a>(of_road: &'a OfRoad, list: &[&'a Discount]) -> Places<'a> {
    let mut places: Places<'a> = ([None].into(), [Spot::Any].into(), [None].into());
    for Slot { price, spot, .. } in of_road.slots() {
        places.0.insert(price.account());
        places.1.insert(spot.clone());
        places.2.insert(price.terms().start.as_ref());
    }
    for discount in list {
        places.0.insert(discount.account.as_deref());
        places.1.extend(discount.region.clone().map(Spot::Region));
        places.2.extend([discount.from.as_ref(), discount.to.as_ref()]);
    }
    places
}

/// The discount that holds: the most specific, the later on a tie.
fn best<'d>(list: &[&'d Discount], account: Option<&str>, region: Option<&str>, at: Timestamp) -> Option<&'d Discount> {
    let holding = list.iter().copied().filter(|of| of.holds(account, region, at));
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
    spot: &Spot,
    start: Option<&Start>,
    discount: Option<(&Discount, &Discounts)>,
) -> Price {
    let mut entry = Entry::clone(&list_price.0);
    if !entry.is_elsewhere {
        entry.region = spot.name();
    }
    let mut terms = Terms::clone(&entry.terms);
    terms.account = account.map(Box::from);
    terms.start = start.cloned();
    if let Some((discount, of)) = discount {
        for step in &mut terms.steps {
            step.rates = discount.percent.off_rates(&step.rates);
        }
        for unit in &mut terms.units {
            *unit = discount.percent.off_unit(unit);
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
