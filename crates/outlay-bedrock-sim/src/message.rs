use serde_json::Value;

use crate::content_block::ContentBlock;
use crate::family::Family;
use crate::tokens::{ReportedTokens, Tokens};

/// An assistant turn, rendered in the format of the requested operation and model family.
///
/// Created with [`Reply::message`](crate::Reply::message). The methods that control delivery, such as `delay` and `fault`,
/// return a [`Reply`](crate::Reply) and are therefore called last.
#[derive(Clone, Debug, Default)]
pub struct Message {
    pub(crate) content: Vec<ContentBlock>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) usage: ReportedTokens,
    pub(crate) invocation_metrics: ReportedTokens,
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

    /// Adds a tool call.
    #[must_use]
    pub fn tool_use(mut self, id: impl Into<String>, name: impl Into<String>, input: Value) -> Self {
        self.content.push(ContentBlock::ToolUse { id: id.into(), name: name.into(), input });
        self
    }

    /// Sets the stop reason, as a value of Converse.
    ///
    /// Defaults to `tool_use` if the turn calls a tool and to `end_turn` otherwise.
    #[must_use]
    pub fn stop_reason(mut self, reason: impl Into<String>) -> Self {
        self.stop_reason = Some(reason.into());
        self
    }

    /// Sets the token usage. Defaults to ten input tokens and one output token for every four characters.
    #[must_use]
    pub fn usage(mut self, tokens: Tokens) -> Self {
        self.usage = ReportedTokens::Given(tokens);
        self
    }

    /// Omits the usage everywhere, although the service model requires it.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        self.usage = ReportedTokens::Omitted;
        self
    }

    /// Sets the counts in the `amazon-bedrock-invocationMetrics` at the end of an InvokeModel stream.
    ///
    /// Defaults to the usage.
    #[must_use]
    pub fn invocation_metrics(mut self, tokens: Tokens) -> Self {
        self.invocation_metrics = ReportedTokens::Given(tokens);
        self
    }

    /// Omits the `amazon-bedrock-invocationMetrics`.
    #[must_use]
    pub fn without_invocation_metrics(mut self) -> Self {
        self.invocation_metrics = ReportedTokens::Omitted;
        self
    }

    /// Sets the latency that the reply reports, in milliseconds. The reply is not delayed by it. Defaults to 100.
    #[must_use]
    pub fn latency_ms(mut self, latency: u64) -> Self {
        self.latency_ms = Some(latency);
        self
    }

    /// Sets the service tier that the reply reports. Omitted by default.
    #[must_use]
    pub fn service_tier(mut self, tier: impl Into<String>) -> Self {
        self.service_tier = Some(tier.into());
        self
    }

    /// Sets the latency mode that the reply reports, `standard` or `optimized`. Omitted by default.
    #[must_use]
    pub fn latency_mode(mut self, mode: impl Into<String>) -> Self {
        self.latency_mode = Some(mode.into());
        self
    }

    /// Sets the `trace` of guardrails and prompt routers. InvokeModel returns it as `amazon-bedrock-trace`.
    #[must_use]
    pub fn trace(mut self, trace: Value) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Sets the `additionalModelResponseFields` of Converse.
    #[must_use]
    pub fn additional_fields(mut self, fields: Value) -> Self {
        self.additional_fields = Some(fields);
        self
    }

    /// Sets the number of characters in each delta of a stream. Defaults to 20.
    #[must_use]
    pub fn deltas(mut self, characters: usize) -> Self {
        self.deltas = Some(characters);
        self
    }

    /// Sets the family whose native body InvokeModel returns. Defaults to the family of the model id.
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

    /// Returns the reported or default usage, or `None` if the usage is omitted.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        let characters: usize = self
            .content
            .iter()
            .map(|block| match block {
                ContentBlock::Text(text) | ContentBlock::Reasoning(text) => text.chars().count(),
                ContentBlock::ToolUse { name, input, .. } => name.chars().count() + input.to_string().chars().count(),
            })
            .sum();
        self.usage.resolve(Some(Tokens::new(10, (characters as u64).div_ceil(4))))
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

    /// Returns the id, name and input of each tool call.
    pub(crate) fn tool_uses(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.content.iter().filter_map(|block| match block {
            ContentBlock::ToolUse { id, name, input } => Some((id.as_str(), name.as_str(), input)),
            _ => None,
        })
    }

    /// Splits `text` into the deltas of a stream.
    pub(crate) fn pieces(&self, text: &str) -> Vec<String> {
        let length = self.deltas.unwrap_or(20).max(1);
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(length).map(|piece| piece.iter().collect()).collect()
    }
}
