//! One model call: opened before it is sent, settled once.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _};
use outlay_ledger::{Ask, Budget, BudgetExceeded, Forecast, Refusal, Settled};
use outlay_price::{CacheUse, Charge, CostStatus, GuardrailUse, ModelRef, Price, Prices, Units, Usage, Usd};

use crate::job::Job;
use crate::price_call::{self, Priced};
use crate::tracer::start_builder;
use crate::{Attempt, Billed, CallIdentity, Caller, Engine, JobEvent, PromptTokens, Scope, current};

mod attributes;
mod event;
mod operation;
mod record;
mod span;
mod store;

pub use operation::Operation;
use record::record;
pub use span::CallSpan;

/// What is known of a call before it is sent.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever makes the call fills it in")]
pub struct CallStart {
    /// What the call does.
    pub operation: Operation,
    /// The model, as the application asks for it; without a model, what the span is named after.
    pub model: Arc<str>,
    /// The region that is called.
    pub region: Option<Arc<str>>,
    /// The service tier that is asked for, by its word on the wire.
    pub tier: Option<Arc<str>>,
    /// The latency mode that is asked for, by its word on the wire.
    pub latency: Option<Arc<str>>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// How many tokens its input has.
    pub prompt: PromptTokens,
    /// The most output tokens that the call allows itself, in each answer.
    pub max_tokens: Option<u64>,
    /// How often the model may write up to its maximum: once for each answer, and once for a compaction before it.
    pub inferences: u64,
    /// The sampling temperature.
    pub temperature: Option<f64>,
    /// The nucleus of sampling.
    pub top_p: Option<f64>,
    /// The guardrail that is applied.
    pub guardrail: Option<Arc<str>>,
    /// When the call started.
    pub started: SystemTime,
    /// What the request may do with the cache.
    pub cache: CacheUse,
    /// The most images, seconds and queries that it is billed for; `None` where nobody can say.
    pub most_units: Option<Units>,
    /// Whether tokens are billed, and not units alone.
    pub bills_tokens: bool,
    /// The most that its guardrail can use.
    pub most_guardrail: GuardrailUse,
    /// The model that was asked for first, where a budget refused that and the call was degraded.
    pub degraded_from: Option<Arc<str>>,
}

/// What is known of a call when it is over.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever made the call fills it in")]
pub struct CallEnd {
    /// What of it is billed.
    pub billed: Billed,
    /// The tokens of each inference, where several add up to what is billed: each is priced in its own context tier.
    pub inferences: Vec<Usage>,
    /// What may be billed besides: attempts that were sent and never answered, each with what its guardrail may have used.
    pub lost_attempts: Vec<(Billed, GuardrailUse)>,
    /// What its guardrail used.
    pub guardrail: GuardrailUse,
    /// What it says of a job.
    pub job: Option<JobEvent>,
    /// Why it failed, by a short name, if the caller got an error.
    pub error: Option<String>,
    /// Its HTTP attempts.
    pub attempts: Vec<Attempt>,
    /// The model that answered, where the answer names another.
    pub response_model: Option<String>,
    /// The model whose price holds, where that is another than the one that was called.
    pub priced_model: Option<String>,
    /// The tier that served it, by its word on the wire.
    pub served_tier: Option<String>,
    /// The latency mode that served it, by its word on the wire.
    pub served_latency: Option<String>,
    /// Why the model stopped.
    pub finish_reasons: Vec<String>,
    /// From the start to the first chunk of a streamed answer.
    pub time_to_first_chunk: Option<Duration>,
    /// The request id that AWS gave it.
    pub request_id: Option<String>,
    /// The host that was called.
    pub server_address: Option<String>,
    /// Its port.
    pub server_port: Option<u16>,
    /// Whose credentials it was signed with, where that is known.
    pub caller: Option<Arc<Caller>>,
    /// What came of the identity of its own, where it should have had one.
    pub identity: Option<CallIdentity>,
    /// Which source the counts are from, where there are several that differ, or where they are in doubt.
    pub usage_source: Option<&'static str>,
    /// Why the counts are not exact, where their sources contradict themselves or each other.
    pub usage_doubt: Option<String>,
    /// The same for two requests that are the same to the byte, where [`Engine::compares_calls`] asks for it.
    pub fingerprint: Option<u64>,
    /// Whether it was refused before anything was sent: then it does not count as a call.
    pub refused: bool,
    /// Whether anything was sent. Budgets of calls count only calls that were.
    pub sent: bool,
}

/// A model call that has begun. Settle it once, however it ends.
#[derive(Debug)]
pub struct OpenCall {
    scope: Scope,
    start: CallStart,
    /// `None` for what is free.
    books: Option<outlay_ledger::PendingCall>,
    context: Context,
    /// Where it was made, if that is in no task.
    site: Option<Arc<str>>,
}

impl CallStart {
    /// Whether it can have output tokens.
    const fn writes_tokens(&self) -> bool {
        match self.operation {
            Operation::Chat => true,
            Operation::GenerateContent => self.bills_tokens,
            _ => false,
        }
    }

    fn priced<'a>(&'a self, end: Option<&'a CallEnd>) -> Priced<'a> {
        Priced {
            model: end.and_then(|e| e.priced_model.as_deref()).unwrap_or(&self.model),
            region: self.region.as_deref(),
            tier: end.and_then(|e| e.served_tier.as_deref()).or(self.tier.as_deref()),
            latency: end.and_then(|e| e.served_latency.as_deref()).or(self.latency.as_deref()),
            account: ModelRef::parse(&self.model).ok().and_then(|model| model.account()),
            at: self.started,
        }
    }
}

impl CallEnd {
    /// A call that ended so, and of which nothing more is known.
    pub const fn new(billed: Billed) -> Self {
        Self {
            billed,
            inferences: Vec::new(),
            lost_attempts: Vec::new(),
            guardrail: GuardrailUse::NotApplied,
            job: None,
            error: None,
            attempts: Vec::new(),
            response_model: None,
            priced_model: None,
            served_tier: None,
            served_latency: None,
            finish_reasons: Vec::new(),
            time_to_first_chunk: None,
            request_id: None,
            server_address: None,
            server_port: None,
            caller: None,
            identity: None,
            usage_source: None,
            usage_doubt: None,
            fingerprint: None,
            refused: false,
            sent: true,
        }
    }

    /// A call that was refused before anything was sent.
    pub(crate) fn refused(reason: &Refusal) -> Self {
        let error = Some(reason.error_type().to_owned());
        Self { error, refused: true, sent: false, ..Self::new(Billed::Nothing) }
    }
}

impl Engine {
    /// The scope that a call made here and now belongs to, with the engine that serves it: the current scope and its
    /// engine, else this engine's scope for calls outside any task.
    pub fn scope_of_call(&self) -> Scope {
        let Some(scope) = current() else { return self.unattributed_scope() };
        scope.refused_by(self).unwrap_or(scope)
    }
}

impl OpenCall {
    /// Begins a call in `scope`.
    ///
    /// # Errors
    ///
    /// [`Refusal`] where its task is stopped, or a budget refuses it. The refusal is in the books, and has its span.
    pub fn begin(scope: &Scope, start: CallStart) -> Result<Self, Refusal> {
        if start.operation.is_free() {
            return Ok(Self::in_scope(scope.clone(), start, None));
        }
        let asked = match scope.refusal_outside_task(&start) {
            Some(refusal) => Err(refusal),
            None => Self::ask(scope, &start, false),
        };
        match asked {
            Ok(books) => Ok(Self::in_books(scope, start, books)),
            Err(reason) => {
                let refused = Self::made(scope, start);
                refused.settle(CallEnd::refused(&reason));
                Err(reason)
            }
        }
    }

    /// The same as a trial: where a budget refuses the call, that leaves no trace, and the call can be begun otherwise.
    ///
    /// # Errors
    ///
    /// The refusal of a budget. Whatever else refuses a call is left to [`begin`](Self::begin).
    pub fn try_begin(scope: &Scope, start: &CallStart) -> Result<Option<Self>, BudgetExceeded> {
        if start.operation.is_free() || scope.refusal_outside_task(start).is_some() {
            return Ok(None);
        }
        match Self::ask(scope, start, true) {
            Ok(books) => Ok(Some(Self::in_books(scope, start.clone(), books))),
            Err(Refusal::Budget(why)) => Err(why),
            Err(_) => Ok(None),
        }
    }

    fn ask(scope: &Scope, start: &CallStart, is_trial: bool) -> Result<outlay_ledger::PendingCall, Refusal> {
        // Nearly every call is asked by no budget in dollars.
        let prices = OnceCell::new();
        let has_tokens = start.bills_tokens && start.operation.has_model();
        let most = |input, output| start.most(prices.get_or_init(|| scope.engine().prices()), input, output);
        let expected = scope.engine().inner().measured_prompts.expected(&start.model, start.prompt);
        let ask = Ask {
            model: &start.model,
            input: if has_tokens { start.prompt.most } else { 0 },
            max_output: if start.writes_tokens() {
                start.max_tokens.map(|tokens| tokens.saturating_mul(start.inferences))
            } else {
                Some(0)
            },
            is_turn: start.operation == Operation::Chat,
            has_model: start.operation.has_model(),
            is_trial,
            bound: &|output| most(start.prompt.most, output),
        };
        let forecast = Forecast {
            input: if has_tokens { expected } else { 0 },
            answers: start.inferences,
            usd: Some(&|output| most(expected, output)),
        };
        scope.books().open_call_expecting(&ask, &forecast)
    }

    /// Begins a call that has been made by other means: no budget can refuse it any more.
    pub fn made(scope: &Scope, start: CallStart) -> Self {
        Self::in_books(scope, start, scope.books().open_call_unchecked())
    }

    fn in_books(scope: &Scope, start: CallStart, books: outlay_ledger::PendingCall) -> Self {
        // Now, so that it may be known when the call settles.
        scope.engine().resolve_in_background(&start.model);
        scope.engine().inner().metrics.call_opened(scope, &start.model);
        Self::in_scope(scope.of_books(books.scope()), start, Some(books))
    }

    fn in_scope(scope: Scope, start: CallStart, books: Option<outlay_ledger::PendingCall>) -> Self {
        let context = scope.context();
        let site = scope.note_site_of_call(&start);
        Self { scope, start, books, context, site }
    }

    /// The scope that the call is counted in.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What was known before it was sent.
    pub const fn start(&self) -> &CallStart {
        &self.start
    }

    /// Corrects what was taken to go on the wire by what did.
    pub fn start_mut(&mut self) -> &mut CallStart {
        &mut self.start
    }

    /// The most output tokens of all answers, where its end is not seen: what it allows itself, else what a budget that
    /// holds it assumes.
    pub fn most_output(&self) -> u64 {
        let assumed = || self.books.as_ref().and_then(outlay_ledger::PendingCall::assumed_output);
        match self.start.max_tokens {
            Some(tokens) => tokens.saturating_mul(self.start.inferences),
            None => assumed().unwrap_or(Budget::DEFAULT_ASSUMED_OUTPUT.saturating_mul(self.start.inferences)),
        }
    }

    /// It goes on the wire now, signed with these credentials as far as that is known: the series of its cost begin
    /// with 0.
    pub fn sent(&self, caller: Option<&Caller>) {
        if self.books.is_some() {
            self.scope.engine().inner().metrics.call_sent(&self.scope, &self.start.model, caller);
        }
    }

    /// Settles the call: prices it, books it, and writes its span and metrics.
    pub fn settle(self, mut end: CallEnd) -> CallSpan {
        let Self { scope, start, books, context, site } = self;
        let engine = scope.engine().clone();
        let prices = engine.prices();
        let query = start.priced(Some(&end)).query();
        let price =
            query.filter(|_| start.operation.has_model_price()).and_then(|query| prices.lookup(&query)).cloned();
        if price.is_none() && !matches!(end.billed, Billed::Nothing) {
            price_call::say_unpriced(&engine, &start.model, start.region.as_deref());
        }
        let mut charge = start.charge_guardrail(&prices, &end.guardrail).and(price_call::charge_inferences(
            &end.billed,
            &end.inferences,
            price.as_ref(),
        ));
        for (billed, guardrail) in &end.lost_attempts {
            let guardrail = start.charge_guardrail(&prices, guardrail);
            charge = charge.and(price_call::charge(billed, price.as_ref())).and(guardrail);
        }
        start.measure_prompt(&engine, &end.billed);
        match &end.job {
            // Its first request has been charged: the same job was asked for again.
            Some(JobEvent::Started(arn)) if !engine.inner().jobs.open(arn, Job::new(&scope, &charge)) => {
                end.billed = Billed::Nothing;
                charge = Charge::free();
            }
            Some(JobEvent::Ended(arn, how)) => engine.job_ended(arn, *how),
            Some(JobEvent::Started(_)) | None => {}
        }
        let ended = engine.now();
        let settled = match books {
            Some(books) => books.settle(record(&start, &end, charge, price.as_ref(), ended)),
            None => scope.books().settled_so_far(),
        };
        let call = SettledCall { scope, start, end, charge, price, ended, settled, site };
        engine.inner().metrics.record_call(&call);
        let span = call.write_span(&context);
        if let Some(caller) = &call.end.caller {
            call.scope.books().called_by(&caller.principal);
        }
        CallSpan::new(span)
    }
}

impl CallStart {
    /// Holds what the prompt was taken for against what it had.
    fn measure_prompt(&self, engine: &Engine, billed: &Billed) {
        if let (Billed::Tokens(usage, CostStatus::Exact), Operation::Chat) = (billed, self.operation) {
            engine.inner().measured_prompts.measured(&self.model, self.prompt, usage.input_tokens());
        }
    }

    /// The most that the call can cost if it writes at most so many output tokens; `None` where it has no whole price.
    fn most(&self, prices: &Prices, input: u64, output: u64) -> Option<Usd> {
        let guardrail = self.charge_guardrail(prices, &self.most_guardrail);
        let guardrail = guardrail.is_priced().then(|| guardrail.total())?;
        if !self.operation.has_model_price() {
            return Some(guardrail);
        }
        let (input, output) = if self.bills_tokens { (input, output) } else { (0, 0) };
        let units = self.most_units.as_ref();
        let query = self.priced(None).query()?;
        // Where nobody knows the region, that of the dearest one is held.
        let bounds = prices.in_any_region(&query).map(|price| {
            let most = price.bound_charge_beside(&Usage::new(), input, output, self.cache, units);
            most.is_priced().then(|| most.total().saturating_add(guardrail))
        });
        bounds.reduce(|most, other| most.zip(other).map(|(most, other)| most.max(other)))?
    }

    fn charge_guardrail(&self, prices: &Prices, used: &GuardrailUse) -> Charge {
        match (used, self.priced(None).guardrail()) {
            (GuardrailUse::NotApplied, _) => Charge::free(),
            (used, Some(query)) => prices.charge_guardrail(&query, used),
            (_, None) => Charge::unpriced(),
        }
    }
}

/// All that is known of a call in the end.
#[derive(Debug)]
pub(crate) struct SettledCall {
    pub(crate) scope: Scope,
    pub(crate) start: CallStart,
    pub(crate) end: CallEnd,
    pub(crate) charge: Charge,
    pub(crate) price: Option<Price>,
    pub(crate) ended: SystemTime,
    pub(crate) settled: Settled,
    /// Where it was made, if that is in no task.
    pub(crate) site: Option<Arc<str>>,
}

impl SettledCall {
    /// Whether any of the cost is known.
    pub(crate) fn has_figure(&self) -> bool {
        self.charge.is_priced() || !self.charge.total().is_zero()
    }

    /// The span is made when all is known, with its true start time: each key is set once, samplers see all of them,
    /// and a call that is never settled leaves nothing behind.
    fn write_span(&self, context: &Context) -> SpanContext {
        let inner = self.scope.engine().inner();
        let name = [self.start.operation.as_str(), " ", &self.start.model].concat();
        let mut builder =
            start_builder(name, SpanKind::Client, self.start.started).with_attributes(attributes::of(self));
        let mut parent = context;
        let root = Context::new();
        if self.settled.orphaned {
            // Outside its scope's sum, and so not below its span.
            builder = builder.with_links(self.scope.task_span().map(Link::with_context).into_iter().collect());
            parent = &root;
        }
        let Some(mut span) = inner.spans.start(builder, parent) else {
            event::write(self);
            return parent.span().span_context().clone();
        };
        let written = span.span_context().clone();
        if let Some(error) = &self.end.error {
            span.set_status(Status::error(error.clone()));
        }
        if !inner.attempt_spans.wants(self.end.attempts.len(), self.end.error.is_some()) {
            span.end_with_timestamp(self.ended);
            return written;
        }
        let call = parent.with_span(span);
        for (index, attempt) in self.end.attempts.iter().enumerate() {
            attempt.write(index + 1, &self.scope, &call);
        }
        call.span().end_with_timestamp(self.ended);
        written
    }
}
