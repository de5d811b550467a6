//! The usage that a model's own InvokeModel body or stream chunk carries. The families' shapes do not overlap, so one
//! reader takes them all, and a model that this version has not heard of is read by the shape it has.

use serde::Deserialize;

use super::counts::Counts;
use super::guardrail::{GuardrailTold, GuardrailTrace};
use super::lenient::{Count, List, Object, Size, Text};
use crate::units::Made;

/// What a body or a chunk says beside its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct NativeAnswer {
    pub(crate) counts: Counts,
    /// `amazon-bedrock-invocationMetrics`, which Bedrock adds to the last chunk.
    pub(crate) metrics: Counts,
    pub(crate) stop_reason: Option<String>,
    /// The model has said all it will.
    pub(crate) stopped: bool,
    /// What the answer says that it is billed for beside tokens.
    pub(crate) made: Made,
    pub(crate) guardrail: Option<GuardrailTold>,
    /// Whether a guardrail put its own words in the place of the model's.
    pub(crate) guardrail_intervened: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    r#type: Text,
    usage: Object<NativeUsage>,
    /// Anthropic's `message_start`.
    message: Object<Message>,
    /// Anthropic's `message_delta`.
    delta: Object<Delta>,
    stop_reason: Text,
    #[serde(rename = "stopReason")]
    stop_reason_camel: Text,
    /// Llama, DeepSeek R1.
    prompt_token_count: Count,
    generation_token_count: Count,
    /// Titan.
    #[serde(rename = "inputTextTokenCount")]
    input_text_token_count: Count,
    #[serde(rename = "totalOutputTextTokenCount")]
    total_output_text_token_count: Count,
    /// Titan's stream.
    #[serde(rename = "completionReason")]
    completion_reason: Text,
    results: List<TitanResult>,
    /// Nova's stream.
    metadata: Object<Metadata>,
    #[serde(rename = "messageStop")]
    message_stop: Object<NovaStop>,
    choices: List<Choice>,
    /// Images, of Amazon's and Stability's models, and of Stable Diffusion XL.
    images: Size,
    artifacts: Size,
    /// Cohere.
    meta: Object<CohereMeta>,
    #[serde(rename = "amazon-bedrock-trace")]
    trace: Object<Trace>,
    #[serde(rename = "amazon-bedrock-guardrailAction")]
    guardrail_action: Text,
    #[serde(rename = "amazon-bedrock-invocationMetrics")]
    metrics: Object<InvocationMetrics>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CohereMeta {
    billed_units: Object<BilledUnits>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BilledUnits {
    input_tokens: Count,
    output_tokens: Count,
    search_units: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Trace {
    guardrail: Object<GuardrailTrace>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    usage: Object<NativeUsage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    stop_reason: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    usage: Object<NativeUsage>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NovaStop {
    stop_reason: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    finish_reason: Text,
    stop_reason: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TitanResult {
    token_count: Count,
    completion_reason: Text,
}

/// The `usage` of every family that has one: Anthropic's, Nova's (camel case) and OpenAI's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NativeUsage {
    input_tokens: Count,
    output_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation: Object<CacheCreation>,
    output_tokens_details: Object<OutputDetails>,

    #[serde(rename = "inputTokens")]
    nova_input: Count,
    #[serde(rename = "outputTokens")]
    nova_output: Count,
    #[serde(rename = "cacheReadInputTokenCount")]
    nova_cache_read: Count,
    #[serde(rename = "cacheWriteInputTokenCount")]
    nova_cache_write: Count,
    #[serde(rename = "cacheReadInputTokens")]
    nova_cache_read_short: Count,
    #[serde(rename = "cacheWriteInputTokens")]
    nova_cache_write_short: Count,

    prompt_tokens: Count,
    completion_tokens: Count,
    prompt_tokens_details: Object<PromptDetails>,
    completion_tokens_details: Object<OutputDetails>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
    thinking_tokens: Count,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct InvocationMetrics {
    input_token_count: Count,
    output_token_count: Count,
    cache_read_input_token_count: Count,
    cache_write_input_token_count: Count,
}

/// Reads a body or a chunk; what cannot be read is missing.
pub(crate) fn read_native(json: &[u8]) -> NativeAnswer {
    let body: Body = serde_json::from_slice(json).unwrap_or_default();
    body.into_answer()
}

impl Body {
    fn into_answer(self) -> NativeAnswer {
        let cohere = self.meta.0.as_ref().and_then(|meta| meta.billed_units.0.as_ref());
        let made = Made {
            images: self.images.0.or(self.artifacts.0),
            searches: cohere.and_then(|units| units.search_units.0),
        };
        let mut counts = self.token_counts();
        if let Some(usage) = self.message.0.and_then(|m| m.usage.0) {
            // The output of a `message_start` is what had been written by then, not what will be.
            counts.update(&Counts { output: None, ..usage.counts() });
        }
        for usage in [self.metadata.0.and_then(|m| m.usage.0), self.usage.0].into_iter().flatten() {
            counts.update(&usage.counts());
        }
        let result_reason = self.results.0.into_iter().find_map(|r| r.completion_reason.0);
        let choice_reason = self.choices.0.into_iter().find_map(|c| c.finish_reason.0.or(c.stop_reason.0));
        let nova_stopped = self.message_stop.0.is_some();
        let stop_reason = self
            .stop_reason
            .0
            .or(self.stop_reason_camel.0)
            .or(self.completion_reason.0)
            .or_else(|| self.delta.0.and_then(|d| d.stop_reason.0))
            .or_else(|| self.message_stop.0.and_then(|s| s.stop_reason.0))
            .or(result_reason)
            .or(choice_reason);
        NativeAnswer {
            counts,
            metrics: self.metrics.0.map(|m| m.counts()).unwrap_or_default(),
            stopped: nova_stopped || stop_reason.is_some() || self.r#type.0.as_deref() == Some("message_stop"),
            stop_reason,
            made,
            guardrail: self.trace.0.and_then(|trace| trace.guardrail.0).and_then(GuardrailTrace::told),
            guardrail_intervened: self.guardrail_action.0.as_deref() == Some("INTERVENED"),
        }
    }

    /// Counts that stand beside the content, not in a `usage`.
    fn token_counts(&self) -> Counts {
        let titan_results = self.results.0.iter().filter_map(|r| r.token_count.0).reduce(u64::saturating_add);
        let cohere = self.meta.0.as_ref().and_then(|meta| meta.billed_units.0.as_ref());
        let cohere = |count: fn(&BilledUnits) -> Count| cohere.and_then(|units| count(units).0);
        let output = self.generation_token_count.0.or(self.total_output_text_token_count.0).or(titan_results);
        Counts {
            input: self
                .prompt_token_count
                .0
                .or(self.input_text_token_count.0)
                .or_else(|| cohere(|units| units.input_tokens)),
            output: output.or_else(|| cohere(|units| units.output_tokens)),
            ..Counts::default()
        }
    }
}

impl NativeUsage {
    fn counts(&self) -> Counts {
        let prompt = self.prompt_tokens_details.0.as_ref();
        let openai_read = prompt.and_then(|d| d.cached_tokens.0);
        let openai_write = prompt.and_then(|d| d.cache_write_tokens.0);
        // OpenAI's prompt count includes what the cache served or stored.
        let openai_input = self
            .prompt_tokens
            .0
            .map(|all| all.saturating_sub(openai_read.unwrap_or(0)).saturating_sub(openai_write.unwrap_or(0)));
        let by_ttl = self.cache_creation.0.as_ref();
        let details = self.output_tokens_details.0.as_ref().or(self.completion_tokens_details.0.as_ref());
        Counts {
            input: self.input_tokens.0.or(self.nova_input.0).or(openai_input),
            output: self.output_tokens.0.or(self.nova_output.0).or(self.completion_tokens.0),
            cache_read: self
                .cache_read_input_tokens
                .0
                .or(self.nova_cache_read.0)
                .or(self.nova_cache_read_short.0)
                .or(openai_read),
            cache_write: self
                .cache_creation_input_tokens
                .0
                .or(self.nova_cache_write.0)
                .or(self.nova_cache_write_short.0)
                .or(openai_write),
            cache_write_5m: by_ttl.and_then(|c| c.ephemeral_5m_input_tokens.0),
            cache_write_30m: None,
            cache_write_1h: by_ttl.and_then(|c| c.ephemeral_1h_input_tokens.0),
            reasoning: details.and_then(|d| d.reasoning_tokens.0.or(d.thinking_tokens.0)),
        }
    }
}

impl InvocationMetrics {
    fn counts(&self) -> Counts {
        Counts {
            input: self.input_token_count.0,
            output: self.output_token_count.0,
            cache_read: self.cache_read_input_token_count.0,
            cache_write: self.cache_write_input_token_count.0,
            ..Counts::default()
        }
    }
}

#[cfg(test)]
mod tests;
