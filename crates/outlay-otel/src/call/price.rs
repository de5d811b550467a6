//! From what is billed to what it costs.

use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use outlay_price::{Charge, GuardrailUse, Latency, ModelRef, Price, PriceQuery, Prices, Tier, Units, Usage, Usd};

use super::billed::Billed;
use super::call_end::CallEnd;
use super::call_start::CallStart;
use crate::core::Core;

/// What decides the price of a call, beside what it used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Priced<'a> {
    pub(crate) model: &'a str,
    pub(crate) region: Option<&'a str>,
    pub(crate) tier: Option<&'a str>,
    pub(crate) latency: Option<&'a str>,
    /// The account whose resource was called, where its ARN says so.
    pub(crate) account: Option<&'a str>,
    pub(crate) at: SystemTime,
}

impl<'a> Priced<'a> {
    pub(crate) fn tier(&self) -> Option<Tier> {
        self.tier.map_or(Ok(Tier::default()), str::parse).ok()
    }

    pub(crate) fn latency(&self) -> Option<Latency> {
        self.latency.map_or(Ok(Latency::default()), str::parse).ok()
    }

    /// `None` for a tier or latency mode that this version has not heard of.
    pub(crate) fn query(&self) -> Option<PriceQuery<'a>> {
        let mut query = PriceQuery::new(ModelRef::parse(self.model).ok()?, self.timestamp()?);
        query.region = self.region;
        query.account = query.model.account().or(self.account);
        query.tier = self.tier()?;
        query.latency = self.latency()?;
        Some(query)
    }

    /// Where and when a guardrail was applied: whatever the model, its prices are the same.
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

/// What the call cost, without its guardrail. `inferences` are those of which the tokens are the sum, where there are
/// several: each has a context tier of its own.
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

/// What the call cost, without its guardrail.
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

/// Warns once for each model that it has no price.
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

/// Returns what decides the price of a call. Before its end, that is what was asked for.
pub(super) fn priced<'a>(start: &'a CallStart, end: Option<&'a CallEnd>) -> Priced<'a> {
    Priced {
        model: end.and_then(|e| e.priced_model.as_deref()).unwrap_or(&start.model),
        region: start.region.as_deref(),
        tier: end.and_then(|e| e.served_tier.as_deref()).or(start.tier.as_deref()),
        latency: end.and_then(|e| e.served_latency.as_deref()).or(start.latency.as_deref()),
        account: ModelRef::parse(&start.model).ok().and_then(|model| model.account()),
        at: start.started,
    }
}

/// The most that the call can cost if it writes at most so many output tokens; `None` where it has no whole price.
pub(super) fn most(start: &CallStart, prices: &Prices, input: u64, output: u64) -> Option<Usd> {
    let guardrail = charge_guardrail(start, prices, &start.most_guardrail);
    let guardrail = guardrail.is_priced().then(|| guardrail.total())?;
    if !start.operation.has_model_price() {
        return Some(guardrail);
    }
    let (input, output) = if start.bills_tokens { (input, output) } else { (0, 0) };
    let units = start.most_units.as_ref();
    let query = priced(start, None).query()?;
    // Where nobody knows the region, that of the dearest one is held.
    let bounds = prices.in_any_region(&query).map(|price| {
        let most = price.bound_charge_beside(&Usage::new(), input, output, start.cache, units);
        most.is_priced().then(|| most.total().saturating_add(guardrail))
    });
    bounds.reduce(|most, other| most.zip(other).map(|(most, other)| most.max(other)))?
}

pub(super) fn charge_guardrail(start: &CallStart, prices: &Prices, used: &GuardrailUse) -> Charge {
    match (used, priced(start, None).guardrail()) {
        (GuardrailUse::NotApplied, _) => Charge::free(),
        (used, Some(query)) => prices.charge_guardrail(&query, used),
        (_, None) => Charge::unpriced(),
    }
}
