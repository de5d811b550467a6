use std::fmt;
use std::sync::Arc;

use crate::effective_from::Start;
use crate::rate::{RateSet, Rates};
use crate::{
    Charge, Confidence, CostStatus, Latency, Routing, Tier, Timestamp, Unit, UnitCount, UnitPrice, Units, Usage, Usd,
};

mod bound_charge;
mod token_charge;

#[cfg(test)]
mod charge_tests;

pub use bound_charge::CacheUse;

/// The price of a model with one routing, tier and latency mode at one time. Cheap to clone.
///
/// Token rates are whole pico-dollars per token, so every charge is exact.
#[derive(Clone)]
pub struct Price(pub(crate) Arc<Entry>);

/// A price with its routing and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) terms: Arc<Terms>,
    pub(crate) routing: Routing,
    /// The region or geography of the price, or `None` if it is the same in all regions.
    pub(crate) region: Option<Box<str>>,
    /// Whether this is a fallback for regions without a price.
    pub(crate) is_fallback: bool,
}

/// The parts of a price that do not depend on routing and region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) model: Box<str>,
    pub(crate) account: Option<Box<str>>,
    pub(crate) tier: Tier,
    pub(crate) latency: Latency,
    pub(crate) start: Option<Start>,
    /// In ascending order of context size; never empty.
    pub(crate) steps: Box<[Step]>,
    pub(crate) units: Box<[UnitPrice]>,
    /// Whether calls are billed by units too, so that token counts alone do not determine the cost.
    pub(crate) bills_units: bool,
    pub(crate) source: Arc<str>,
    pub(crate) as_of: Arc<str>,
    pub(crate) confidence: Confidence,
    pub(crate) note: Box<str>,
    pub(crate) version: Arc<str>,
}

/// The rates of a context tier, which apply to all tokens of a call with more input than `over`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The number of input tokens above which the rates apply.
    pub over: u64,
    /// The rates of tokens.
    pub rates: Rates,
    /// The kinds of token with a rate that a rule derived.
    pub derived: RateSet,
}

impl Price {
    /// Returns the charge for tokens, without a count of other units.
    ///
    /// The context tier depends on all input, including cached input, and applies to the whole call. A
    /// kind of token that was used but has no known rate adds nothing to the amounts and makes the
    /// charge [`CostStatus::Unpriced`]. So does a one-hour cache write if only other lifetimes
    /// have a price, and any use of a model that bills by image, second or query: for these, use
    /// [`charge_with_units`](Self::charge_with_units). Reasoning is output, and billed once.
    ///
    /// Never panics or overflows, whatever the counts.
    #[must_use]
    pub fn charge(&self, usage: &Usage) -> Charge {
        let charge = self.charge_tokens(usage);
        if self.terms().bills_units { charge.with_status(CostStatus::Unpriced) } else { charge }
    }

    /// Returns the charge for tokens and a complete count of units.
    ///
    /// Each unit is charged at the narrowest price that matches its size, quality or policy. A unit without a
    /// price adds nothing to the amounts and makes the charge [`CostStatus::Unpriced`].
    ///
    /// ```
    /// use outlay_price::{ModelRef, PriceQuery, Prices, Unit, UnitCount, Units, Usage};
    ///
    /// let model = ModelRef::parse("cohere.rerank-v3-5:0")?;
    /// let at = "2026-11-20T12:00:00Z".parse()?;
    /// let prices = Prices::bundled();
    /// let price = prices.lookup(&PriceQuery::new(model, at)).ok_or("unpriced")?;
    /// let queries = Units::from(UnitCount::new(Unit::Query, 3));
    /// assert_eq!(price.charge_with_units(&Usage::new(), &queries).total().to_string(), "$0.006000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Never panics or overflows, whatever the counts.
    #[must_use]
    pub fn charge_with_units(&self, usage: &Usage, units: &Units) -> Charge {
        self.charge_tokens(usage).and(self.charge_units(units))
    }

    fn charge_tokens(&self, usage: &Usage) -> Charge {
        let step = self.terms().step(usage.input_tokens());
        token_charge::token_charge(&step.rates, usage).with_status(self.certainty(usage, step))
    }

    /// Returns the status of a charge for tokens, as far as it depends on the price.
    fn certainty(&self, usage: &Usage, step: &Step) -> CostStatus {
        let used = RateSet::used(usage, &step.rates);
        let is_exact = self.confidence().is_exact() && !used.meets(step.derived);
        if is_exact || used.is_empty() { CostStatus::Exact } else { CostStatus::Estimated }
    }

    /// Returns whether both have the same rates and unit prices, regardless of confidence.
    pub(crate) fn has_same_prices(&self, other: &Self) -> bool {
        let (own, other) = (self.terms(), other.terms());
        let rates = |step: &Step| (step.over, step.rates);
        own.steps.iter().map(rates).eq(other.steps.iter().map(rates)) && own.units == other.units
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// Returns the charge for units only.
    #[must_use]
    pub fn charge_units(&self, units: &Units) -> Charge {
        let certainty = if self.confidence().is_exact() { CostStatus::Exact } else { CostStatus::Estimated };
        let charge = |count| token_charge::unit_charge(self.unit_price(count), count).with_status(certainty);
        units.iter().fold(Charge::free(), |sum, count| sum.and(charge(count)))
    }

    /// Returns the narrowest price that matches a count, or `None` if none is known.
    #[must_use]
    pub fn unit_price(&self, count: &UnitCount) -> Option<&UnitPrice> {
        self.terms().units.iter().find(|price| price.applies_to(count))
    }

    /// Returns the cost of reserving capacity, used or not, for a time in thousandths of its unit (the hours of a model
    /// unit, the minutes of a custom model unit). It is `None` if no such price is known.
    ///
    /// `word` is the commitment, such as `1-month`, if there are several.
    #[must_use]
    pub fn capacity_cost(&self, unit: Unit, word: Option<&str>, thousandths: u64) -> Option<Usd> {
        let count = UnitCount::of_thousandths(unit, thousandths);
        let count = match word {
            Some(word) => count.with_word(word.to_owned()),
            None => count,
        };
        let price = self.unit_price(&count).filter(|price| price.unit().is_capacity())?;
        Some(price.times(thousandths))
    }

    /// Returns the model's id without geo prefix, as in the table.
    pub fn model(&self) -> &str {
        &self.terms().model
    }

    /// Returns the region or geography (`eu`) of this price, or `None` if it applies to all regions without a price of
    /// their own.
    pub fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    /// Returns the AWS account of a private price, or `None` if the price applies to every account.
    pub fn account(&self) -> Option<&str> {
        self.terms().account.as_deref()
    }

    /// Returns the routing.
    pub fn routing(&self) -> Routing {
        self.0.routing
    }

    /// Returns the service tier.
    pub fn tier(&self) -> Tier {
        self.terms().tier
    }

    /// Returns the latency mode.
    pub fn latency(&self) -> Latency {
        self.terms().latency
    }

    /// Returns the first day (UTC) of the price, such as `2026-08-21`, or `None` if it is unknown.
    pub fn effective_from(&self) -> Option<&Arc<str>> {
        self.terms().start.as_ref().map(|start| &start.text)
    }

    /// Returns the time from which the price applies, or `None` if it is unknown.
    pub fn effective_at(&self) -> Option<Timestamp> {
        self.terms().start.as_ref().map(|start| start.at)
    }

    /// Returns the source of the figures.
    pub fn source(&self) -> &Arc<str> {
        &self.terms().source
    }

    /// Returns the day of the source's statement, such as `2026-11-20`.
    pub fn as_of(&self) -> &Arc<str> {
        &self.terms().as_of
    }

    /// Returns how certain the figures are for the queried region.
    pub fn confidence(&self) -> Confidence {
        if self.0.is_fallback { Confidence::Elsewhere } else { self.terms().confidence }
    }

    /// Returns the names of the rules that derived this price from the sources, or an empty string.
    pub fn note(&self) -> &str {
        &self.terms().note
    }

    /// Returns the version of the table that contains this price.
    pub fn version(&self) -> &Arc<str> {
        &self.terms().version
    }

    /// Returns the prices of units other than tokens, narrower prices first.
    pub fn units(&self) -> &[UnitPrice] {
        &self.terms().units
    }

    /// Returns the rates of each context tier, in ascending order of context size; never empty.
    #[doc(hidden)]
    pub fn steps(&self) -> &[Step] {
        &self.terms().steps
    }

    /// Returns the context sizes, in input tokens, above which the rates change, in ascending order.
    pub fn context_bounds(&self) -> impl Iterator<Item = u64> {
        self.terms().steps.iter().map(|step| step.over).filter(|&over| over > 0)
    }
}

impl Terms {
    fn step(&self, input_tokens: u64) -> &Step {
        let reached = self.steps.iter().rposition(|step| step.over < input_tokens);
        &self.steps[reached.unwrap_or(0)]
    }
}

impl PartialEq for Price {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for Price {}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Price")
            .field("model", &self.model())
            .field("region", &self.region())
            .field("account", &self.account())
            .field("routing", &self.routing().as_str())
            .field("tier", &self.tier().as_str())
            .field("effective_from", &self.effective_from())
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}
