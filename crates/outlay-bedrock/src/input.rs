//! Reads what the application asks for from the operation's input.

use std::time::SystemTime;

use aws_sdk_bedrockruntime::operation::apply_guardrail::ApplyGuardrailInput;
use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::operation::count_tokens::CountTokensInput;
use aws_sdk_bedrockruntime::operation::get_async_invoke::GetAsyncInvokeInput;
use aws_sdk_bedrockruntime::operation::invoke_guardrail_checks::InvokeGuardrailChecksInput;
use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelInput;
use aws_sdk_bedrockruntime::operation::invoke_model_with_bidirectional_stream::InvokeModelWithBidirectionalStreamInput;
use aws_sdk_bedrockruntime::operation::invoke_model_with_response_stream::InvokeModelWithResponseStreamInput;
use aws_sdk_bedrockruntime::operation::list_async_invokes::ListAsyncInvokesInput;
use aws_sdk_bedrockruntime::operation::start_async_invoke::StartAsyncInvokeInput;
use aws_smithy_runtime_api::client::interceptors::context::Input;
use outlay_ledger::Budget;
use outlay_otel::{CallStart, Engine, Operation};
use outlay_price::{CacheUse, GuardrailUse, ModelRef};

use crate::prompt::{self, Prompt as _};
use crate::units::{self, RequestedUnits};

mod cache_request;
mod common_members;
mod converse_input;
pub(crate) mod guardrail_bound;
mod invoke_input;
mod request_limits;

pub(crate) use cache_request::CacheRequest;
use common_members::Common;
pub(crate) use request_limits::Limits;

/// A metered operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Converse,
    ConverseStream,
    Invoke,
    InvokeStream,
    /// InvokeModelWithBidirectionalStream.
    Speech,
    ApplyGuardrail,
    GuardrailChecks,
    /// StartAsyncInvoke.
    StartJob,
    /// GetAsyncInvoke.
    GetJob,
    /// An operation that AWS does not bill, and whose answer says nothing about cost.
    Free,
}

impl Kind {
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::ConverseStream | Self::InvokeStream | Self::Speech)
    }
}

/// A request of a metered operation.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    Converse(&'a ConverseInput),
    ConverseStream(&'a ConverseStreamInput),
    Invoke(&'a InvokeModelInput),
    InvokeStream(&'a InvokeModelWithResponseStreamInput),
    Speech(&'a InvokeModelWithBidirectionalStreamInput),
    ApplyGuardrail(&'a ApplyGuardrailInput),
    GuardrailChecks(&'a InvokeGuardrailChecksInput),
    StartJob(&'a StartAsyncInvokeInput),
    GetJob,
    CountTokens(&'a CountTokensInput),
    ListJobs,
}

/// What a request says before it is sent.
pub(crate) struct RequestDetails {
    pub(crate) kind: Kind,
    pub(crate) start: CallStart,
    pub(crate) limits: Limits,
    pub(crate) size: prompt::Size,
    /// The requested units, if the request states them.
    pub(crate) requested: Option<RequestedUnits>,
}

impl<'a> Request<'a> {
    /// Returns the request if its operation is metered. The most frequent operations are tried first.
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        macro_rules! first_of {
            ($($variant:ident),*) => { $(
                if let Some(input) = input.downcast_ref() {
                    return Some(Self::$variant(input));
                }
            )* };
        }
        first_of!(Converse, ConverseStream, Invoke, InvokeStream, ApplyGuardrail, GuardrailChecks, Speech);
        first_of!(StartJob, CountTokens);
        if input.downcast_ref::<GetAsyncInvokeInput>().is_some() {
            return Some(Self::GetJob);
        }
        input.downcast_ref::<ListAsyncInvokesInput>().map(|_| Self::ListJobs)
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Converse(_) => Kind::Converse,
            Self::ConverseStream(_) => Kind::ConverseStream,
            Self::Invoke(_) => Kind::Invoke,
            Self::InvokeStream(_) => Kind::InvokeStream,
            Self::Speech(_) => Kind::Speech,
            Self::ApplyGuardrail(_) => Kind::ApplyGuardrail,
            Self::GuardrailChecks(_) => Kind::GuardrailChecks,
            Self::StartJob(_) => Kind::StartJob,
            Self::GetJob => Kind::GetJob,
            Self::CountTokens(_) | Self::ListJobs => Kind::Free,
        }
    }

    /// Returns the size of the input.
    pub(crate) fn size(self) -> prompt::Size {
        self.limits().total_size(self.size_of_prompt())
    }

    fn size_of_prompt(self) -> prompt::Size {
        match self {
            Self::Converse(input) => input.size(),
            Self::ConverseStream(input) => input.size(),
            Self::Invoke(_) | Self::InvokeStream(_) => prompt::of_body(self.body()),
            Self::Speech(_) => prompt::SPEECH_SESSION,
            _ => prompt::Size::default(),
        }
    }

    pub(crate) fn limits(self) -> Limits {
        self.common().limits
    }

    /// Returns whether the request can be downgraded: its members are the same for all models.
    pub(crate) const fn can_downgrade(self) -> bool {
        matches!(self, Self::Converse(_) | Self::ConverseStream(_))
    }

    fn requested(self, model: &str) -> Option<RequestedUnits> {
        match self {
            Self::Invoke(_) | Self::InvokeStream(_) => units::requested_of_model(model, self.body()),
            Self::StartJob(input) => units::requested_of_job(model, input.model_input()?),
            _ => None,
        }
    }

    /// Reads what the engine needs for a call in this region.
    pub(crate) fn read(self, engine: &Engine, started: SystemTime, region: Option<&str>) -> RequestDetails {
        let common = self.common();
        let size = common.limits.total_size(self.size_of_prompt());
        let model_id = common.model.unwrap_or("unknown");
        let prices;
        // What the request asks for depends on the model behind a profile.
        let model = match ModelRef::parse(model_id) {
            Ok(opaque) if opaque.base_id().is_none() => {
                prices = engine.prices();
                prices.resolve(opaque).as_str()
            }
            _ => model_id,
        };
        let requested = self.requested(model);
        let start = self.start(engine, started, region, &common, model_id, model, size, requested.as_ref());
        RequestDetails { kind: self.kind(), start, limits: common.limits, size, requested }
    }

    #[allow(clippy::too_many_arguments, reason = "each is a part of what `read` has read")]
    fn start(
        self,
        engine: &Engine,
        started: SystemTime,
        region: Option<&str>,
        common: &Common<'_>,
        model_id: &str,
        model: &str,
        size: prompt::Size,
        requested: Option<&RequestedUnits>,
    ) -> CallStart {
        let intern = |text: &str| engine.intern(text);
        CallStart {
            operation: self.operation(model),
            model: intern(model_id),
            region: region.map(intern),
            tier: common.tier.map(intern),
            latency: common.latency.map(intern),
            stream: self.kind().is_stream(),
            prompt: size.tokens(model),
            max_tokens: common.limits.max_tokens,
            inferences: common.limits.inferences(),
            temperature: common.temperature,
            top_p: common.top_p,
            guardrail: common.guardrail.map(intern),
            started,
            cache: if common.limits.cache > CacheRequest::Nothing || writes_cache_unasked(model) {
                CacheUse::MayWrite
            } else {
                CacheUse::NoWrites
            },
            max_units: requested.map(|requested| requested.most.clone()),
            bills_tokens: requested.is_none_or(|requested| requested.bills_tokens),
            max_guardrail: self.most_guardrail(common, size.most_tokens()),
            degraded_from: None,
        }
    }

    fn common(self) -> Common<'a> {
        match self {
            Self::Converse(input) => converse_input::of_operation(input),
            Self::ConverseStream(input) => converse_input::of_stream(input),
            Self::Invoke(input) => invoke_input::of_operation(input),
            Self::InvokeStream(input) => invoke_input::of_stream(input),
            Self::Speech(input) => Common { model: input.model_id(), ..Common::default() },
            // Spans of guardrails are named after their subject.
            Self::ApplyGuardrail(input) => {
                let guardrail = input.guardrail_identifier();
                Common { model: guardrail, guardrail, ..Common::default() }
            }
            Self::GuardrailChecks(_) => Common { model: Some("checks"), ..Common::default() },
            Self::StartJob(input) => Common { model: input.model_id(), ..Common::default() },
            Self::GetJob | Self::ListJobs => Common { model: Some("async-invoke"), ..Common::default() },
            Self::CountTokens(input) => Common { model: input.model_id(), ..Common::default() },
        }
    }

    fn body(self) -> &'a [u8] {
        let blob = match self {
            Self::Invoke(input) => input.body(),
            Self::InvokeStream(input) => input.body(),
            _ => None,
        };
        blob.map_or(&[], |blob| blob.as_ref())
    }

    fn operation(self, model: &str) -> Operation {
        match self {
            Self::Converse(_) | Self::ConverseStream(_) => Operation::Chat,
            Self::Invoke(_) | Self::InvokeStream(_) => invoke_input::operation_of_model(model),
            Self::Speech(_) => Operation::Chat,
            Self::ApplyGuardrail(_) | Self::GuardrailChecks(_) => Operation::ApplyGuardrail,
            Self::StartJob(_) => match invoke_input::operation_of_model(model) {
                Operation::Embeddings => Operation::Embeddings,
                _ => Operation::GenerateContent,
            },
            Self::GetJob => Operation::GetAsyncInvoke,
            Self::ListJobs => Operation::ListAsyncInvokes,
            Self::CountTokens(_) => Operation::CountTokens,
        }
    }

    fn most_guardrail(self, common: &Common<'_>, input_bound: u64) -> GuardrailUse {
        match self {
            Self::ApplyGuardrail(input) => guardrail_bound::max_for_content(input.content()),
            Self::GuardrailChecks(input) => guardrail_bound::max_for_checks(input.messages(), input.checks()),
            _ if common.guardrail.is_some() => {
                let output = Budget::most_output(common.limits.max_tokens, common.limits.inferences());
                guardrail_bound::max_for_call(input_bound, output, 0)
            }
            _ => GuardrailUse::NotApplied,
        }
    }
}

/// Returns whether the model's family caches prompts without being asked.
fn writes_cache_unasked(model: &str) -> bool {
    ["openai.", "moonshot", "zai."].iter().any(|vendor| model.contains(vendor))
}
