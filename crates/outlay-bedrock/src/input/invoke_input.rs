//! The input of InvokeModel and InvokeModelWithResponseStream.

use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelInput;
use aws_sdk_bedrockruntime::operation::invoke_model_with_response_stream::InvokeModelWithResponseStreamInput;
use outlay_otel::Operation;

use super::common_members::Common;
use super::request_limits::Limits;
use crate::usage::{Parameters, read_request};

/// The SDK's inputs of the operation and of its stream have the same members, but no common trait.
macro_rules! common {
    ($input:ident) => {{
        let native = native($input.body().map_or(&[], |blob| blob.as_ref()));
        Common {
            model: $input.model_id(),
            tier: $input.service_tier().map(|t| t.as_str()).or(native.tier),
            latency: $input.performance_config_latency().map(|l| l.as_str()),
            guardrail: $input.guardrail_identifier(),
            ..native
        }
    }};
}

pub(super) fn of_operation(input: &InvokeModelInput) -> Common<'_> {
    common!(input)
}

pub(super) fn of_stream(input: &InvokeModelWithResponseStreamInput) -> Common<'_> {
    common!(input)
}

fn native(body: &[u8]) -> Common<'static> {
    let parameters = read_request(body);
    let limits = Limits::new(&parameters, body);
    let Parameters { temperature, top_p, tier, .. } = parameters;
    Common { limits, temperature, top_p, tier, ..Common::default() }
}

/// Returns what InvokeModel does, which only the model determines.
pub(super) fn operation_of_model(model: &str) -> Operation {
    let has = |part: &str| model.contains(part);
    if has("embed") || has("marengo") {
        Operation::Embeddings
    } else if has("rerank") {
        Operation::Rerank
    } else if has("stability.") || has("canvas") || has("titan-image") || has("nova-reel") || has("luma.") {
        Operation::GenerateContent
    } else {
        Operation::Chat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_determines_the_operation() {
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
}
