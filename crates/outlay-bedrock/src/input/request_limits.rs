use super::cache_request::{CacheRequest, asks_compaction};
use crate::prompt;
use crate::usage::{Parameters, read_request};

/// What bounds the cost of a request, besides its size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) max_tokens: Option<u64>,
    pub(crate) answers: Option<u64>,
    pub(crate) cache: CacheRequest,
    /// Whether it asks to compact the conversation before the answer, which takes another inference.
    pub(crate) compacts: bool,
}

impl Limits {
    /// Reads the limits in a model's own body.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        Self::new(&read_request(body), body)
    }

    pub(super) fn new(&Parameters { max_tokens, answers, .. }: &Parameters, body: &[u8]) -> Self {
        Self { max_tokens, answers, cache: CacheRequest::of_body(body), compacts: asks_compaction(body) }
    }

    /// Returns how many answers are asked for.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.unwrap_or(1).max(1)
    }

    /// Returns how many times the model may write up to its maximum.
    pub(crate) fn inferences(&self) -> u64 {
        self.answers().saturating_add(self.compacts.into())
    }

    /// Returns the size of everything that the model reads: a compaction reads the prompt once more.
    pub(crate) fn total_size(&self, size: prompt::Size) -> prompt::Size {
        if self.compacts { size.and(size) } else { size }
    }
}
