//! One model call: opened before it is sent, settled once.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use opentelemetry::trace::{Link, Span as _, SpanKind, Status, TraceContextExt as _};
use outlay_ledger::{Ask, BudgetExceeded, CallRecord, Settled};
use outlay_price::{CacheUse, Charge, CostStatus, Price};

use crate::price_call::{self, Priced};
use crate::tracer::start_builder;
use crate::{Attempt, Billed, Engine, Scope, current};

mod attributes;
mod event;

/// What a call does, by its semantic-convention name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// A conversation, or a completion of text.
    Chat,
    /// Texts or images to vectors.
    Embeddings,
    /// Images, video or speech.
    GenerateContent,
    /// Documents by relevance.
    Rerank,
    /// A guardrail on its own.
    ApplyGuardrail,
}

impl Operation {
    /// The name, as in `gen_ai.operation.name`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::GenerateContent => "generate_content",
            Self::Rerank => "rerank",
            Self::ApplyGuardrail => "apply_guardrail",
        }
    }
}

/// What is known of a call before it is sent.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever makes the call fills it in")]
pub struct CallStart {
    /// What the call does.
    pub operation: Operation,
    /// The model, as the application asks for it.
    pub model: Arc<str>,
    /// The region that is called.
    pub region: Option<Arc<str>>,
    /// The service tier that is asked for, by its word on the wire.
    pub tier: Option<Arc<str>>,
    /// The latency mode that is asked for, by its word on the wire.
    pub latency: Option<Arc<str>>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The most output tokens that the call allows itself.
    pub max_tokens: Option<u64>,
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
}

/// What is known of a call when it is over.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever made the call fills it in")]
pub struct CallEnd {
    /// What of it is billed.
    pub billed: Billed,
    /// What may be billed besides: attempts that were sent and never answered.
    pub lost_attempts: Vec<Billed>,
    /// Why it failed, by a short name, if the caller got an error.
    pub error: Option<String>,
    /// Its HTTP attempts.
    pub attempts: Vec<Attempt>,
    /// The model that answered, where the answer names another.
    pub response_model: Option<String>,
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
    /// Where the sources of a token count disagree: which, and what they say.
    pub disagreement: Option<String>,
}

/// A call that a budget refused. Nothing was sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct RefusedCall {
    /// Why.
    pub reason: BudgetExceeded,
}

/// A model call that has begun. Settle it once, however it ends.
#[derive(Debug)]
pub struct OpenCall {
    scope: Scope,
    start: CallStart,
    books: outlay_ledger::OpenCall,
    context: Context,
}

impl CallStart {
    fn priced<'a>(&'a self, end: Option<&'a CallEnd>) -> Priced<'a> {
        Priced {
            model: end.and_then(|e| e.response_model.as_deref()).unwrap_or(&self.model),
            region: self.region.as_deref(),
            tier: end.and_then(|e| e.served_tier.as_deref()).or(self.tier.as_deref()),
            latency: end.and_then(|e| e.served_latency.as_deref()).or(self.latency.as_deref()),
            at: self.started,
        }
    }
}

impl CallEnd {
    /// A call that ended so, and of which nothing more is known.
    pub const fn new(billed: Billed) -> Self {
        Self {
            billed,
            lost_attempts: Vec::new(),
            error: None,
            attempts: Vec::new(),
            response_model: None,
            served_tier: None,
            served_latency: None,
            finish_reasons: Vec::new(),
            time_to_first_chunk: None,
            request_id: None,
            server_address: None,
            server_port: None,
            disagreement: None,
        }
    }
}

impl Engine {
    /// The scope that a call made here and now belongs to, with the engine that serves it: the current scope and its
    /// engine, else this engine's scope for calls outside any task.
    pub fn scope_of_call(&self) -> Scope {
        current().unwrap_or_else(|| {
            self.say_unattributed();
            self.unattributed_scope()
        })
    }
}

impl OpenCall {
    /// Begins a call in `scope`. Its input has at most `input_bound` tokens.
    ///
    /// # Errors
    ///
    /// [`RefusedCall`] where a budget refuses it. The refusal is in the books, and has its span.
    pub fn begin(scope: &Scope, start: CallStart, input_bound: u64) -> Result<Self, RefusedCall> {
        let books = if scope.books().has_budget() {
            let price = price_call::find(&scope.engine().prices(), &start.priced(None));
            let bound =
                |output: u64| price.as_ref().and_then(|p| price_call::bound(p, input_bound, output, start.cache));
            let ask = Ask { model: &start.model, max_output: start.max_tokens, bound: &bound };
            match scope.books().open_call(&ask) {
                Ok(books) => books,
                Err(reason) => {
                    let refused = Self::in_books(scope, start, scope.books().open_call_unchecked());
                    let mut end = CallEnd::new(Billed::Nothing);
                    end.error = Some("budget_exceeded".to_owned());
                    refused.settle(end);
                    return Err(RefusedCall { reason });
                }
            }
        } else {
            scope.books().open_call_unchecked()
        };
        Ok(Self::in_books(scope, start, books))
    }

    /// Begins a call that has been made by other means: no budget can refuse it any more.
    pub fn made(scope: &Scope, start: CallStart) -> Self {
        Self::in_books(scope, start, scope.books().open_call_unchecked())
    }

    fn in_books(scope: &Scope, start: CallStart, books: outlay_ledger::OpenCall) -> Self {
        let scope = scope.of_books(books.scope());
        let context = scope.context();
        Self { scope, start, books, context }
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

    /// Settles the call: prices it, books it, and writes its span and metrics.
    pub fn settle(self, end: CallEnd) {
        let Self { scope, start, books, context } = self;
        let engine = scope.engine().clone();
        let price = price_call::find(&engine.prices(), &start.priced(Some(&end)));
        if price.is_none() && !matches!(end.billed, Billed::Nothing) {
            price_call::say_unpriced(&engine, &start.model, start.region.as_deref());
        }
        let charge = end.lost_attempts.iter().fold(price_call::charge(&end.billed, price.as_ref()), |sum, lost| {
            sum.and(price_call::charge(lost, price.as_ref()))
        });
        // A guardrail is billed by its own units, which are not counted yet: the known part is not the whole.
        let guarded = start.guardrail.is_some() && !matches!(end.billed, Billed::Nothing);
        let charge = if guarded { charge.with_status(CostStatus::Unpriced) } else { charge };
        let ended = engine.now();
        let settled = books.settle(CallRecord {
            operation: start.operation.as_str(),
            model: start.model.clone(),
            usage: end.billed.tokens().unwrap_or_default(),
            charge,
            attempts: end.attempts.iter().map(Attempt::record).collect(),
            streamed: start.stream,
            failed: end.error.is_some(),
            started: start.started,
            ended,
            price_version: price.as_ref().map(|p| p.version().clone()),
        });
        let call = SettledCall { scope, start, end, charge, price, ended, settled };
        engine.inner().metrics.record_call(&call);
        call.write_span(&context);
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
}

impl SettledCall {
    /// Whether any of the cost is known.
    pub(crate) fn has_figure(&self) -> bool {
        self.charge.is_priced() || !self.charge.total().is_zero()
    }

    /// The span is made when all is known, with its true start time: each key is set once, samplers see all of them,
    /// and a call that is never settled leaves nothing behind.
    fn write_span(&self, context: &Context) {
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
            return;
        };
        if let Some(error) = &self.end.error {
            span.set_status(Status::error(error.clone()));
        }
        if !inner.attempt_spans.wants(self.end.attempts.len(), self.end.error.is_some()) {
            span.end_with_timestamp(self.ended);
            return;
        }
        let call = parent.with_span(span);
        for (index, attempt) in self.end.attempts.iter().enumerate() {
            attempt.write(index + 1, &self.scope, &call);
        }
        call.span().end_with_timestamp(self.ended);
    }
}
