//! Comparison of two offers for one id.

use crate::import::offer::{Offer, StepRates};
use crate::import::rates::per_million;
use outlay_price::parts::{Rate, Rates};
use outlay_price::{Tier, UnitPrice};

pub(super) enum Comparison {
    Agree,
    /// The difference, as readable text.
    Differ(String),
}

/// Compares the default tier, which is the one that both sources have.
pub(super) fn compare(a: &Offer, b: &Offer) -> Comparison {
    let none = StepRates::new();
    let a_steps = a.tiers.get(&Tier::Default).unwrap_or(&none);
    let b_steps = b.tiers.get(&Tier::Default).unwrap_or(&none);
    if !a_steps.keys().eq(b_steps.keys()) {
        return Comparison::Differ(format!("context sizes {:?} and {:?}", bounds(a_steps), bounds(b_steps)));
    }
    for (over, a_rates) in a_steps {
        // The keys were compared above.
        let b_rates = b_steps.get(over).copied().unwrap_or_default();
        for ((a, b), name) in a_rates.all().into_iter().zip(b_rates.all()).zip(Rates::NAMES) {
            if differ(a, b) {
                let text = |rate: Option<Rate>| rate.map_or_else(String::new, per_million);
                return Comparison::Differ(format!("{name} over {over}: {} and {}", text(a), text(b)));
            }
        }
    }
    if !same_units(a, b) {
        return Comparison::Differ("other units".to_owned());
    }
    Comparison::Agree
}

/// Adds the prices that only the other offer has.
pub(super) fn fill(offer: &mut Offer, other: &Offer) {
    for (&tier, steps) in &other.tiers {
        for (&over, rates) in steps {
            let own = offer.tiers.entry(tier).or_default().entry(over).or_default();
            let mut filled = own.all();
            for (slot, rate) in filled.iter_mut().zip(rates.all()) {
                *slot = slot.or(rate);
            }
            *own = Rates::from_all(filled);
        }
    }
    for (&tier, units) in &other.units {
        let own = offer.units.entry(tier).or_default();
        for unit in units {
            if !own.iter().any(|own| own.is_of_same(unit)) {
                own.push(unit.clone());
            }
        }
    }
}

/// Adds the prices that only the other offer has. Returns whether the prices that both have are equal.
pub(super) fn union(offer: &mut Offer, other: &Offer) -> bool {
    let rates = offer.tiers.iter().all(|(tier, steps)| {
        steps.iter().all(|(over, rates)| {
            let other = other.tiers.get(tier).and_then(|steps| steps.get(over)).copied().unwrap_or_default();
            !rates.all().into_iter().zip(other.all()).any(|(a, b)| differ(a, b))
        })
    });
    let units = same_units(offer, other);
    fill(offer, other);
    rates && units
}

fn differ(a: Option<Rate>, b: Option<Rate>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

/// Returns whether the units that both have cost the same.
fn same_units(a: &Offer, b: &Offer) -> bool {
    a.units.iter().all(|(tier, units)| {
        let other = b.units.get(tier).map_or(&[][..], Vec::as_slice);
        let same = |own: &UnitPrice| other.iter().find(|unit| own.is_of_same(unit));
        units.iter().all(|own| same(own).is_none_or(|unit| unit.price() == own.price()))
    })
}

fn bounds(steps: &StepRates) -> Vec<u64> {
    steps.keys().copied().collect()
}
