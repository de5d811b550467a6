//! The roads and places that a catalogue has prices of.

use std::collections::BTreeSet;

use jiff::Timestamp;
pub(super) use outlay_price::parts::is_callable;
use outlay_price::parts::{UNNAMED, is_commercial, shorter_ids};
use outlay_price::{Geo, Latency, ModelRef, Price, PriceQuery, Prices, Routing, Tier};

/// The regions that prices are of.
pub(super) fn regions(prices: &Prices) -> BTreeSet<String> {
    let is_region = |place: &&str| place.ends_with(|last: char| last.is_ascii_digit());
    prices.rows().filter_map(Price::region).filter(is_region).chain(UNNAMED).map(str::to_owned).collect()
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

/// How a model is called: by its routing, tier and latency mode.
pub(super) type Road = (Routing, Tier, Latency);

/// The roads of a model, also by a shorter id that a lookup would take.
pub(super) fn roads(prices: &Prices, model: &str) -> BTreeSet<Road> {
    let ids: BTreeSet<&str> = [model].into_iter().chain(shorter_ids(model)).collect();
    let own = prices.rows().filter(|price| ids.contains(price.model()));
    own.map(|price| (price.routing(), price.tier(), price.latency())).collect()
}

/// What is called on a road: `eu.amazon.nova-pro-v1:0`.
pub(super) fn wire(model: &str, routing: Routing) -> String {
    match routing {
        Routing::InRegion => model.to_owned(),
        routing => format!("{routing}.{model}"),
    }
}

/// Who calls, where and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) region: &'a str,
    pub(super) account: Option<&'a str>,
    pub(super) at: Timestamp,
}

/// The price of a call on a road.
pub(super) fn price(prices: &Prices, model: &str, (routing, tier, latency): Road, call: Call<'_>) -> Option<Price> {
    let Call { region, account, at } = call;
    if model == outlay_price::parts::GUARDRAILS {
        return prices.guardrails(Some(region), at).cloned();
    }
    let wire = wire(model, routing);
    let model = ModelRef::parse(&wire).ok()?;
    let query = PriceQuery { region: Some(region), account, tier, latency, ..PriceQuery::new(model, at) };
    prices.lookup(&query).cloned()
}

/// The geography that a price is of as a whole.
pub(super) fn geo(price: &Price) -> Option<Geo> {
    match price.region()?.parse() {
        Ok(Routing::Geo(geo)) => Some(geo),
        _ => None,
    }
}

/// The regions as text, in few words.
pub(super) fn named(regions: &BTreeSet<&str>, all: &BTreeSet<String>) -> String {
    let commercial: BTreeSet<&str> = all.iter().map(String::as_str).filter(|region| is_commercial(region)).collect();
    let list = |regions: &mut dyn Iterator<Item = &&str>| regions.copied().collect::<Vec<_>>().join(", ");
    let missing: Vec<&&str> = commercial.difference(regions).collect();
    match missing.len() {
        0 => {
            let others = list(&mut regions.difference(&commercial));
            if others.is_empty() { "all commercial".to_owned() } else { format!("all commercial, {others}") }
        }
        1..=5 if regions.len() > 5 => format!("all commercial but {}", list(&mut missing.into_iter())),
        _ => list(&mut regions.iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_of_the_price_list_is_known_and_no_more() {
        let list =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sources/aws-price-list-2026-08-20.tsv"))
                .unwrap();
        let rows = list.lines().filter(|line| !line.starts_with('#')).skip(1);
        let listed: BTreeSet<&str> = rows.filter_map(|row| row.split('\t').nth(3)).collect();
        let known = regions(&Prices::bundled());
        assert_eq!(listed.iter().filter(|region| !known.contains(**region)).count(), 0, "{listed:?} {known:?}");
        assert!(UNNAMED.iter().all(|region| listed.contains(region)));
    }
}
