//! The prices of a table with discounts taken off.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::{Search, Slot, Table, order_of_slots};
use crate::discount::{Discount, Discounts};
use crate::start::Start;
use crate::{Confidence, Price};

impl Table {
    /// What discounts make of these prices: a table that, asked before this one, answers where and when a discount
    /// holds, and leaves the rest to it. `None` where none ever does.
    ///
    /// For each account and region that a row or a discount names, time is cut where either starts or ends, and the
    /// list price is looked up in between: so dates, accounts and regions mean what they mean in a lookup.
    pub(crate) fn discounted(&self, discounts: &Discounts) -> Option<Self> {
        let mut models = HashMap::new();
        for (model, slots) in &self.models {
            let roads = slots.chunk_by(|a, b| a.road == b.road);
            let mut derived: Vec<Slot> = roads.flat_map(|slots| self.of_road(model, slots, discounts)).collect();
            if !derived.is_empty() {
                derived.sort_by(order_of_slots);
                models.insert(model.clone(), derived.into_boxed_slice());
            }
        }
        (!models.is_empty()).then(|| Self {
            version: Arc::clone(&discounts.version),
            models,
            aliases: HashMap::new(),
            reaches_all_partitions: self.reaches_all_partitions,
        })
    }

    /// `slots` are all of one road.
    fn of_road(&self, model: &str, slots: &[Slot], discounts: &Discounts) -> Vec<Slot> {
        let Some(road) = slots.first().map(|slot| slot.road) else {
            return Vec::new();
        };
        let list: Vec<&Discount> = discounts.list.iter().filter(|of| of.is_for(model, road.0, road.1)).collect();
        if list.is_empty() {
            return Vec::new();
        }
        let (accounts, regions, times) = places(slots, &list);
        let mut derived = Vec::new();
        for &account in &accounts {
            for &region in &regions {
                let mut last: Option<(&Price, Option<&Discount>)> = None;
                for &start in &times {
                    let at = start.map_or(Timestamp::MIN, |start| start.at);
                    let search = Search { region, account, ..road.search(at) };
                    let Some(list_price) = self.pick(slots, search) else {
                        continue;
                    };
                    let discount = best(&list, search);
                    // Before the first discount the table itself answers.
                    let is_as_before = match last {
                        Some((price, of)) => std::ptr::eq(price, list_price) && is_same(of, discount),
                        None => discount.is_none(),
                    };
                    if !is_as_before {
                        last = Some((list_price, discount));
                        let price = narrowed(list_price, search, start, discount.map(|of| (of, discounts)));
                        derived.push(Slot { road, price });
                    }
                }
            }
        }
        derived
    }
}

type Places<'a> = (BTreeSet<Option<&'a str>>, BTreeSet<Option<&'a str>>, BTreeSet<Option<&'a Start>>);

/// The accounts, regions and starts that rows and discounts name, and those that none names.
fn places<'a>(slots: &'a [Slot], list: &[&'a Discount]) -> Places<'a> {
    let mut places: Places<'a> = ([None].into(), [None].into(), [None].into());
    for Slot { price, .. } in slots {
        places.0.insert(price.account());
        places.1.insert(price.region());
        places.2.insert(price.0.start.as_ref());
    }
    for discount in list {
        places.0.insert(discount.account.as_deref());
        places.1.insert(discount.region.as_deref());
        places.2.extend([discount.from.as_ref(), discount.to.as_ref()]);
    }
    places
}

/// The discount that holds: the most specific, the later on a tie.
fn best<'d>(list: &[&'d Discount], search: Search<'_>) -> Option<&'d Discount> {
    let holding = list.iter().copied().filter(|of| of.holds(search.account, search.region, search.at));
    holding.max_by_key(|of| of.specificity())
}

fn is_same(a: Option<&Discount>, b: Option<&Discount>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => std::ptr::eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// The price of a place from a day on: with the discount off, or the list price once more where one has ended.
fn narrowed(
    list_price: &Price,
    place: Search<'_>,
    start: Option<&Start>,
    discount: Option<(&Discount, &Discounts)>,
) -> Price {
    let mut entry = (*list_price.0).clone();
    entry.account = place.account.map(Box::from);
    entry.region = place.region.map(Box::from);
    entry.start = start.cloned();
    if let Some((discount, of)) = discount {
        for step in &mut entry.steps {
            step.rates = discount.percent.off_rates(&step.rates);
        }
        for unit in &mut entry.units {
            *unit = discount.percent.off_unit(unit);
        }
        entry.note = discount.note(&entry.note);
        entry.source = Arc::clone(&of.source);
        entry.version = Arc::clone(&of.version);
        entry.confidence = Confidence::Own;
    }
    Price(Arc::new(entry))
}
