//! Reads the usage in a model's own InvokeModel body or stream chunk. The families' formats do not overlap, so one
//! reader handles all of them, and an unknown model is read by its format. [`members`](super::members) has the
//! meaning of the members of a `usage`.

use std::borrow::Cow;

use serde::Deserialize;

use super::choices::Choices;
use super::guardrail_usage::{GuardrailReport, GuardrailTrace};
use super::lenient::{self, Count, List, Object, Present, Size, Text};
use super::members::{BilledUnits, Member, Members};
use crate::units::ReportedUnits;

/// What a body or a chunk contains besides its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct NativeAnswer {
    /// The usage of the whole answer.
    usage: Members,
    /// The usage of each requested answer.
    choice_usages: Choices,
    /// What a stream reported before its model ran: Anthropic's `message_start`.
    pub(crate) at_start: Members,
    /// `amazon-bedrock-invocationMetrics`, which Bedrock adds to the last chunk.
    pub(crate) metrics: Members,
    pub(crate) stop_reason: Option<String>,
    /// The error that ends an Anthropic stream.
    pub(crate) error: Option<String>,
    /// Whether the model has stopped.
    pub(crate) stopped: bool,
    /// Which of the requested answers have ended, one bit for each.
    pub(crate) ended_choices: u64,
    /// The units that the answer reports in addition to tokens.
    pub(crate) reported: ReportedUnits,
    /// The tier of OpenAI models.
    pub(crate) served_tier: Option<&'static str>,
    /// The id of the answer.
    pub(crate) id: Option<String>,
    /// The model that answered, by its name in the answer.
    pub(crate) named_model: Option<String>,
    /// Whether it contains vectors, for which no output tokens are billed.
    pub(crate) is_embedding: bool,
    pub(crate) guardrail: Option<GuardrailReport>,
    /// Whether a guardrail replaced the model's text.
    pub(crate) guardrail_intervened: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    r#type: Text,
    id: Text,
    usage: Object<Members>,
    model: Text,
    /// The tier of OpenAI models.
    service_tier: Text,
    /// Anthropic's error event.
    error: Object<ErrorEvent>,
    /// Anthropic's `message_start`.
    message: Object<Message>,
    /// Anthropic's `message_delta`.
    delta: Object<Delta>,
    /// The last event of OpenAI's Responses, and of Cohere's streams.
    response: Object<Box<Body>>,
    /// OpenAI's Responses. In an event, it is the status of a part.
    status: Text,
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
    /// Mistral.
    outputs: List<Choice>,
    /// Cohere.
    finish_reason: Text,
    /// TwelveLabs.
    #[serde(rename = "finishReason")]
    finish_reason_camel: Text,
    /// Images of Amazon's and Stability's models; artifacts of Stable Diffusion XL.
    images: Size,
    artifacts: Size,
    /// Vectors.
    embedding: Present,
    embeddings: Present,
    #[serde(rename = "embeddingsByType")]
    embeddings_by_type: Present,
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
struct ErrorEvent {
    r#type: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CohereMeta {
    billed_units: Object<BilledUnits>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Trace {
    guardrail: Object<GuardrailTrace>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    id: Text,
    usage: Object<Members>,
    model: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    stop_reason: Text,
    /// Cohere's.
    finish_reason: Text,
    usage: Object<Members>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    usage: Object<Members>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NovaStop {
    stop_reason: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    index: Count,
    finish_reason: Text,
    stop_reason: Text,
    /// Kimi's.
    usage: Object<Members>,
}

impl Choice {
    fn reason(&self) -> Option<&str> {
        self.finish_reason.word().or(self.stop_reason.word())
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TitanResult {
    token_count: Count,
    completion_reason: Text,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct InvocationMetrics {
    input_token_count: Count,
    output_token_count: Count,
    cache_read_input_token_count: Count,
    cache_write_input_token_count: Count,
}

/// Reads a body or a chunk. Parts that cannot be read are missing.
pub(crate) fn read_native(json: &[u8]) -> NativeAnswer {
    lenient::read::<Body>(json).into_answer()
}

impl NativeAnswer {
    /// Returns the usage of the whole answer, including its choices.
    pub(crate) fn usage(&self) -> Cow<'_, Members> {
        self.choice_usages.with(&self.usage)
    }

    /// Returns whether there are counts for the input and the output.
    pub(crate) fn is_whole(&self) -> bool {
        self.usage().is_whole_with(&self.at_start)
    }

    /// Takes in a later chunk. Each part comes from the last chunk that has it.
    pub(crate) fn merge(&mut self, later: Self) {
        self.usage.merge(&later.usage);
        self.choice_usages.merge(later.choice_usages);
        self.at_start.merge(&later.at_start);
        self.metrics.merge(&later.metrics);
        self.stopped |= later.stopped;
        self.ended_choices |= later.ended_choices;
        self.error = self.error.take().or(later.error);
        self.stop_reason = later.stop_reason.or(self.stop_reason.take());
        self.reported = self.reported.or(later.reported);
        self.served_tier = later.served_tier.or(self.served_tier);
        self.id = self.id.take().or(later.id);
        self.named_model = later.named_model.or(self.named_model.take());
        self.is_embedding |= later.is_embedding;
        GuardrailReport::merge(&mut self.guardrail, later.guardrail);
        self.guardrail_intervened |= later.guardrail_intervened;
    }
}

impl Body {
    fn into_answer(self) -> NativeAnswer {
        let mut usage = self.usage_of_all();
        usage.searches =
            usage.searches.or(self.meta.0.as_ref().and_then(|meta| meta.billed_units.0.as_ref()?.searches));
        let mut answer = NativeAnswer {
            choice_usages: self.choice_usages(),
            metrics: self.metrics.0.as_ref().map(|metrics| metrics.members()).unwrap_or_default(),
            at_start: self.at_start(),
            error: self.error(),
            stop_reason: self.stop_reason_of_all().map(str::to_owned),
            stopped: self.message_stop.0.is_some()
                || self.r#type.0.as_deref() == Some("message_stop")
                || self.stop_reason_of_one().is_some(),
            ended_choices: self
                .choices()
                .filter(|choice| choice.reason().is_some())
                .fold(0, |ended, choice| ended | 1 << choice.index.0.unwrap_or(0).min(63)),
            reported: ReportedUnits { images: self.images.0.or(self.artifacts.0), searches: usage.searches },
            served_tier: self.service_tier.tier(),
            id: self.id(),
            named_model: self.model.0.or_else(|| self.message.0?.model.0),
            is_embedding: self.embedding.0 || self.embeddings.0 || self.embeddings_by_type.0,
            guardrail: self.trace.0.and_then(|trace| trace.guardrail.0).and_then(GuardrailTrace::into_report),
            guardrail_intervened: self.guardrail_action.0.as_deref() == Some("INTERVENED"),
            usage,
        };
        if let Some(response) = self.response.0 {
            answer.merge(response.into_answer());
        }
        answer
    }

    fn error(&self) -> Option<String> {
        let is_error = self.r#type.0.as_deref() == Some("error");
        let name = || self.error.0.as_ref().and_then(|error| error.r#type.word()).unwrap_or("stream_error");
        is_error.then(|| name().to_owned())
    }

    /// Returns the id of the answer. A longer one than any provider gives is left out.
    fn id(&self) -> Option<String> {
        let id = self.id.word().or_else(|| self.message.0.as_ref()?.id.word())?;
        (id.len() <= MAX_ID).then(|| id.to_owned())
    }

    fn choices(&self) -> impl Iterator<Item = &Choice> {
        self.choices.0.iter().chain(&self.outputs.0)
    }

    fn stop_reason_of_all(&self) -> Option<&str> {
        self.stop_reason_of_one().or_else(|| self.choices().find_map(Choice::reason))
    }

    /// Returns the stop reason of the only answer. An empty one ends nothing.
    fn stop_reason_of_one(&self) -> Option<&str> {
        let delta = self.delta.0.as_ref();
        [
            &self.stop_reason,
            &self.stop_reason_camel,
            &self.completion_reason,
            &self.finish_reason,
            &self.finish_reason_camel,
        ]
        .into_iter()
        .chain(delta.into_iter().flat_map(|delta| [&delta.stop_reason, &delta.finish_reason]))
        .chain(self.message_stop.0.as_ref().map(|stop| &stop.stop_reason))
        .chain(self.results.0.iter().map(|result| &result.completion_reason))
        .find_map(Text::word)
        .or_else(|| self.status.word().filter(|status| self.r#type.0.is_none() && FINAL_STATUS.contains(status)))
    }

    /// Returns the counts of a `message_start`. Its output only counts what was written by then, so it is left out.
    fn at_start(&self) -> Members {
        let usage = self.message.0.as_ref().and_then(|message| message.usage.0.clone()).unwrap_or_default();
        usage.with(Member::Output, None).with(Member::Reasoning, None)
    }

    /// Returns the combined counts of all places that can have them.
    fn usage_of_all(&self) -> Members {
        let titan_results = self.results.0.iter().filter_map(|r| r.token_count.0).reduce(u64::saturating_add);
        let mut all =
            Members::default().with(Member::Input, self.prompt_token_count.0.or(self.input_text_token_count.0)).with(
                Member::Output,
                self.generation_token_count.0.or(self.total_output_text_token_count.0).or(titan_results),
            );
        if let Some(billed) = self.meta.0.as_ref().and_then(|meta| meta.billed_units.0.as_ref()) {
            all.record_billed_units(billed);
        }
        let nova = self.metadata.0.as_ref().and_then(|metadata| metadata.usage.0.as_ref());
        let cohere = self.delta.0.as_ref().and_then(|delta| delta.usage.0.as_ref());
        for usage in nova.into_iter().chain(cohere).chain(&self.usage.0) {
            all.merge_place(usage);
        }
        all
    }

    fn choice_usages(&self) -> Choices {
        let choices = self
            .choices()
            .zip(0..)
            .filter_map(|(choice, position)| Some((choice.index.0.unwrap_or(position), choice.usage.0.clone()?)));
        Choices(choices.collect())
    }
}

/// The maximum number of bytes in the id of an answer.
const MAX_ID: usize = 128;

/// The final statuses of OpenAI's Responses.
const FINAL_STATUS: [&str; 4] = ["completed", "incomplete", "failed", "cancelled"];

impl InvocationMetrics {
    fn members(&self) -> Members {
        Members::default()
            .with(Member::Input, self.input_token_count.0)
            .with(Member::Output, self.output_token_count.0)
            .with(Member::CacheRead, self.cache_read_input_token_count.0)
            .with(Member::CacheWrite, self.cache_write_input_token_count.0)
    }
}

#[cfg(test)]
mod native_usage_tests;
