//! Regions, call modes and the price of a call in a catalogue.

use std::collections::BTreeSet;

pub(super) use outlay_price::parts::is_callable;
use outlay_price::parts::{UNNAMED, is_commercial, shorter_ids};
use outlay_price::{Geo, Latency, ModelRef, Price, PriceQuery, Prices, Routing, Tier, Timestamp};

/// Returns the regions in a catalogue.
pub(super) fn regions(prices: &Prices) -> BTreeSet<String> {
    let is_region = |place: &&str| place.ends_with(|last: char| last.is_ascii_digit());
    prices.rows().filter_map(Price::region).filter(is_region).chain(UNNAMED).map(str::to_owned).collect()
}

/// Returns one region of `all`, or all of them if none is given.
pub(super) fn select_regions<'a>(all: &'a BTreeSet<String>, one: Option<&'a str>) -> Result<Vec<&'a str>, String> {
    let known = || all.iter().map(String::as_str);
    match one {
        Some(region) if !all.contains(region) => {
            let known = known().collect::<Vec<_>>().join(", ");
            Err(format!("no price is for the region `{region}`: known regions are {known}"))
        }
        Some(region) => Ok(vec![region]),
        None => Ok(known().collect()),
    }
}

/// The way a model is called: its routing, tier and latency mode.
pub(super) type CallMode = (Routing, Tier, Latency);

/// Returns the call modes of a model, including those of shorter ids that a lookup would use.
pub(super) fn call_modes(prices: &Prices, model: &str) -> BTreeSet<CallMode> {
    let ids: BTreeSet<&str> = [model].into_iter().chain(shorter_ids(model)).collect();
    let own = prices.rows().filter(|price| ids.contains(price.model()));
    own.map(|price| (price.routing(), price.tier(), price.latency())).collect()
}

/// Returns the id to call for a routing, such as `eu.amazon.nova-pro-v1:0`.
pub(super) fn model_id(model: &str, routing: Routing) -> String {
    match routing {
        Routing::InRegion => model.to_owned(),
        routing => format!("{routing}.{model}"),
    }
}

/// The region, account and time of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallSite<'a> {
    pub(super) region: &'a str,
    pub(super) account: Option<&'a str>,
    pub(super) at: Timestamp,
}

/// Returns the price of a call.
pub(super) fn find_price(
    prices: &Prices,
    model: &str,
    (routing, tier, latency): CallMode,
    call: CallSite<'_>,
) -> Option<Price> {
    let CallSite { region, account, at } = call;
    if model == outlay_price::parts::GUARDRAILS {
        return prices.guardrails(Some(region), at).cloned();
    }
    let wire = model_id(model, routing);
    let model = ModelRef::parse(&wire).ok()?;
    let query = PriceQuery { region: Some(region), account, tier, latency, ..PriceQuery::new(model, at) };
    prices.lookup(&query).cloned()
}

/// Returns the geography of a price that is of a whole geography.
pub(super) fn geography(price: &Price) -> Option<Geo> {
    match price.region()?.parse() {
        Ok(Routing::Geo(geo)) => Some(geo),
        _ => None,
    }
}

/// Returns a short text for a set of regions.
pub(super) fn describe_regions(regions: &BTreeSet<&str>, all: &BTreeSet<String>) -> String {
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
    fn the_catalogue_knows_all_regions_of_the_price_list() {
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
