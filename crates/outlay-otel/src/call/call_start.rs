use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::{CacheUse, GuardrailUse, Units};

use super::operation::Operation;
use crate::prompt_tokens::PromptTokens;

/// What is known of a call before it is sent.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "whoever makes the call fills it in")]
pub struct CallStart {
    /// What the call does.
    pub operation: Operation,
    /// The model, as the application asks for it; without a model, what the span is named after.
    pub model: Arc<str>,
    /// The region that is called.
    pub region: Option<Arc<str>>,
    /// The service tier that is asked for, by its word on the wire.
    pub tier: Option<Arc<str>>,
    /// The latency mode that is asked for, by its word on the wire.
    pub latency: Option<Arc<str>>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// How many tokens its input has.
    pub prompt: PromptTokens,
    /// The most output tokens that the call allows itself, in each answer.
    pub max_tokens: Option<u64>,
    /// How often the model may write up to its maximum: once for each answer, and once for a compaction before it.
    pub inferences: u64,
    /// The sampling temperature.
    pub temperature: Option<f64>,
    /// The nucleus of sampling.
    pub top_p: Option<f64>,
    /// The guardrail that is applied.
    pub guardrail: Option<Arc<str>>,
    /// When the call started.
    pub started: SystemTime,
    /// What the request may do with the cache.
    pub cache: CacheUse,
    /// The most images, seconds and queries that it is billed for; `None` where nobody can say.
    pub most_units: Option<Units>,
    /// Whether tokens are billed, and not units alone.
    pub bills_tokens: bool,
    /// The most that its guardrail can use.
    pub most_guardrail: GuardrailUse,
    /// The model that was asked for first, where a budget refused that and the call was degraded.
    pub degraded_from: Option<Arc<str>>,
}

impl CallStart {
    /// Whether it can have output tokens.
    pub(super) const fn writes_tokens(&self) -> bool {
        match self.operation {
            Operation::Chat => true,
            Operation::GenerateContent => self.bills_tokens,
            _ => false,
        }
    }
}
