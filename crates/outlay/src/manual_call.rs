use std::panic::Location;
use std::sync::Arc;
use std::time::SystemTime;

use outlay_otel::{Billed, CallEnd, CallStart, Engine, OpenCall, Operation, PromptTokens};
use outlay_price::{CacheUse, CostStatus, GuardrailUse, Units, Usage};

use crate::default_outlay::current_or_outside;

/// A builder for a call that was made without a metered client. Returned by [`call`](crate::call).
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
#[must_use = "a call counts only when it is recorded"]
pub struct ManualCall {
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

impl ManualCall {
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

    /// Sets the tokens that the call used. Defaults to unknown, which leaves the call unpriced.
    pub const fn usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Sets all units that the call used: images, seconds and queries. Defaults to unknown, which leaves the call
    /// unpriced if its model bills by these.
    pub fn units(mut self, units: impl Into<Units>) -> Self {
        self.units = Some(units.into());
        self
    }

    /// Sets what the guardrail used, by policy. Defaults to no guardrail.
    pub fn guardrail(mut self, used: GuardrailUse) -> Self {
        self.guardrail = used;
        self
    }

    /// Sets the operation. Defaults to chat.
    pub const fn operation(mut self, operation: Operation) -> Self {
        self.operation = operation;
        self
    }

    /// Sets the request id from AWS. Defaults to none.
    pub fn request_id(mut self, id: &str) -> Self {
        self.request_id = Some(id.to_owned());
        self
    }

    /// Sets the region that was called. Defaults to the region in the model's ARN.
    pub fn region(mut self, region: &str) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the service tier that served the call, by its name in the API: `flex`, `batch`, ... Defaults to `default`.
    pub fn tier(mut self, tier: &str) -> Self {
        self.tier = Some(tier.into());
        self
    }

    /// Sets the start time, which decides the price in force. Defaults to the time at which the call is recorded. Without a
    /// start time, the duration of the call is unknown, and no metric has it.
    pub const fn started(mut self, at: SystemTime) -> Self {
        self.started = Some(at);
        self
    }

    /// Marks the call as failed, with the short name of the error. Defaults to a success.
    pub fn failed(mut self, error: &str) -> Self {
        self.error = Some(error.to_owned());
        self
    }

    /// Prices the call and records it in the current scope.
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
            // The guardrail stands in the place of the model.
            guardrail: (self.operation == Operation::ApplyGuardrail).then(|| engine.intern(&self.model)),
            started: self.started.unwrap_or_else(|| engine.now()),
            cache: CacheUse::NoWrites,
            max_units: None,
            bills_tokens: true,
            max_guardrail: GuardrailUse::NotApplied,
            degraded_from: None,
        };
        let billed = match (self.usage, self.units) {
            (usage, Some(units)) => Billed::Counted(usage.unwrap_or_default(), units, CostStatus::Exact),
            (Some(usage), None) => Billed::Tokens(usage, CostStatus::Exact),
            (None, None) => Billed::Unknown,
        };
        let mut end = CallEnd::new(billed);
        end.guardrail = self.guardrail;
        end.is_timed = self.started.is_some();
        end.error = self.error;
        end.request_id = self.request_id;
        OpenCall::begin_unchecked(&scope, start).settle(end);
    }
}
