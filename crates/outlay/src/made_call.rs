use std::panic::Location;
use std::sync::Arc;
use std::time::SystemTime;

use outlay_otel::{Billed, CallEnd, CallStart, Engine, OpenCall, Operation, PromptTokens};
use outlay_price::{CacheUse, CostStatus, GuardrailUse, Units, Usage};

use crate::default_outlay::current_or_outside;

/// A call that was made by other means than a metered client. Made by [`call`](crate::call).
///
/// ```
/// use outlay::{Outcome, Outlay, Usage};
///
/// let outlay = Outlay::builder().build();
/// let task = outlay.task("nightly-batch").start();
/// task.run_sync(|| {
///     outlay::call("us.anthropic.claude-haiku-4-5-20251001-v1:0")
///         .usage(Usage::new().with_uncached_input(1_000).with_output(200))
///         .record();
/// });
/// let report = task.finish(Outcome::success());
/// assert_eq!(report.totals().cost().to_string(), "$0.002200 exact");
/// ```
#[derive(Debug)]
#[must_use = "a call counts when it is recorded"]
pub struct MadeCall {
    model: Box<str>,
    operation: Operation,
    usage: Option<Usage>,
    units: Option<Units>,
    guardrail: GuardrailUse,
    request_id: Option<String>,
    region: Option<Box<str>>,
    tier: Option<Box<str>>,
    started: Option<SystemTime>,
    error: Option<String>,
    made_at: &'static Location<'static>,
}

impl MadeCall {
    #[track_caller]
    pub(crate) fn new(model: &str) -> Self {
        Self {
            model: model.into(),
            operation: Operation::Chat,
            usage: None,
            units: None,
            guardrail: GuardrailUse::NotApplied,
            request_id: None,
            region: None,
            tier: None,
            started: None,
            error: None,
            made_at: Location::caller(),
        }
    }

    /// The tokens that it used. Defaults to unknown, which counts as unpriced.
    pub const fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// The images, seconds and queries that it used, all of them. Defaults to unknown, which leaves a model that bills
    /// by these unpriced.
    pub fn units(mut self, units: impl Into<Units>) -> Self {
        self.units = Some(units.into());
        self
    }

    /// What its guardrail used, by policy. Defaults to no guardrail.
    pub fn guardrail(mut self, used: GuardrailUse) -> Self {
        self.guardrail = used;
        self
    }

    /// What it did. Defaults to chat.
    pub const fn operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// The request id that AWS gave it.
    pub fn request_id(mut self, id: &str) -> Self {
        self.request_id = Some(id.to_owned());
        self
    }

    /// The region that was called. Defaults to that of the model's ARN.
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The service tier that served it, by its word on the wire: `flex`, `batch`, ... Defaults to `default`.
    pub fn tier(mut self, tier: &str) -> Self {
        self.tier = Some(tier.into());
        self
    }

    /// When it started, which decides the price in force. Defaults to now.
    pub const fn started(mut self, at: SystemTime) -> Self {
        self.started = Some(at);
        self
    }

    /// It failed, by this short name.
    pub fn failed(mut self, error: &str) -> Self {
        self.error = Some(error.to_owned());
        self
    }

    /// Prices the call, and books it in the current scope.
    pub fn record(self) {
        let Some(scope) = current_or_outside("outlay::call", self.made_at) else {
            tracing::warn!(target: "outlay", "a call before any Outlay is built is not counted");
            return;
        };
        let engine = Engine::of(&scope);
        let start = CallStart {
            operation: self.operation,
            model: engine.intern(&self.model),
            region: self.region.as_deref().map(Arc::from),
            tier: self.tier.as_deref().map(Arc::from),
            latency: None,
            stream: false,
            prompt: PromptTokens::default(),
            max_tokens: None,
            inferences: 1,
            temperature: None,
            top_p: None,
            guardrail: None,
            started: self.started.unwrap_or_else(|| engine.now()),
            cache: CacheUse::NoWrites,
            max_units: None,
            bills_tokens: true,
            max_guardrail: GuardrailUse::NotApplied,
            degraded_from: None,
        };
        let tokens = self.usage;
        let billed = match (tokens, self.units) {
            (tokens, Some(units)) => Billed::Counted(tokens.unwrap_or_default(), units, CostStatus::Exact),
            (Some(tokens), None) => Billed::Tokens(tokens, CostStatus::Exact),
            (None, None) => Billed::Unknown,
        };
        let mut end = CallEnd::new(billed);
        end.guardrail = self.guardrail;
        end.error = self.error;
        end.request_id = self.request_id;
        OpenCall::begin_unchecked(&scope, start).settle(end);
    }
}
