//! The roads and places that a catalogue has prices of.

use std::collections::BTreeSet;

use jiff::Timestamp;
use outlay_price::parts::{geos, is_commercial};
use outlay_price::{Geo, Latency, ModelRef, Price, PriceQuery, Prices, Routing, Tier};

/// The regions that prices are of.
pub(super) fn regions(prices: &Prices) -> BTreeSet<String> {
    let is_region = |place: &&str| place.ends_with(|last: char| last.is_ascii_digit());
    prices.rows().filter_map(Price::region).filter(is_region).map(str::to_owned).collect()
}

/// The regions that are meant: one that prices are of, or all of them.
pub(super) fn chosen<'a>(all: &'a BTreeSet<String>, one: Option<&'a str>) -> Result<Vec<&'a str>, String> {
    let known = || all.iter().map(String::as_str);
    match one {
        Some(region) if !all.contains(region) => {
            let known = known().collect::<Vec<_>>().join(", ");
            Err(format!("no price is of the region `{region}`: those known are {known}"))
        }
        Some(region) => Ok(vec![region]),
        None => Ok(known().collect()),
    }
}

/// The roads of a model: by its routing, tier and latency mode.
pub(super) fn roads(prices: &Prices, model: &str) -> BTreeSet<(Routing, Tier, Latency)> {
    let own = prices.rows().filter(|price| price.model() == model);
    own.map(|price| (price.routing(), price.tier(), price.latency())).collect()
}

/// Whether a model can be called so in a region.
pub(super) fn is_callable(routing: Routing, region: &str) -> bool {
    match routing {
        Routing::Geo(geo) => geos(region).contains(&geo),
        Routing::Global => is_commercial(region),
        _ => true,
    }
}

/// What is called on a road: `eu.amazon.nova-pro-v1:0`.
pub(super) fn wire(model: &str, routing: Routing) -> String {
    match routing {
        Routing::InRegion => model.to_owned(),
        routing => format!("{routing}.{model}"),
    }
}

/// The price of a call on a road, of no account.
pub(super) fn price(
    prices: &Prices,
    model: &str,
    (routing, tier, latency): (Routing, Tier, Latency),
    region: &str,
    at: Timestamp,
) -> Option<Price> {
    if model == outlay_price::parts::GUARDRAILS {
        return prices.guardrails(Some(region), at).cloned();
    }
    let wire = wire(model, routing);
    let query = PriceQuery { region: Some(region), tier, latency, ..PriceQuery::new(ModelRef::parse(&wire).ok()?, at) };
    prices.lookup(&query).cloned()
}

/// The geography that a price is of as a whole.
pub(super) fn geo(price: &Price) -> Option<Geo> {
    match price.region()?.parse() {
        Ok(Routing::Geo(geo)) => Some(geo),
        _ => None,
    }
}
