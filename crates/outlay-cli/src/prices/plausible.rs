//! Whether a price can be one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use outlay_price::{Price, Prices, Usd};

use super::figures::rates;
use super::places::{geo, price, regions};

/// How many times a figure may be the one in force, or be contained in it.
const FACTOR: i128 = 10;

/// The figures of a price that are far from those in force: of the same model and place, or else of any model.
pub(super) fn far(own: &Price, prices: &Prices, ranges: &Ranges) -> Vec<String> {
    let same = counterpart(own, prices);
    let mut far = Vec::new();
    for (name, figure) in figures(own) {
        let theirs = same.as_ref().and_then(|same| figures(same).into_iter().find(|(own, _)| *own == name));
        let (what, low, high) = match theirs {
            Some((_, theirs)) => (format!("{} is in force", theirs.to_decimal()), theirs, theirs),
            None => match ranges.0.get(kind(&name)) {
                Some(&(low, high)) => {
                    (format!("known prices are from {} to {}", low.to_decimal(), high.to_decimal()), low, high)
                }
                None => continue,
            },
        };
        let is_low = figure.picos() * FACTOR <= low.picos() && !low.is_zero();
        let is_high = figure.picos() >= high.picos() * FACTOR && !figure.is_zero();
        if is_low || is_high {
            far.push(format!("{name} is {}: {what}", figure.to_decimal()));
        }
    }
    far
}

/// The price in force of the same model, road and place, when a price begins.
fn counterpart(own: &Price, prices: &Prices) -> Option<Price> {
    let at = own.effective_at().unwrap_or_else(Timestamp::now);
    let road = (own.routing(), own.tier(), own.latency());
    let of_geo = geo(own).and_then(|geo| {
        let all = regions(prices);
        all.into_iter().find(|region| outlay_price::parts::geos(region).contains(&geo))
    });
    let region = own.region().filter(|_| geo(own).is_none()).map(str::to_owned).or(of_geo);
    price(prices, own.model(), road, region.as_deref().unwrap_or("us-east-1"), at)
}

/// All figures of a price, by their names in price files; those of a context tier by its size too.
fn figures(price: &Price) -> Vec<(String, Usd)> {
    let of_step = price.steps().iter().flat_map(|step| {
        let over = if step.over == 0 { String::new() } else { format!(" over {}", step.over) };
        rates(step).map(move |(name, rate)| (format!("{name}{over}"), rate))
    });
    let units = price.units().iter().filter_map(|unit| {
        let text = unit.to_string();
        Some((text.rsplit_once('=')?.0.to_owned(), unit.price()))
    });
    of_step.chain(units).collect()
}

/// A figure's name without its conditions.
fn kind(name: &str) -> &str {
    name.split([' ', '[']).next().unwrap_or_default()
}

/// The least and the most that there is of each kind of figure; what is free does not count.
pub(super) struct Ranges(BTreeMap<String, (Usd, Usd)>);

impl Ranges {
    pub(super) fn of(prices: &Prices) -> Self {
        let mut ranges: BTreeMap<String, (Usd, Usd)> = BTreeMap::new();
        for (name, figure) in prices.rows().flat_map(figures).filter(|(_, figure)| !figure.is_zero()) {
            let range = ranges.entry(kind(&name).to_owned()).or_insert((figure, figure));
            *range = (range.0.min(figure), range.1.max(figure));
        }
        Self(ranges)
    }
}
