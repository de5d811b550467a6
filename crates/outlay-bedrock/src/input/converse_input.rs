//! The input of Converse and ConverseStream.

use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::operation::converse_stream::ConverseStreamInput;
use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use aws_smithy_types::{Document, Number};

use super::cache_request::{CacheRequest, converse_asks_compaction};
use super::common_members::Common;
use super::request_limits::Limits;

/// The SDK's inputs of the operation and of its stream have the same members, but no common trait.
macro_rules! common {
    ($input:ident) => {{
        let inference = inference($input.inference_config(), $input.additional_model_request_fields());
        Common {
            model: $input.model_id(),
            tier: $input.service_tier().map(|t| t.r#type().as_str()),
            latency: $input.performance_config().map(|p| p.latency().as_str()),
            guardrail: $input.guardrail_config().map(|g| g.guardrail_identifier()),
            limits: Limits {
                cache: CacheRequest::of_converse($input.messages(), $input.system(), $input.tool_config()),
                ..inference.limits
            },
            ..inference
        }
    }};
}

pub(super) fn of_operation(input: &ConverseInput) -> Common<'_> {
    common!(input)
}

pub(super) fn of_stream(input: &ConverseStreamInput) -> Common<'_> {
    common!(input)
}

/// Reads the parameters of Converse and those that are passed to the model under its own names.
fn inference(config: Option<&InferenceConfiguration>, additional: Option<&Document>) -> Common<'static> {
    let own = additional.and_then(Document::as_object);
    let count = |name: &str| {
        own.and_then(|own| match own.get(name)?.as_number()? {
            Number::PosInt(n) => Some(*n),
            Number::Float(n) if *n >= 0.0 && n.fract() == 0.0 => Some(*n as u64),
            _ => None,
        })
    };
    let most = |names: &[&str]| names.iter().filter_map(|name| count(name)).max();
    let own_tokens = most(&["max_tokens", "max_completion_tokens", "max_gen_len", "max_output_tokens"]);
    let answers = most(&["n", "best_of", "num_generations"]);
    let max_tokens = config.and_then(|config| u64::try_from(config.max_tokens()?).ok()).max(own_tokens);
    let compacts = converse_asks_compaction(additional);
    Common {
        limits: Limits { max_tokens, answers, compacts, ..Limits::default() },
        temperature: config.and_then(InferenceConfiguration::temperature).map(as_written),
        top_p: config.and_then(InferenceConfiguration::top_p).map(as_written),
        ..Common::default()
    }
}

/// Returns the double that prints like the float: 0.7, not 0.699999988079071.
fn as_written(n: f32) -> f64 {
    n.to_string().parse().unwrap_or_else(|_| f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_keeps_its_decimal_value() {
        assert_eq!(as_written(0.7), 0.7);
    }
}
