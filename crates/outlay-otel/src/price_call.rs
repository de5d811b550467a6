//! From what is billed to what it costs.

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use outlay_price::{CacheUse, Charge, Latency, ModelRef, Price, PriceQuery, Prices, Tier};

use crate::{Billed, Engine};

/// What decides the price of a call, beside its tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Priced<'a> {
    pub(crate) model: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) tier: Option<&'a str>,
    pub(crate) latency: Option<&'a str>,
    pub(crate) at: SystemTime,
}

/// The price of a call; `None` where none is known, also for a tier or latency mode that this version has not heard of.
pub(crate) fn find(prices: &Prices, of: &Priced<'_>) -> Option<Price> {
    let query = PriceQuery {
        model: ModelRef::parse(of.model).ok()?,
        region: of.region,
        tier: of.tier.map_or(Ok(Tier::default()), str::parse).ok()?,
        latency: of.latency.map_or(Ok(Latency::default()), str::parse).ok()?,
        at: Timestamp::try_from(of.at).ok()?,
    };
    prices.lookup(&query).cloned()
}

/// What the call cost.
pub(crate) fn charge(billed: &Billed, price: Option<&Price>) -> Charge {
    match (billed, price) {
        (Billed::Nothing, _) => Charge::free(),
        (Billed::Unknown, _) | (_, None) => Charge::unpriced(),
        (Billed::Tokens(usage, status), Some(price)) => price.charge(usage).with_status(*status),
        (Billed::AtMost { input, output, cache }, Some(price)) => price.bound_charge(*input, *output, *cache),
    }
}

/// The most that a call can cost with so many tokens; `None` where it has no whole price.
pub(crate) fn bound(price: &Price, input: u64, output: u64, cache: CacheUse) -> Option<outlay_price::Usd> {
    let charge = price.bound_charge(input, output, cache);
    charge.is_priced().then(|| charge.total())
}

/// Says once for each model that it has no price.
pub(crate) fn say_unpriced(engine: &Engine, model: &Arc<str>, region: Option<&str>) {
    if engine.first_unpriced(model) {
        tracing::warn!(
            target: "outlay",
            model = &**model,
            region = region.unwrap_or("unknown"),
            "no price is known for this model: its calls count as unpriced, not as free; give it a price, or map it to \
             the model it stands for, in a price file"
        );
    }
}
