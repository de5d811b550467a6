//! What the application asks for, read from the operation's input.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelInput;
use aws_sdk_bedrockruntime::operation::invoke_model_with_response_stream::InvokeModelWithResponseStreamInput;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, InferenceConfiguration, Message, SystemContentBlock, Tool, ToolConfiguration,
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use outlay_otel::{CallStart, Engine, Operation};
use outlay_price::CacheUse;

use crate::bound::{self, Prompt as _};
use crate::usage::{Parameters, read_request};

/// An operation that is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Converse,
    ConverseStream,
    Invoke,
    InvokeStream,
}

impl Kind {
    pub(crate) const fn is_stream(self) -> bool {
        matches!(self, Self::ConverseStream | Self::InvokeStream)
    }
}

/// A request of an operation that is metered.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    Converse(&'a ConverseInput),
    ConverseStream(&'a ConverseStreamInput),
    Invoke(&'a InvokeModelInput),
    InvokeStream(&'a InvokeModelWithResponseStreamInput),
}

/// The members of an input that every operation has in one form or another.
#[derive(Default)]
struct Common<'a> {
    model: Option<&'a str>,
    tier: Option<&'a str>,
    latency: Option<&'a str>,
    guardrail: Option<&'a str>,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    writes_cache: bool,
}

/// The same members stand in the SDK's inputs of an operation and of its stream, which have no trait in common.
macro_rules! converse {
    ($input:ident) => {
        Common {
            model: $input.model_id(),
            tier: $input.service_tier().map(|t| t.r#type().as_str()),
            latency: $input.performance_config().map(|p| p.latency().as_str()),
            guardrail: $input.guardrail_config().map(|g| g.guardrail_identifier()),
            writes_cache: has_cache_point($input.messages(), $input.system(), $input.tool_config()),
            ..inference($input.inference_config())
        }
    };
}

macro_rules! invoke {
    ($input:ident) => {
        Common {
            model: $input.model_id(),
            tier: $input.service_tier().map(|t| t.as_str()),
            latency: $input.performance_config_latency().map(|l| l.as_str()),
            guardrail: $input.guardrail_identifier(),
            ..native($input.body().map_or(&[], |blob| blob.as_ref()))
        }
    };
}

impl<'a> Request<'a> {
    /// The request, where its operation is metered.
    pub(crate) fn of(input: &'a Input) -> Option<Self> {
        if let Some(input) = input.downcast_ref() {
            Some(Self::Converse(input))
        } else if let Some(input) = input.downcast_ref() {
            Some(Self::ConverseStream(input))
        } else if let Some(input) = input.downcast_ref() {
            Some(Self::Invoke(input))
        } else {
            input.downcast_ref().map(Self::InvokeStream)
        }
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Converse(_) => Kind::Converse,
            Self::ConverseStream(_) => Kind::ConverseStream,
            Self::Invoke(_) => Kind::Invoke,
            Self::InvokeStream(_) => Kind::InvokeStream,
        }
    }

    /// The most tokens that the input can have.
    pub(crate) fn input_bound(self) -> u64 {
        match self {
            Self::Converse(input) => input.bound(),
            Self::ConverseStream(input) => input.bound(),
            Self::Invoke(_) | Self::InvokeStream(_) => bound::of_body(self.body()),
        }
    }

    /// What is known of the call before it is sent.
    pub(crate) fn start(self, engine: &Engine, started: SystemTime, region: Option<&str>) -> CallStart {
        let common = self.common();
        let model = common.model.unwrap_or("unknown");
        let intern = |text: &str| engine.intern(text);
        CallStart {
            operation: self.operation(model),
            model: intern(model),
            region: region.map(intern),
            tier: common.tier.map(intern),
            latency: common.latency.map(intern),
            stream: self.kind().is_stream(),
            max_tokens: common.max_tokens,
            temperature: common.temperature,
            top_p: common.top_p,
            guardrail: common.guardrail.map(Arc::from),
            started,
            cache: if common.writes_cache || writes_cache_unasked(model) {
                CacheUse::MayWrite
            } else {
                CacheUse::NoWrites
            },
        }
    }

    fn common(self) -> Common<'a> {
        match self {
            Self::Converse(input) => converse!(input),
            Self::ConverseStream(input) => converse!(input),
            Self::Invoke(input) => invoke!(input),
            Self::InvokeStream(input) => invoke!(input),
        }
    }

    fn body(self) -> &'a [u8] {
        let blob = match self {
            Self::Invoke(input) => input.body(),
            Self::InvokeStream(input) => input.body(),
            Self::Converse(_) | Self::ConverseStream(_) => None,
        };
        blob.map_or(&[], |blob| blob.as_ref())
    }

    fn operation(self, model: &str) -> Operation {
        match self {
            Self::Converse(_) | Self::ConverseStream(_) => Operation::Chat,
            Self::Invoke(_) | Self::InvokeStream(_) => operation_of_model(model),
        }
    }
}

/// What InvokeModel does is told by the model alone.
fn operation_of_model(model: &str) -> Operation {
    let has = |part: &str| model.contains(part);
    if has("embed") || has("marengo") {
        Operation::Embeddings
    } else if has("rerank") {
        Operation::Rerank
    } else if has("stability.") || has("canvas") || has("titan-image") || has("nova-reel") {
        Operation::GenerateContent
    } else {
        Operation::Chat
    }
}

fn inference(config: Option<&InferenceConfiguration>) -> Common<'static> {
    let Some(config) = config else { return Common::default() };
    Common {
        max_tokens: config.max_tokens().and_then(|n| u64::try_from(n).ok()),
        temperature: config.temperature().map(as_written),
        top_p: config.top_p().map(as_written),
        ..Common::default()
    }
}

/// The double of the text that the float prints as: 0.7, not 0.699999988079071.
fn as_written(n: f32) -> f64 {
    n.to_string().parse().unwrap_or_else(|_| f64::from(n))
}

fn native(body: &[u8]) -> Common<'static> {
    let has = |part: &[u8]| memchr::memmem::find(body, part).is_some();
    let Parameters { max_tokens, temperature, top_p } = read_request(body);
    Common {
        max_tokens,
        temperature,
        top_p,
        writes_cache: has(b"cache_control") || has(b"cachePoint"),
        ..Common::default()
    }
}

fn has_cache_point(messages: &[Message], system: &[SystemContentBlock], tools: Option<&ToolConfiguration>) -> bool {
    let is_cache_point = |block: &ContentBlock| matches!(block, ContentBlock::CachePoint(_));
    system.iter().any(|block| matches!(block, SystemContentBlock::CachePoint(_)))
        || tools.is_some_and(|t| t.tools().iter().any(|tool| matches!(tool, Tool::CachePoint(_))))
        || messages.iter().any(|message| message.content().iter().any(is_cache_point))
}

/// Families that store a prompt without being asked.
fn writes_cache_unasked(model: &str) -> bool {
    ["openai.", "moonshot", "zai."].iter().any(|vendor| model.contains(vendor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_tells_what_an_invocation_does() {
        for (model, operation) in [
            ("amazon.titan-embed-text-v2:0", Operation::Embeddings),
            ("us.cohere.embed-v4:0", Operation::Embeddings),
            ("cohere.rerank-v3-5:0", Operation::Rerank),
            ("amazon.nova-canvas-v1:0", Operation::GenerateContent),
            ("stability.sd3-5-large-v1:0", Operation::GenerateContent),
            ("meta.llama3-3-70b-instruct-v1:0", Operation::Chat),
        ] {
            assert_eq!(operation_of_model(model), operation, "{model}");
        }
    }

    #[test]
    fn a_temperature_is_the_one_that_was_written() {
        assert_eq!(as_written(0.7), 0.7);
    }
}
