use opentelemetry::KeyValue;
use serde_json::json;

use crate::attribute_values::{count, usd};
use crate::call::SettledCall;

/// A viewer that reads the cost from attributes of its own. They are set on call spans only, so that no backend counts
/// them twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Viewer {
    /// Langfuse and OpenLIT: `gen_ai.usage.cost`.
    Langfuse,
    /// Pydantic Logfire: `operation.cost`.
    Logfire,
    /// MLflow: `mlflow.llm.cost`, as JSON text.
    Mlflow,
    /// Phoenix and other viewers of OpenInference: `llm.cost.*`, `llm.token_count.*`.
    OpenInference,
}

impl Viewer {
    pub(crate) fn push(self, attributes: &mut Vec<KeyValue>, call: &SettledCall) {
        if self == Self::OpenInference {
            push_open_inference_tokens(attributes, call);
        }
        if !call.has_figure() {
            return;
        }
        let charge = &call.charge;
        let input = charge.input().saturating_add(charge.cache_read()).saturating_add(charge.cache_write());
        match self {
            Self::Langfuse => attributes.push(usd("gen_ai.usage.cost", charge.total())),
            Self::Logfire => attributes.push(usd("operation.cost", charge.total())),
            Self::Mlflow => {
                let cost = json!({
                    "input_cost": input.to_f64(),
                    "output_cost": charge.output().to_f64(),
                    "total_cost": charge.total().to_f64(),
                });
                attributes.push(KeyValue::new("mlflow.llm.cost", cost.to_string()));
            }
            Self::OpenInference => attributes.extend([
                usd("llm.cost.total", charge.total()),
                usd("llm.cost.prompt", input),
                usd("llm.cost.completion", charge.output()),
            ]),
        }
    }
}

fn push_open_inference_tokens(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    let Some(usage) = call.end.billed.tokens() else { return };
    attributes.extend([
        count("llm.token_count.prompt", usage.input_tokens()),
        count("llm.token_count.completion", usage.output_tokens()),
        count("llm.token_count.total", usage.total_tokens()),
        count("llm.token_count.prompt_details.cache_read", usage.cache_read_tokens()),
        count("llm.token_count.prompt_details.cache_write", usage.cache_write_tokens()),
    ]);
}
