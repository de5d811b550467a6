//! The metrics that the GenAI conventions define, with the names of one of their releases.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use outlay_ledger::{Scope, ScopeKind};
use outlay_price::Usage;

use crate::call::{Operation, SettledCall, ShownTokens};
use crate::names::{metric, semconv};
use crate::semconv::Semconv;

/// The maximum token count that is recorded for a call. The SDK adds counts without overflow checks: no real call has this
/// many tokens, and the sum of many calls does not overflow.
const MAX_TOKENS: u64 = 1 << 40;
/// The conventions' bucket bounds for token counts.
const TOKEN_BOUNDS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// The conventions' bucket bounds for durations, in seconds.
const DURATION_BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// The bucket bounds for the duration of agents, in seconds: those of OpenTelemetry's own library for GenAI.
const AGENT_DURATION_BOUNDS: [f64; 13] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];

/// The bucket bounds for numbers of calls. The conventions' own are not known.
const CALL_BOUNDS: [f64; 12] = [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 32.0, 64.0, 128.0];

/// The instruments of one release.
#[derive(Debug)]
pub(super) enum ConventionMetrics {
    V1_41(ClientMetrics),
    Latest(Box<InferenceMetrics>),
}

/// The metrics of 1.41.
#[derive(Debug)]
pub(super) struct ClientMetrics {
    token_usage: Histogram<u64>,
    duration: Histogram<f64>,
    time_to_first_chunk: Histogram<f64>,
}

/// The metrics of the first release of the conventions' own repository.
#[derive(Debug)]
pub(super) struct InferenceMetrics {
    duration: Histogram<f64>,
    time_to_first_chunk: Histogram<f64>,
    input_tokens: Counter<u64>,
    output_tokens: Counter<u64>,
    cache_read_tokens: Counter<u64>,
    cache_write_tokens: Counter<u64>,
    reasoning_tokens: Counter<u64>,
    input_tokens_of_call: Histogram<u64>,
    output_tokens_of_call: Histogram<u64>,
    /// The duration of operations that are neither an inference nor embeddings.
    operation_duration: Histogram<f64>,
    agent_duration: Histogram<f64>,
    agent_inference_calls: Histogram<u64>,
    agent_tool_calls: Histogram<u64>,
    tool_duration: Histogram<f64>,
}

/// A closed task, agent or step, as the newer conventions measure them.
#[derive(Debug)]
pub(crate) struct ClosedScopeFigures<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) duration: Duration,
    /// The model calls that the scope made itself, and not through another agent.
    pub(crate) own_calls: u64,
    /// The tools that it used itself.
    pub(crate) own_tools: u64,
    pub(crate) error: Option<&'a str>,
}

impl ConventionMetrics {
    pub(super) fn new(meter: &Meter, semconv: Semconv) -> Self {
        match semconv {
            Semconv::V1_41 => Self::V1_41(ClientMetrics::new(meter)),
            Semconv::Latest => Self::Latest(Box::new(InferenceMetrics::new(meter))),
        }
    }

    /// Records a call. One that was refused was no operation of a model: only Outlay's own metrics count it.
    pub(super) fn record_call(&self, call: &SettledCall) {
        if call.end.refused {
            return;
        }
        match self {
            Self::V1_41(metrics) => metrics.record_call(call),
            Self::Latest(metrics) => metrics.record_call(call),
        }
    }

    /// Records a closed scope. `name` is its name on metrics, and `agent` that of its agent.
    pub(super) fn scope_closed(&self, closed: &ClosedScopeFigures<'_>, name: Arc<str>, agent: Option<Arc<str>>) {
        match self {
            Self::V1_41(_) => {}
            Self::Latest(metrics) => metrics.scope_closed(closed, name, agent),
        }
    }
}

impl ClientMetrics {
    fn new(meter: &Meter) -> Self {
        Self {
            token_usage: tokens(meter, metric::TOKEN_USAGE, "Number of input and output tokens used."),
            duration: seconds(meter, metric::OPERATION_DURATION, "GenAI operation duration.", &DURATION_BOUNDS),
            time_to_first_chunk: seconds(meter, metric::TIME_TO_FIRST_CHUNK, FIRST_CHUNK, &DURATION_BOUNDS),
        }
    }

    fn record_call(&self, call: &SettledCall) {
        let mut attributes = base(call);
        if let Some(shown) = call.shown_tokens() {
            for (kind, tokens) in [("input", shown.input), ("output", shown.output)] {
                let Some(tokens) = tokens else { continue };
                attributes.push(KeyValue::new(semconv::TOKEN_TYPE, kind));
                self.token_usage.record(tokens.min(MAX_TOKENS), &attributes);
                attributes.pop();
            }
        }
        if let Some(first) = call.end.time_to_first_chunk {
            self.time_to_first_chunk.record(first.as_secs_f64(), &attributes);
        }
        push_error(&mut attributes, call.end.error.as_deref());
        record_duration(&self.duration, call, &attributes);
    }
}

impl InferenceMetrics {
    fn new(meter: &Meter) -> Self {
        let counter =
            |name, description| meter.u64_counter(name).with_unit("{token}").with_description(description).build();
        let calls = |name, unit, description| {
            let histogram = meter.u64_histogram(name).with_unit(unit).with_description(description);
            histogram.with_boundaries(CALL_BOUNDS.to_vec()).build()
        };
        let duration = "Duration of an inference.";
        let cached = "Tokens that were read from the provider's cache.";
        let of_prompt = "Tokens of a prompt.";
        let of_agent = "Duration of a task or an agent.";
        Self {
            duration: seconds(meter, metric::INFERENCE_DURATION, duration, &DURATION_BOUNDS),
            time_to_first_chunk: seconds(meter, metric::INFERENCE_TIME_TO_FIRST_CHUNK, FIRST_CHUNK, &DURATION_BOUNDS),
            input_tokens: counter(metric::INFERENCE_INPUT_TOKENS, "Tokens of prompts, including cached ones."),
            output_tokens: counter(metric::INFERENCE_OUTPUT_TOKENS, "Tokens of answers, including reasoning."),
            cache_read_tokens: counter(metric::INFERENCE_CACHE_READ_TOKENS, cached),
            cache_write_tokens: counter(metric::INFERENCE_CACHE_WRITE_TOKENS, "Tokens that were written to the cache."),
            reasoning_tokens: counter(metric::INFERENCE_REASONING_TOKENS, "Tokens of reasoning."),
            input_tokens_of_call: tokens(meter, metric::INFERENCE_OPERATION_INPUT_TOKENS, of_prompt),
            output_tokens_of_call: tokens(meter, metric::INFERENCE_OPERATION_OUTPUT_TOKENS, "Tokens of an answer."),
            operation_duration: seconds(
                meter,
                metric::OPERATION_DURATION,
                "GenAI operation duration.",
                &DURATION_BOUNDS,
            ),
            agent_duration: seconds(meter, metric::INVOKE_AGENT_DURATION, of_agent, &AGENT_DURATION_BOUNDS),
            agent_inference_calls: calls(
                metric::INVOKE_AGENT_INFERENCE_CALLS,
                "{inference_call}",
                "Model calls of a task or an agent, without those of the agents in it.",
            ),
            agent_tool_calls: calls(
                metric::INVOKE_AGENT_TOOL_CALLS,
                "{tool_call}",
                "Tool calls of a task or an agent, without those of the agents in it.",
            ),
            tool_duration: seconds(meter, metric::EXECUTE_TOOL_DURATION, "Duration of a tool call.", &DURATION_BOUNDS),
        }
    }

    fn record_call(&self, call: &SettledCall) {
        let mut attributes = base(call);
        match call.start.operation {
            operation if operation.is_inference() => self.record_inference(call, attributes),
            // Its metrics have names of their own, whose definitions are not known.
            Operation::Embeddings => {}
            _ => {
                push_error(&mut attributes, call.end.error.as_deref());
                record_duration(&self.operation_duration, call, &attributes);
            }
        }
    }

    /// Records an inference. One that failed has the tokens that were counted, or none.
    fn record_inference(&self, call: &SettledCall, mut attributes: Vec<KeyValue>) {
        if let Some(first) = call.end.time_to_first_chunk {
            self.time_to_first_chunk.record(first.as_secs_f64(), &attributes);
        }
        let no_tokens = ShownTokens { usage: Usage::new(), input: Some(0), output: Some(0) };
        let has_failed = call.end.error.is_some() || call.end.is_cut;
        let shown = call.shown_tokens().or(Some(no_tokens).filter(|_| has_failed));
        if let Some(ShownTokens { usage, input, output }) = shown {
            let of_text = |all: u64, audio: u64| all.saturating_sub(audio);
            let (input_audio, output_audio) = (usage.input_audio_tokens(), usage.output_audio_tokens());
            // Bedrock tells the tokens of speech, but not those of images.
            let modality = if input_audio > 0 || output_audio > 0 { "text" } else { "unknown" };
            for (counter, tokens, modality) in [
                (&self.input_tokens, input.map(|input| of_text(input, input_audio)), modality),
                (&self.output_tokens, output.map(|output| of_text(output, output_audio)), modality),
                (&self.input_tokens, Some(input_audio).filter(|tokens| *tokens > 0), "audio"),
                (&self.output_tokens, Some(output_audio).filter(|tokens| *tokens > 0), "audio"),
                (&self.cache_read_tokens, Some(usage.cache_read_tokens()).filter(|tokens| *tokens > 0), modality),
                (&self.cache_write_tokens, Some(usage.cache_write_tokens()).filter(|tokens| *tokens > 0), modality),
                (&self.reasoning_tokens, Some(usage.reasoning_tokens()).filter(|tokens| *tokens > 0), modality),
            ] {
                let Some(tokens) = tokens else { continue };
                attributes.push(KeyValue::new(semconv::TOKEN_MODALITY, modality));
                counter.add(tokens.min(MAX_TOKENS), &attributes);
                attributes.pop();
            }
            push_error(&mut attributes, call.end.error.as_deref());
            for (histogram, tokens) in [(&self.input_tokens_of_call, input), (&self.output_tokens_of_call, output)] {
                if let Some(tokens) = tokens {
                    histogram.record(tokens.min(MAX_TOKENS), &attributes);
                }
            }
        } else {
            push_error(&mut attributes, call.end.error.as_deref());
        }
        record_duration(&self.duration, call, &attributes);
    }

    fn scope_closed(&self, closed: &ClosedScopeFigures<'_>, name: Arc<str>, agent: Option<Arc<str>>) {
        let mut attributes = Vec::with_capacity(4);
        if let ScopeKind::Step(_) = closed.scope.kind() {
            attributes.push(KeyValue::new(semconv::TOOL_NAME, name));
            attributes.push(KeyValue::new(semconv::TOOL_TYPE, semconv::FUNCTION));
            attributes.extend(agent.map(|agent| KeyValue::new(semconv::AGENT_NAME, agent)));
            push_error(&mut attributes, closed.error);
            self.tool_duration.record(closed.duration.as_secs_f64(), &attributes);
        } else {
            attributes.push(KeyValue::new(semconv::AGENT_NAME, name));
            self.agent_inference_calls.record(closed.own_calls, &attributes);
            self.agent_tool_calls.record(closed.own_tools, &attributes);
            push_error(&mut attributes, closed.error);
            self.agent_duration.record(closed.duration.as_secs_f64(), &attributes);
        }
    }
}

const FIRST_CHUNK: &str = "Time from the request to the first chunk of the response.";

fn seconds(meter: &Meter, name: &'static str, description: &'static str, bounds: &[f64]) -> Histogram<f64> {
    let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
    histogram.with_boundaries(bounds.to_vec()).build()
}

fn tokens(meter: &Meter, name: &'static str, description: &'static str) -> Histogram<u64> {
    let histogram = meter.u64_histogram(name).with_unit("{token}").with_description(description);
    histogram.with_boundaries(TOKEN_BOUNDS.to_vec()).build()
}

/// Returns the attributes that all metrics of a call have.
fn base(call: &SettledCall) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(8);
    attributes.push(KeyValue::new(semconv::OPERATION_NAME, call.start.operation.as_str()));
    attributes.push(KeyValue::new(semconv::PROVIDER_NAME, semconv::AWS_BEDROCK));
    if call.start.operation.has_model() {
        attributes.push(KeyValue::new(semconv::REQUEST_MODEL, call.start.model.clone()));
    }
    if let Some(model) = &call.end.response_model {
        attributes.push(KeyValue::new(semconv::RESPONSE_MODEL, model.clone()));
    }
    if let Some(address) = &call.end.server_address {
        attributes.push(KeyValue::new(semconv::SERVER_ADDRESS, address.clone()));
    }
    if let Some(port) = call.end.server_port {
        attributes.push(KeyValue::new(semconv::SERVER_PORT, i64::from(port)));
    }
    attributes
}

fn push_error(attributes: &mut Vec<KeyValue>, error: Option<&str>) {
    attributes.extend(error.map(|error| KeyValue::new(semconv::ERROR_TYPE, error.to_owned())));
}

/// Records how long a call took, if that is known.
fn record_duration(histogram: &Histogram<f64>, call: &SettledCall, attributes: &[KeyValue]) {
    if call.end.is_timed {
        let duration = call.ended.duration_since(call.start.started).unwrap_or_default();
        histogram.record(duration.as_secs_f64(), attributes);
    }
}
