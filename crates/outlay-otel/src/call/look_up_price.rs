//! Looks up the prices of calls, and prices their billed usage.

use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::{
    Charge, GuardrailUse, Latency, ModelRef, Price, PriceQuery, Prices, Tier, Timestamp, Units, Usage, Usd,
};

use super::billed::Billed;
use super::call_end::CallEnd;
use super::call_start::CallStart;
use crate::core::Core;

/// What determines the price of a call, besides its usage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PriceFactors<'a> {
    pub(crate) model: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) tier: Option<&'a str>,
    pub(crate) latency: Option<&'a str>,
    /// The account in the ARN of the called resource, if there is one.
    pub(crate) account: Option<&'a str>,
    pub(crate) at: SystemTime,
}

impl<'a> PriceFactors<'a> {
    pub(crate) fn tier(&self) -> Option<Tier> {
        self.tier.map_or(Ok(Tier::default()), str::parse).ok()
    }

    pub(crate) fn latency(&self) -> Option<Latency> {
        self.latency.map_or(Ok(Latency::default()), str::parse).ok()
    }

    /// Returns the query for the call's price; `None` for a tier or latency mode that this version does not know.
    pub(crate) fn query(&self) -> Option<PriceQuery<'a>> {
        let mut query = PriceQuery::new(ModelRef::parse(self.model).ok()?, self.timestamp()?);
        query.region = self.region;
        query.account = query.model.account().or(self.account);
        query.tier = self.tier()?;
        query.latency = self.latency()?;
        Some(query)
    }

    /// Returns the query for the guardrail's price, which does not depend on the model.
    pub(crate) fn guardrail(&self) -> Option<PriceQuery<'a>> {
        let model = ModelRef::parse(self.model).or_else(|_| ModelRef::parse("guardrail")).ok()?;
        let mut query = PriceQuery::new(model, self.timestamp()?);
        query.region = self.region;
        Some(query)
    }

    fn timestamp(&self) -> Option<Timestamp> {
        Timestamp::try_from(self.at).ok()
    }
}

/// Looks up the price of a call at its end; `None` if the table has none, or the call is not priced by its model.
pub(super) fn look_up(prices: &Prices, start: &CallStart, end: &CallEnd) -> Option<Price> {
    if !start.operation.has_model_price() {
        return None;
    }
    prices.lookup(&price_factors(start, Some(end)).query()?).cloned()
}

/// Returns the charge for the call, without its guardrail. If several `inferences` add up to the billed tokens, each is
/// charged in its own context tier.
pub(crate) fn charge_inferences(billed: &Billed, inferences: &[Usage], price: Option<&Price>) -> Charge {
    match (billed, price) {
        (Billed::Tokens(_, status), Some(price)) if !inferences.is_empty() => {
            let each = inferences.iter().map(|usage| price.charge(usage));
            each.fold(Charge::free(), Charge::and).with_status(*status)
        }
        (Billed::Counted(_, units, status), Some(price)) if !inferences.is_empty() => {
            let each = inferences.iter().map(|usage| price.charge_with_units(usage, &Units::new()));
            each.fold(price.charge_units(units), Charge::and).with_status(*status)
        }
        _ => charge(billed, price),
    }
}

/// Returns the charge for the billed usage, without the guardrail.
pub(crate) fn charge(billed: &Billed, price: Option<&Price>) -> Charge {
    match (billed, price) {
        (Billed::Nothing, _) => Charge::free(),
        (Billed::Unknown, _) | (_, None) => Charge::unpriced(),
        (Billed::Tokens(usage, status), Some(price)) => price.charge(usage).with_status(*status),
        (Billed::Counted(usage, units, status), Some(price)) => {
            price.charge_with_units(usage, units).with_status(*status)
        }
        (Billed::AtMost { counted, input, output, cache, units }, Some(price)) => {
            price.bound_charge_beside(counted, *input, *output, *cache, units.as_ref())
        }
    }
}

/// Warns that a model has no price, once for each model.
pub(crate) fn warn_of_unpriced(core: &Core, model: &Arc<str>, region: Option<&str>) {
    if core.unpriced.insert(model) {
        tracing::warn!(
            target: "outlay",
            model = &**model,
            region = region.unwrap_or("unknown"),
            "no price is known for this model: its calls count as unpriced, not as free; give it a price, or map it to \
             the model it stands for, in a price file"
        );
    }
}

/// Returns what determines the price of a call. Without an `end`, this is what the request asks for.
pub(super) fn price_factors<'a>(start: &'a CallStart, end: Option<&'a CallEnd>) -> PriceFactors<'a> {
    PriceFactors {
        model: end.and_then(|e| e.priced_model.as_deref()).unwrap_or(&start.model),
        region: start.region.as_deref(),
        tier: end.and_then(|e| e.served_tier.as_deref()).or(start.tier.as_deref()),
        latency: end.and_then(|e| e.served_latency.as_deref()).or(start.latency.as_deref()),
        account: ModelRef::parse(&start.model).ok().and_then(|model| model.account()),
        at: start.started,
    }
}

/// Returns the maximum cost of a call with at most these input and output tokens; `None` if a part of it has no price.
pub(super) fn max_cost(start: &CallStart, prices: &Prices, input: u64, output: u64) -> Option<Usd> {
    let guardrail = charge_guardrail(start, prices, &start.max_guardrail);
    let guardrail = guardrail.is_priced().then(|| guardrail.total())?;
    if !start.operation.has_model_price() {
        return Some(guardrail);
    }
    let (input, output) = if start.bills_tokens { (input, output) } else { (0, 0) };
    let units = start.max_units.as_ref();
    let query = price_factors(start, None).query()?;
    // If the region is unknown, the price of the most expensive one is reserved.
    let bounds = prices.in_any_region(&query).map(|price| {
        let bound = price.bound_charge_beside(&Usage::new(), input, output, start.cache, units);
        bound.is_priced().then(|| bound.total().saturating_add(guardrail))
    });
    bounds.reduce(|max, other| max.zip(other).map(|(max, other)| max.max(other)))?
}

pub(super) fn charge_guardrail(start: &CallStart, prices: &Prices, used: &GuardrailUse) -> Charge {
    match (used, price_factors(start, None).guardrail()) {
        (GuardrailUse::NotApplied, _) => Charge::free(),
        (used, Some(query)) => prices.charge_guardrail(&query, used),
        (_, None) => Charge::unpriced(),
    }
}
