//! The attributes of viewers: money on calls and charges, tokens on calls, and the viewer's kind of span on every span.

use std::sync::Arc;

use opentelemetry::KeyValue;
use outlay_ledger::StepKind;
use outlay_price::{Routing, Usd};
use serde_json::json;

use crate::attribute_values::{count, usd};
use crate::call::{Operation, SettledCall, ShownTokens};

/// A viewer that reads cost, tokens and kinds of spans from attributes of its own.
///
/// Cost is set on the spans of calls and charges, and tokens on those of calls, so that the viewer's own sum over a trace
/// counts each once. Every span has the viewer's kind of span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Viewer {
    /// Langfuse and OpenLIT: `gen_ai.usage.cost`, `langfuse.observation.usage_details` and `langfuse.observation.type`.
    /// This follows their documentation. It was not tested with either. Langfuse prices calls that are unpriced here by its
    /// own table, if that has the model.
    Langfuse,
    /// Pydantic Logfire: `operation.cost`. This follows its documentation. It was not tested with it. It has no kinds of
    /// spans.
    Logfire,
    /// MLflow: `mlflow.llm.cost`, as JSON text, and `mlflow.spanType`. MLflow 3.17 shows the same cost and tokens of a
    /// trace as Outlay. It prices calls that are unpriced here by its own table.
    Mlflow,
    /// Phoenix and other viewers of OpenInference: `llm.cost.*`, `llm.token_count.*`, `llm.model_name` and
    /// `openinference.span.kind`.
    ///
    /// Phoenix 20.26 ignores `llm.cost.*`. It computes costs from its own price table, which ignores the prefix of an
    /// inference profile, such as `us.`, and has no charges. For the example, which costs $0.076680, it shows $0.065164.
    /// With the prices of Outlay's table, from `examples/observability/phoenix_prices.py`, it shows $0.071680: all but
    /// the charge of $0.005. It only prices the tokens of chats and other generations. It shows no cost of embeddings,
    /// reranking, guardrails, images or charges, and it knows no service tiers.
    OpenInference,
}

/// What a span represents.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SpanRole<'a> {
    Task,
    Agent,
    Step(&'a StepKind),
    Call(Operation),
    Attempt,
    Charge,
    /// A later correction: an outcome, or a receipt.
    Correction,
}

/// Adds the kind of span for each viewer.
pub(crate) fn push_kinds(viewers: &[Viewer], attributes: &mut Vec<KeyValue>, role: SpanRole<'_>) {
    for viewer in viewers {
        match viewer {
            Viewer::Langfuse => attributes.push(KeyValue::new("langfuse.observation.type", role.in_langfuse())),
            Viewer::Logfire => {}
            Viewer::Mlflow => attributes.push(KeyValue::new("mlflow.spanType", role.in_mlflow())),
            Viewer::OpenInference => {
                attributes.push(KeyValue::new("openinference.span.kind", role.in_open_inference()));
            }
        }
    }
}

impl SpanRole<'_> {
    const fn in_langfuse(self) -> &'static str {
        match self {
            Self::Task => "chain",
            Self::Agent => "agent",
            Self::Step(StepKind::Tool) => "tool",
            Self::Step(StepKind::Retrieve) => "retriever",
            Self::Step(StepKind::Verify) => "evaluator",
            Self::Call(Operation::Chat | Operation::GenerateContent) => "generation",
            Self::Call(Operation::Embeddings) => "embedding",
            Self::Call(Operation::Rerank) => "retriever",
            Self::Call(Operation::ApplyGuardrail) => "guardrail",
            // Costs are those of generations.
            Self::Charge => "generation",
            Self::Step(_) | Self::Call(_) | Self::Attempt | Self::Correction => "span",
        }
    }

    const fn in_mlflow(self) -> &'static str {
        match self {
            Self::Task => "WORKFLOW",
            Self::Agent => "AGENT",
            Self::Step(StepKind::Tool) => "TOOL",
            Self::Step(StepKind::Retrieve) => "RETRIEVER",
            Self::Step(StepKind::Verify) => "EVALUATOR",
            Self::Call(Operation::Chat) => "CHAT_MODEL",
            Self::Call(Operation::GenerateContent) => "LLM",
            Self::Call(Operation::Embeddings) => "EMBEDDING",
            Self::Call(Operation::Rerank) => "RERANKER",
            Self::Call(Operation::ApplyGuardrail) => "GUARDRAIL",
            Self::Step(_) | Self::Call(_) | Self::Attempt | Self::Charge | Self::Correction => "TASK",
        }
    }

    const fn in_open_inference(self) -> &'static str {
        match self {
            Self::Agent => "AGENT",
            Self::Step(StepKind::Tool) => "TOOL",
            Self::Step(StepKind::Retrieve) => "RETRIEVER",
            Self::Step(StepKind::Verify) => "EVALUATOR",
            Self::Call(Operation::Chat | Operation::GenerateContent) => "LLM",
            Self::Call(Operation::Embeddings) => "EMBEDDING",
            Self::Call(Operation::Rerank) => "RERANKER",
            Self::Call(Operation::ApplyGuardrail) => "GUARDRAIL",
            Self::Task | Self::Step(_) | Self::Call(_) | Self::Attempt | Self::Charge | Self::Correction => "CHAIN",
        }
    }
}

impl Viewer {
    /// Returns whether the viewer would read the cost attributes that were proposed for the conventions in another way:
    /// `gen_ai.usage.cost` cannot be a value beside `gen_ai.usage.cost.amount`, which Langfuse takes for a count of tokens.
    pub const fn conflicts_with_cost_attributes(self) -> bool {
        matches!(self, Self::Langfuse)
    }

    /// Adds the cost and the tokens of a call.
    pub(crate) fn push_call(self, attributes: &mut Vec<KeyValue>, call: &SettledCall) {
        match self {
            Self::OpenInference => push_open_inference_tokens(attributes, call),
            Self::Langfuse => push_langfuse_tokens(attributes, call),
            Self::Logfire | Self::Mlflow => {}
        }
        if !call.has_figure() {
            return;
        }
        let charge = &call.charge;
        let input = charge.input().saturating_add(charge.cache_read()).saturating_add(charge.cache_write());
        match self {
            Self::Langfuse | Self::Logfire => self.push_cost(attributes, charge.total()),
            Self::Mlflow => {
                let cost = json!({
                    "input_cost": input.to_f64(),
                    "output_cost": charge.output().to_f64(),
                    "total_cost": charge.total().to_f64(),
                });
                attributes.push(KeyValue::new(MLFLOW_COST, cost.to_string()));
            }
            Self::OpenInference => {
                self.push_cost(attributes, charge.total());
                attributes.extend([usd("llm.cost.prompt", input), usd("llm.cost.completion", charge.output())]);
            }
        }
    }

    /// Adds a cost that has no input and no output.
    pub(crate) fn push_cost(self, attributes: &mut Vec<KeyValue>, cost: Usd) {
        attributes.push(match self {
            Self::Langfuse => usd("gen_ai.usage.cost", cost),
            Self::Logfire => usd("operation.cost", cost),
            Self::Mlflow => KeyValue::new(MLFLOW_COST, json!({"total_cost": cost.to_f64()}).to_string()),
            Self::OpenInference => usd("llm.cost.total", cost),
        });
    }
}

const MLFLOW_COST: &str = "mlflow.llm.cost";

/// Adds the tokens by kind, which Langfuse adds up: its input has no cached tokens.
fn push_langfuse_tokens(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    let Some(ShownTokens { usage, input, output }) = call.shown_tokens() else { return };
    let cached = usage.cache_read_tokens().saturating_add(usage.cache_write_tokens());
    let mut details = serde_json::Map::new();
    if let Some(input) = input {
        details.insert("input".to_owned(), input.saturating_sub(cached).into());
        details.insert("cache_read_input_tokens".to_owned(), usage.cache_read_tokens().into());
        details.insert("cache_creation_input_tokens".to_owned(), usage.cache_write_tokens().into());
    }
    if let Some(output) = output {
        details.insert("output".to_owned(), output.into());
    }
    attributes.push(KeyValue::new("langfuse.observation.usage_details", serde_json::Value::from(details).to_string()));
}

fn push_open_inference_tokens(attributes: &mut Vec<KeyValue>, call: &SettledCall) {
    if call.start.operation.has_model() {
        attributes.push(KeyValue::new("llm.model_name", model_with_price(call)));
    }
    let Some(ShownTokens { usage, input, output }) = call.shown_tokens() else { return };
    if let Some(input) = input {
        attributes.extend([
            count("llm.token_count.prompt", input),
            count("llm.token_count.prompt_details.cache_read", usage.cache_read_tokens()),
            count("llm.token_count.prompt_details.cache_write", usage.cache_write_tokens()),
        ]);
    }
    attributes.extend(output.map(|output| count("llm.token_count.completion", output)));
    attributes
        .extend(input.zip(output).map(|(input, output)| count("llm.token_count.total", input.saturating_add(output))));
}

/// Returns the called model, because its prefix tells its price. For an ARN it is the model with that price, because
/// Phoenix finds prices by the id.
fn model_with_price(call: &SettledCall) -> Arc<str> {
    let called = &call.start.model;
    match &call.price {
        Some(price) if called.starts_with("arn:") => match price.routing() {
            Routing::InRegion => price.model().into(),
            routing => format!("{routing}.{}", price.model()).into(),
        },
        _ => called.clone(),
    }
}
