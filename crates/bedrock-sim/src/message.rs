use serde_json::Value;

use crate::content_block::ContentBlock;
use crate::family::Family;
use crate::tokens::{Stated, Tokens};

/// An assistant turn, rendered as the request's operation and model family ask for it.
///
/// Begins with [`Reply::message`](crate::Reply::message). The methods that say how the reply is delivered (`delay`,
/// `fault`, ...) turn it into a [`Reply`](crate::Reply), so they come last.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub(crate) content: Vec<ContentBlock>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) usage: Stated,
    pub(crate) invocation_metrics: Stated,
    pub(crate) latency_ms: Option<u64>,
    pub(crate) service_tier: Option<String>,
    pub(crate) latency_mode: Option<String>,
    pub(crate) trace: Option<Value>,
    pub(crate) additional_fields: Option<Value>,
    pub(crate) deltas: Option<usize>,
    pub(crate) family: Option<Family>,
}

impl Message {
    /// Adds a text block.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.content.push(ContentBlock::Text(text.into()));
        self
    }

    /// Adds a reasoning block.
    #[must_use]
    pub fn reasoning(mut self, text: impl Into<String>) -> Self {
        self.content.push(ContentBlock::Reasoning(text.into()));
        self
    }

    /// Adds a call of a tool.
    #[must_use]
    pub fn tool_use(mut self, id: impl Into<String>, name: impl Into<String>, input: Value) -> Self {
        self.content.push(ContentBlock::ToolUse { id: id.into(), name: name.into(), input });
        self
    }

    /// Why the model stopped, in the words of Converse. Defaults to `tool_use` where the turn calls
    /// a tool, else `end_turn`.
    #[must_use]
    pub fn stop_reason(mut self, reason: impl Into<String>) -> Self {
        self.stop_reason = Some(reason.into());
        self
    }

    /// What the turn used. Defaults to ten tokens in and one token out for every four characters.
    #[must_use]
    pub fn usage(mut self, tokens: Tokens) -> Self {
        self.usage = Stated::As(tokens);
        self
    }

    /// States no usage anywhere, though the service model requires it.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        self.usage = Stated::Not;
        self
    }

    /// What `amazon-bedrock-invocationMetrics` says at the end of an InvokeModel stream. Defaults
    /// to the usage.
    #[must_use]
    pub fn invocation_metrics(mut self, tokens: Tokens) -> Self {
        self.invocation_metrics = Stated::As(tokens);
        self
    }

    /// Leaves `amazon-bedrock-invocationMetrics` out.
    #[must_use]
    pub fn without_invocation_metrics(mut self) -> Self {
        self.invocation_metrics = Stated::Not;
        self
    }

    /// The latency that the reply claims, in milliseconds. Nothing waits for it. Defaults to 100.
    #[must_use]
    pub fn latency_ms(mut self, latency: u64) -> Self {
        self.latency_ms = Some(latency);
        self
    }

    /// The service tier that served the turn. Defaults to none stated.
    #[must_use]
    pub fn service_tier(mut self, tier: impl Into<String>) -> Self {
        self.service_tier = Some(tier.into());
        self
    }

    /// The latency mode that served the turn, `standard` or `optimized`. Defaults to none stated.
    #[must_use]
    pub fn latency_mode(mut self, mode: impl Into<String>) -> Self {
        self.latency_mode = Some(mode.into());
        self
    }

    /// The `trace` of guardrails and prompt routers. InvokeModel carries it as
    /// `amazon-bedrock-trace`.
    #[must_use]
    pub fn trace(mut self, trace: Value) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The `additionalModelResponseFields` of Converse.
    #[must_use]
    pub fn additional_fields(mut self, fields: Value) -> Self {
        self.additional_fields = Some(fields);
        self
    }

    /// Characters in each delta of a stream. Defaults to 20.
    #[must_use]
    pub fn deltas(mut self, characters: usize) -> Self {
        self.deltas = Some(characters);
        self
    }

    /// The family whose native body InvokeModel gives. Defaults to what the model id says.
    #[must_use]
    pub fn family(mut self, family: Family) -> Self {
        self.family = Some(family);
        self
    }

    pub(crate) fn family_or_default(&self, model_id: &str) -> Family {
        self.family.unwrap_or_else(|| Family::of_model(model_id))
    }

    pub(crate) fn stop_reason_or_default(&self) -> &str {
        match &self.stop_reason {
            Some(reason) => reason,
            None if self.tool_uses().next().is_some() => "tool_use",
            None => "end_turn",
        }
    }

    pub(crate) fn latency_or_default(&self) -> u64 {
        self.latency_ms.unwrap_or(100)
    }

    pub(crate) fn tokens(&self) -> Option<Tokens> {
        let characters: usize = self
            .content
            .iter()
            .map(|block| match block {
                ContentBlock::Text(text) | ContentBlock::Reasoning(text) => text.chars().count(),
                ContentBlock::ToolUse { name, input, .. } => name.chars().count() + input.to_string().chars().count(),
            })
            .sum();
        self.usage.or(Some(Tokens::new(10, (characters as u64).div_ceil(4))))
    }

    pub(crate) fn all_text(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| match block {
                ContentBlock::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn all_reasoning(&self) -> String {
        self.content
            .iter()
            .filter_map(|block| match block {
                ContentBlock::Reasoning(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Id, name and input of each call of a tool.
    pub(crate) fn tool_uses(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.content.iter().filter_map(|block| match block {
            ContentBlock::ToolUse { id, name, input } => Some((id.as_str(), name.as_str(), input)),
            _ => None,
        })
    }

    /// `text` in the pieces that a stream sends it in.
    pub(crate) fn pieces(&self, text: &str) -> Vec<String> {
        let length = self.deltas.unwrap_or(20).max(1);
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(length).map(|piece| piece.iter().collect()).collect()
    }
}
