//! What the application asks for, read from the operation's input.

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

pub(crate) use self::cache_request::CacheAsked;
use crate::prompt::{self, Prompt as _};
use crate::units::{self, Asked};
use crate::usage::{Parameters, read_request};

mod cache_request;
mod converse_input;
pub(crate) mod guardrail_bound;
mod invoke_input;

/// An operation that is metered.
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
    /// What AWS bills nothing for, and tells nothing of money.
    Free,
}

impl Kind {
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::ConverseStream | Self::InvokeStream | Self::Speech)
    }
}

/// A request of an operation that is metered.
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

/// The members of an input that every operation has in one form or another.
#[derive(Default)]
struct Common<'a> {
    model: Option<&'a str>,
    tier: Option<&'a str>,
    latency: Option<&'a str>,
    guardrail: Option<&'a str>,
    limits: Limits,
    temperature: Option<f64>,
    top_p: Option<f64>,
}

/// What bounds the cost of a request beside its size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) max_tokens: Option<u64>,
    pub(crate) answers: Option<u64>,
    pub(crate) cache: CacheAsked,
    /// Whether it asks that the conversation be compacted before the answer, which is an inference of its own.
    pub(crate) compacts: bool,
}

impl Limits {
    /// Reads a model's own body.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        Self::new(&read_request(body), body)
    }

    fn new(&Parameters { max_tokens, answers, .. }: &Parameters, body: &[u8]) -> Self {
        Self { max_tokens, answers, cache: CacheAsked::of_body(body), compacts: cache_request::asks_compaction(body) }
    }

    /// How many answers are asked for.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.unwrap_or(1).max(1)
    }

    /// How often the model may write up to its maximum.
    pub(crate) fn inferences(&self) -> u64 {
        self.answers().saturating_add(self.compacts.into())
    }

    /// The size of all prompts that are read: a compaction reads the prompt once more.
    pub(crate) fn read(&self, size: prompt::Size) -> prompt::Size {
        if self.compacts { size.and(size) } else { size }
    }
}

/// What a request says before it is sent.
pub(crate) struct Read {
    pub(crate) kind: Kind,
    pub(crate) start: CallStart,
    pub(crate) limits: Limits,
    pub(crate) size: prompt::Size,
    /// What it asks for that is billed by the unit, where that can be told from here.
    pub(crate) asked: Option<Asked>,
}

impl<'a> Request<'a> {
    /// The request, where its operation is metered. The most frequent are asked for first.
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

    /// How large the input is.
    pub(crate) fn size(self) -> prompt::Size {
        self.limits().read(self.size_of_prompt())
    }

    fn size_of_prompt(self) -> prompt::Size {
        match self {
            Self::Converse(input) => input.size(),
            Self::ConverseStream(input) => input.size(),
            Self::Invoke(_) | Self::InvokeStream(_) => prompt::of_body(self.body()),
            Self::Speech(_) => prompt::SESSION,
            _ => prompt::Size::default(),
        }
    }

    pub(crate) fn limits(self) -> Limits {
        self.common().limits
    }

    /// Whether it can be asked for with less: its members are the same for all models.
    pub(crate) const fn can_degrade(self) -> bool {
        matches!(self, Self::Converse(_) | Self::ConverseStream(_))
    }

    fn asked(self, model: &str) -> Option<Asked> {
        match self {
            Self::Invoke(_) | Self::InvokeStream(_) => units::asked_of_model(model, self.body()),
            Self::StartJob(input) => units::asked_of_job(model, input.model_input()?),
            _ => None,
        }
    }

    /// Reads what a call in this region needs to know of the request.
    pub(crate) fn read(self, engine: &Engine, started: SystemTime, region: Option<&str>) -> Read {
        let common = self.common();
        let size = common.limits.read(self.size_of_prompt());
        let named = common.model.unwrap_or("unknown");
        let prices;
        // What a profile stands for tells what the request asks for.
        let model = match ModelRef::parse(named) {
            Ok(opaque) if opaque.base_id().is_none() => {
                prices = engine.prices();
                prices.resolve(opaque).as_str()
            }
            _ => named,
        };
        let asked = self.asked(model);
        let start = self.start(engine, started, region, &common, named, model, size, asked.as_ref());
        Read { kind: self.kind(), start, limits: common.limits, size, asked }
    }

    #[allow(clippy::too_many_arguments, reason = "each is a part of what `read` has read")]
    fn start(
        self,
        engine: &Engine,
        started: SystemTime,
        region: Option<&str>,
        common: &Common<'_>,
        named: &str,
        model: &str,
        size: prompt::Size,
        asked: Option<&Asked>,
    ) -> CallStart {
        let intern = |text: &str| engine.intern(text);
        CallStart {
            operation: self.operation(model),
            model: intern(named),
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
            cache: if common.limits.cache > CacheAsked::Nothing || writes_cache_unasked(model) {
                CacheUse::MayWrite
            } else {
                CacheUse::NoWrites
            },
            max_units: asked.map(|asked| asked.most.clone()),
            bills_tokens: asked.is_none_or(|asked| asked.tokens_too),
            max_guardrail: self.most_guardrail(common, size.most_tokens()),
            degraded_from: None,
        }
    }

    fn common(self) -> Common<'a> {
        match self {
            Self::Converse(input) => converse_input::whole(input),
            Self::ConverseStream(input) => converse_input::stream(input),
            Self::Invoke(input) => invoke_input::whole(input),
            Self::InvokeStream(input) => invoke_input::stream(input),
            Self::Speech(input) => Common { model: input.model_id(), ..Common::default() },
            // Their spans are named after what they are about.
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
            Self::ApplyGuardrail(input) => guardrail_bound::most_of_content(input.content()),
            Self::GuardrailChecks(input) => guardrail_bound::most_of_checks(input.messages(), input.checks()),
            _ if common.guardrail.is_some() => {
                let output = Budget::most_output(common.limits.max_tokens, common.limits.inferences());
                guardrail_bound::most_of_call(input_bound, output, 0)
            }
            _ => GuardrailUse::NotApplied,
        }
    }
}

/// Families that store a prompt without being asked.
fn writes_cache_unasked(model: &str) -> bool {
    ["openai.", "moonshot", "zai."].iter().any(|vendor| model.contains(vendor))
}
