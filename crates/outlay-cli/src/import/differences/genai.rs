//! The prices of genai-prices, for each id of the catalogue that its rules match, at each date.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::stated_price::{Billed, Kind, StatedPrice};
use crate::import::build_error::BuildError;
use crate::import::resolutions::{Resolutions, Source};
use crate::import::source_id::Id;
use outlay_price::parts::Decimal;
use outlay_price::parts::Start;
use outlay_price::{ModelRef, Price, PriceQuery, Prices, Routing, Tier, Timestamp, Usd};

#[derive(Deserialize)]
struct Provider<'a> {
    #[serde(borrow)]
    models: Vec<Model<'a>>,
}

#[derive(Deserialize)]
struct Model<'a> {
    id: String,
    #[serde(rename = "match")]
    rule: Value,
    #[serde(borrow)]
    prices: &'a RawValue,
}

#[derive(Deserialize)]
struct Dated<'a> {
    constraint: Option<BTreeMap<String, String>>,
    #[serde(borrow)]
    prices: BTreeMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
struct Tiered<'a> {
    #[serde(borrow)]
    base: &'a RawValue,
    #[serde(borrow)]
    tiers: Vec<Step<'a>>,
}

#[derive(Deserialize)]
struct Step<'a> {
    start: u64,
    #[serde(borrow)]
    price: &'a RawValue,
}

pub(super) fn stated(text: &str, rules: &Resolutions, prices: &Prices) -> Result<Vec<StatedPrice>, BuildError> {
    let bad = |what: &str| BuildError::one(format!("genai-prices: {what} is not understood"));
    let provider: Provider<'_> = serde_json::from_str(text).map_err(|error| bad(&error.to_string()))?;
    let today = Start::parse(&rules.sources.genai.as_of).ok_or_else(|| bad("the day"))?.at;
    let ids: BTreeSet<Id> = prices
        .rows()
        .filter(|price| price.region().is_none_or(outlay_price::parts::is_commercial))
        .filter_map(id)
        .collect();
    let mut all = Vec::new();
    for id in ids {
        let wire = id.wire();
        // The first match, as in genai-prices itself.
        let Some(model) = provider.models.iter().find(|model| matches_rule(&model.rule, &wire)) else {
            continue;
        };
        all.extend(prices_of(model, &id, today, prices).ok_or_else(|| bad(&model.id))?);
    }
    Ok(all)
}

fn id(price: &Price) -> Option<Id> {
    let wire = match price.routing() {
        Routing::InRegion => price.model().to_owned(),
        routing => format!("{routing}.{}", price.model()),
    };
    Id::new(&wire, None).ok()
}

fn matches_rule(rule: &Value, id: &str) -> bool {
    let Some((verb, what)) = rule.as_object().and_then(|rule| rule.iter().next()) else {
        return false;
    };
    let text = what.as_str().unwrap_or_default();
    match verb.as_str() {
        "or" | "or_" => what.as_array().is_some_and(|rules| rules.iter().any(|rule| matches_rule(rule, id))),
        "contains" => id.contains(text),
        "equals" => id == text,
        "starts_with" => id.starts_with(text),
        "ends_with" => id.ends_with(text),
        _ => false,
    }
}

fn prices_of(model: &Model<'_>, id: &Id, today: Timestamp, prices: &Prices) -> Option<Vec<StatedPrice>> {
    let dated: Vec<Dated<'_>> = if model.prices.get().starts_with('[') {
        serde_json::from_str(model.prices.get()).ok()?
    } else {
        vec![Dated { constraint: None, prices: serde_json::from_str(model.prices.get()).ok()? }]
    };
    let start = |dated: &Dated<'_>| dated.constraint.as_ref().and_then(|it| Start::parse(it.get("start_date")?));
    let first = dated.iter().filter_map(start).map(|start| start.at).min();
    // A price without a start applies until the first one with a start.
    let before = first.map_or(today, second_before);
    let mut all = Vec::new();
    for offer in &dated {
        let start = start(offer);
        let at = start.as_ref().map_or(before, |start| start.at);
        let from = start.map_or_else(String::new, |start| start.text.to_string());
        for (field, raw) in &offer.prices {
            let kind = match field.as_str() {
                "input_mtok" => Kind::Input,
                "output_mtok" => Kind::Output,
                "cache_read_mtok" => Kind::CacheRead,
                "cache_write_mtok" => Kind::CacheWrite,
                "cache_write_1h_mtok" => Kind::CacheWriteHour,
                "input_audio_mtok" => Kind::InputAudio,
                "output_audio_mtok" => Kind::OutputAudio,
                _ => return None,
            };
            for (over, price) in steps(raw, &bounds(prices, id, at))? {
                all.push(StatedPrice {
                    source: Source::GenAi,
                    key: model.id.clone(),
                    id: id.clone(),
                    from: from.clone(),
                    at,
                    tier: Tier::Default,
                    field: if over == 0 { field.clone() } else { format!("{field} over {over}") },
                    billed: Billed::Tokens(kind, over),
                    price,
                    same_as_text: false,
                    is_flat: !raw.get().starts_with('{'),
                });
            }
        }
    }
    Some(all)
}

/// Returns the context sizes above which the catalogue has other prices.
fn bounds(prices: &Prices, id: &Id, at: Timestamp) -> Vec<u64> {
    let wire = id.wire();
    let query = ModelRef::parse(&wire).map(|model| PriceQuery::new(model, at));
    query.ok().and_then(|query| prices.lookup(&query)).map_or_else(Vec::new, |price| price.context_bounds().collect())
}

/// Returns the prices per token by the context size above which they apply. A flat price also applies above every
/// bound.
fn steps(raw: &RawValue, bounds: &[u64]) -> Option<Vec<(u64, Usd)>> {
    let price = |raw: &RawValue| Decimal::parse(raw.get()).ok()?.scaled(6).ok().map(Usd::from_picos);
    if !raw.get().starts_with('{') {
        let flat = price(raw)?;
        return Some([0].into_iter().chain(bounds.iter().copied()).map(|over| (over, flat)).collect());
    }
    let tiered: Tiered<'_> = serde_json::from_str(raw.get()).ok()?;
    let tiers = tiered.tiers.iter().map(|step| Some((step.start, price(step.price)?)));
    [Some((0, price(tiered.base)?))].into_iter().chain(tiers).collect()
}

fn second_before(at: Timestamp) -> Timestamp {
    Timestamp::try_from(SystemTime::from(at) - Duration::from_secs(1)).unwrap_or(at)
}
