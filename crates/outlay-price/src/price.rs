use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::rate::{RateSet, Rates};
use crate::start::Start;
use crate::{Charge, Confidence, CostStatus, Latency, Routing, Tier, Unit, UnitCount, UnitPrice, Units, Usage, Usd};

mod bound;
mod token_charge;

#[cfg(test)]
mod charge_tests;

pub use bound::CacheUse;

/// One resolved price: what one model costs on one road at one time. Cheap to clone.
///
/// Token rates are whole pico-dollars per token, so every charge is exact.
#[derive(Clone)]
pub struct Price(pub(crate) Arc<Entry>);

/// A price in one place on one road.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) terms: Arc<Terms>,
    pub(crate) routing: Routing,
    /// The region that it was stated for, or the geography; `None` where it is the same in all.
    pub(crate) region: Option<Box<str>>,
    /// Whether it stands in for regions that no source has a price of.
    pub(crate) is_fallback: bool,
}

/// What a price is made of, wherever it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) model: Box<str>,
    pub(crate) account: Option<Box<str>>,
    pub(crate) tier: Tier,
    pub(crate) latency: Latency,
    pub(crate) start: Option<Start>,
    /// By the context size above which they hold, ascending; never empty.
    pub(crate) steps: Box<[Step]>,
    pub(crate) units: Box<[UnitPrice]>,
    /// Whether tokens alone do not tell the whole cost.
    pub(crate) bills_units: bool,
    pub(crate) source: Arc<str>,
    pub(crate) as_of: Arc<str>,
    pub(crate) confidence: Confidence,
    pub(crate) note: Box<str>,
    pub(crate) version: Arc<str>,
}

/// The rates of a context tier: they hold for all tokens of a call with more input than `over`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The input tokens above which they hold.
    pub over: u64,
    /// What tokens cost.
    pub rates: Rates,
    /// Those that a rule derived.
    pub derived: RateSet,
}

impl Price {
    /// What these tokens cost, where nobody counted what else is billed.
    ///
    /// The context tier is chosen by all input, cache included, and holds for the whole call. A
    /// kind of token that was used but has no known rate adds nothing to the amounts and makes the
    /// charge [`CostStatus::Unpriced`]: so does a one-hour cache write where only another lifetime
    /// has a price, and any use of a model that bills by image, second or query: see
    /// [`charge_with_units`](Self::charge_with_units). Reasoning is output, and billed once.
    ///
    /// Never panics, and no counts can overflow it.
    #[must_use]
    pub fn charge(&self, usage: &Usage) -> Charge {
        let charge = self.charge_tokens(usage);
        if self.terms().bills_units { charge.with_status(CostStatus::Unpriced) } else { charge }
    }

    /// What these tokens and all these units cost, where the call used nothing else.
    ///
    /// Each unit is charged at the narrowest price that holds for its size, quality or policy; one without a
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
    /// Never panics, and no counts can overflow it.
    #[must_use]
    pub fn charge_with_units(&self, usage: &Usage, units: &Units) -> Charge {
        self.charge_tokens(usage).and(self.charge_units(units))
    }

    fn charge_tokens(&self, usage: &Usage) -> Charge {
        let step = self.terms().step(usage.input_tokens());
        token_charge::token_charge(&step.rates, usage).with_status(self.certainty(usage, step))
    }

    /// How sure the charge of these tokens is by its price alone.
    fn certainty(&self, usage: &Usage, step: &Step) -> CostStatus {
        let used = RateSet::used(usage, &step.rates);
        let is_exact = self.confidence().is_exact() && !used.meets(step.derived);
        if is_exact || used.is_empty() { CostStatus::Exact } else { CostStatus::Estimated }
    }

    /// Whether everything costs the same by both, however sure each is.
    pub(crate) fn costs_the_same(&self, other: &Self) -> bool {
        let (own, other) = (self.terms(), other.terms());
        let rates = |step: &Step| (step.over, step.rates);
        own.steps.iter().map(rates).eq(other.steps.iter().map(rates)) && own.units == other.units
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// What these units cost, without any tokens.
    #[must_use]
    pub fn charge_units(&self, units: &Units) -> Charge {
        let certainty = if self.confidence().is_exact() { CostStatus::Exact } else { CostStatus::Estimated };
        let charge = |count| token_charge::unit_charge(self.unit_price(count), count).with_status(certainty);
        units.iter().fold(Charge::free(), |sum, count| sum.and(charge(count)))
    }

    /// The price that holds for what was counted; `None` where none is known.
    #[must_use]
    pub fn unit_price(&self, count: &UnitCount) -> Option<&UnitPrice> {
        self.terms().units.iter().find(|price| price.holds_for(count))
    }

    /// What it costs to hold capacity for so many thousandths of its unit of time (a model unit's hours, a custom
    /// model unit's minutes), whatever is done with it; `None` where no such price is known.
    ///
    /// `word` is the commitment, such as `1-month`, where there are several.
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

    /// The model's id without geo prefix, as the table has it.
    pub fn model(&self) -> &str {
        &self.terms().model
    }

    /// The region this price was stated for, or the geography (`eu`); `None` where it holds in every region without one of
    /// its own.
    pub fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    /// The AWS account whose private price this is; `None` where it holds for every account.
    pub fn account(&self) -> Option<&str> {
        self.terms().account.as_deref()
    }

    /// The routing this price is of.
    pub fn routing(&self) -> Routing {
        self.0.routing
    }

    /// The service tier this price is of.
    pub fn tier(&self) -> Tier {
        self.terms().tier
    }

    /// The latency mode this price is of.
    pub fn latency(&self) -> Latency {
        self.terms().latency
    }

    /// The day (UTC) it came into force, such as `2026-08-21`; `None` where no start is known.
    pub fn effective_from(&self) -> Option<&Arc<str>> {
        self.terms().start.as_ref().map(|start| &start.text)
    }

    /// The instant it came into force; `None` where no start is known.
    pub fn effective_at(&self) -> Option<Timestamp> {
        self.terms().start.as_ref().map(|start| start.at)
    }

    /// Where the figures are from.
    pub fn source(&self) -> &Arc<str> {
        &self.terms().source
    }

    /// The day on which that source said so, such as `2026-11-20`.
    pub fn as_of(&self) -> &Arc<str> {
        &self.terms().as_of
    }

    /// How sure the figures are in the region that was asked for.
    pub fn confidence(&self) -> Confidence {
        if self.0.is_fallback { Confidence::Elsewhere } else { self.terms().confidence }
    }

    /// The names of the rules that made this price out of the sources; empty where none had to.
    pub fn note(&self) -> &str {
        &self.terms().note
    }

    /// The version of the table that this price is in.
    pub fn version(&self) -> &Arc<str> {
        &self.terms().version
    }

    /// What is billed by other units than tokens, the narrower price before the wider.
    pub fn units(&self) -> &[UnitPrice] {
        &self.terms().units
    }

    /// Returns the rates by the context size above which they hold, ascending; never empty.
    #[doc(hidden)]
    pub fn steps(&self) -> &[Step] {
        &self.terms().steps
    }

    /// The context sizes, in input tokens, above which other rates hold; ascending.
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
