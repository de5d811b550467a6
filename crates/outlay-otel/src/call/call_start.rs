use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::{CacheUse, GuardrailUse, Units};

use super::operation::Operation;
use crate::prompt_tokens::PromptTokens;

/// What is known about a call before it is sent.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "filled in by the crate that makes the call")]
pub struct CallStart {
    /// What the call does.
    pub operation: Operation,
    /// The model id in the request. For an operation without a model, the name for the span.
    pub model: Arc<str>,
    /// The region that is called.
    pub region: Option<Arc<str>>,
    /// The requested service tier, as written on the wire.
    pub tier: Option<Arc<str>>,
    /// The requested latency mode, as written on the wire.
    pub latency: Option<Arc<str>>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The size of the input, in tokens.
    pub prompt: PromptTokens,
    /// The maximum number of output tokens of each answer, if the request sets one.
    pub max_tokens: Option<u64>,
    /// How often the model may write up to the maximum: once for each answer, and once for a compaction before it.
    pub inferences: u64,
    /// The sampling temperature.
    pub temperature: Option<f64>,
    /// The probability mass of nucleus sampling.
    pub top_p: Option<f64>,
    /// The guardrail that is applied.
    pub guardrail: Option<Arc<str>>,
    /// When the call started.
    pub started: SystemTime,
    /// How the request may use the cache.
    pub cache: CacheUse,
    /// The maximum of billed images, seconds and queries; `None` if unknown.
    pub max_units: Option<Units>,
    /// Whether tokens are billed, and not only units.
    pub bills_tokens: bool,
    /// The maximum use of the guardrail.
    pub max_guardrail: GuardrailUse,
    /// The model that was requested at first, if a budget refused it and the call was downgraded.
    pub degraded_from: Option<Arc<str>>,
}

impl CallStart {
    /// Returns whether the call can have output tokens.
    pub(super) const fn writes_tokens(&self) -> bool {
        match self.operation {
            Operation::Chat => true,
            Operation::GenerateContent => self.bills_tokens,
            _ => false,
        }
    }
}
