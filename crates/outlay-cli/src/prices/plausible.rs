//! Checks of whether the figures of a price are plausible.

use std::collections::BTreeMap;

use outlay_price::parts::{geos, is_commercial};
use outlay_price::{Confidence, Price, Prices, Timestamp, Usd};

use super::lookup::{CallSite, find_price, geography, is_callable, regions};
use super::price_figures::{Figures, figures};

/// The ratio to the figure in force, up or down, from which on a figure is implausible.
const FACTOR: i128 = 10;

/// Returns the figures of a price that are far from the figures in force. They are compared with the same model in the
/// regions where the price would apply, or with all models if none of these has such a figure.
pub(super) fn implausible_figures(own: &Price, prices: &Prices, ranges: &Ranges) -> Vec<String> {
    let same = comparable_prices(own, prices);
    let mut far = Vec::new();
    for (name, figure) in figures(own) {
        let is_low = |low: Usd| figure.picos() * FACTOR <= low.picos() && !low.is_zero();
        let is_high = |high: Usd| figure.picos() >= high.picos() * FACTOR && !figure.is_zero();
        let of_kind = |(region, same): &(String, Figures)| {
            let (_, theirs) = same.iter().find(|(own, _)| *own == name)?;
            Some((*theirs, region.clone()))
        };
        let theirs: BTreeMap<Usd, String> = same.iter().filter_map(of_kind).collect();
        let of_region = theirs.iter().find_map(|(amount, region)| {
            let place = if theirs.len() > 1 { format!(" in {region}") } else { String::new() };
            (is_low(*amount) || is_high(*amount)).then(|| format!("{} is in force{place}", amount.to_decimal()))
        });
        let what = of_region.or_else(|| {
            let (low, high) = *ranges.0.get(kind(&name)).filter(|_| theirs.is_empty())?;
            let known = || format!("known prices are from {} to {}", low.to_decimal(), high.to_decimal());
            (is_low(low) || is_high(high)).then(known)
        });
        far.extend(what.map(|what| format!("{name} is {}: {what}", figure.to_decimal())));
    }
    far
}

/// Returns the figures in force for the same model, routing, tier and latency when a price begins, with their regions.
/// A price that stands in for a region's own is included only if the new price is for that region.
fn comparable_prices(own: &Price, prices: &Prices) -> Vec<(String, Figures)> {
    let at = own.effective_at().unwrap_or_else(Timestamp::now);
    let mode = (own.routing(), own.tier(), own.latency());
    let of_geo = geography(own);
    let holds_in = |region: &String| match of_geo {
        Some(geo) => geos(region).contains(&geo),
        None => is_callable(own.routing(), region) && is_commercial(region),
    };
    let all: Vec<String> = match own.region().filter(|_| of_geo.is_none()) {
        Some(region) => vec![region.to_owned()],
        None => regions(prices).into_iter().filter(holds_in).collect(),
    };
    let mut found: Vec<(String, Figures)> = Vec::new();
    for region in &all {
        let call = CallSite { region, account: own.account(), at };
        let Some(price) = find_price(prices, own.model(), mode, call) else { continue };
        let stands_in = price.confidence() == Confidence::Elsewhere && own.region().is_none();
        let figures = figures(&price);
        if !stands_in && !found.iter().any(|(_, known)| *known == figures) {
            found.push((region.clone(), figures));
        }
    }
    found
}

/// Returns a figure's name without its conditions.
fn kind(name: &str) -> &str {
    name.split([' ', '[']).next().unwrap_or_default()
}

/// The lowest and the highest figure of each kind, without those that are zero.
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
