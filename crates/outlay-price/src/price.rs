use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::rate::Rates;
use crate::start::Start;
use crate::{Charge, Confidence, CostStatus, Latency, Routing, Tier, UnitPrice, Usage};

mod bound;
mod count;

#[cfg(test)]
mod tests;

pub use bound::CacheUse;

/// One resolved price: what one model costs on one road at one time. Cheap to clone.
///
/// Token rates are whole pico-dollars per token, so every charge is exact.
#[derive(Clone)]
pub struct Price(pub(crate) Arc<Entry>);

/// What a price is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) model: Box<str>,
    pub(crate) region: Option<Box<str>>,
    pub(crate) routing: Routing,
    pub(crate) tier: Tier,
    pub(crate) latency: Latency,
    pub(crate) start: Option<Start>,
    /// By the context size above which they hold, ascending; never empty.
    pub(crate) steps: Box<[Step]>,
    pub(crate) units: Box<[UnitPrice]>,
    /// Whether tokens alone do not tell the whole cost.
    pub(crate) bills_units: bool,
    pub(crate) source: Arc<str>,
    pub(crate) confidence: Confidence,
    pub(crate) note: Box<str>,
    pub(crate) version: Arc<str>,
}

/// The rates of a context tier: they hold for all tokens of a call with more input than `over`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) over: u64,
    pub(crate) rates: Rates,
}

impl Price {
    /// What this usage costs.
    ///
    /// The context tier is chosen by all input, cache included, and holds for the whole call. A
    /// kind of token that was used but has no known rate adds nothing to the amounts and makes the
    /// charge [`CostStatus::Unpriced`]: so does a one-hour cache write where only another lifetime
    /// has a price, and any use of a model that bills by image, second or query. Reasoning is
    /// output, and billed once.
    ///
    /// Never panics, and no counts can overflow it.
    #[must_use]
    pub fn charge(&self, usage: &Usage) -> Charge {
        let rates = &self.0.step(usage.input_tokens()).rates;
        let charge = count::charge(rates, usage);
        if self.0.bills_units { charge.with_status(CostStatus::Unpriced) } else { charge }
    }

    /// The model's id without geo prefix, as the table has it.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// The region this price is of; `None` where it holds in every region without one of its own.
    pub fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    /// The routing this price is of.
    pub fn routing(&self) -> Routing {
        self.0.routing
    }

    /// The service tier this price is of.
    pub fn tier(&self) -> Tier {
        self.0.tier
    }

    /// The latency mode this price is of.
    pub fn latency(&self) -> Latency {
        self.0.latency
    }

    /// The day (UTC) it came into force, such as `2026-08-21`; `None` where no start is known.
    pub fn effective_from(&self) -> Option<&Arc<str>> {
        self.0.start.as_ref().map(|start| &start.text)
    }

    /// The instant it came into force; `None` where no start is known.
    pub fn effective_at(&self) -> Option<Timestamp> {
        self.0.start.as_ref().map(|start| start.at)
    }

    /// Where the figures are from.
    pub fn source(&self) -> &Arc<str> {
        &self.0.source
    }

    /// How sure the figures are.
    pub fn confidence(&self) -> Confidence {
        self.0.confidence
    }

    /// The names of the rules that made this price out of the sources; empty where none had to.
    pub fn note(&self) -> &str {
        &self.0.note
    }

    /// The version of the table that this price is in.
    pub fn version(&self) -> &Arc<str> {
        &self.0.version
    }

    /// What is billed by other units than text tokens.
    pub fn units(&self) -> &[UnitPrice] {
        &self.0.units
    }

    /// The context sizes, in input tokens, above which other rates hold; ascending.
    pub fn context_bounds(&self) -> impl Iterator<Item = u64> {
        self.0.steps.iter().map(|step| step.over).filter(|&over| over > 0)
    }
}

impl Entry {
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
            .field("routing", &self.routing().as_str())
            .field("tier", &self.tier().as_str())
            .field("effective_from", &self.effective_from())
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}
