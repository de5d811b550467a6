use std::time::SystemTime;

use crate::usage::{ConverseAnswer, Counts, GuardrailTold, Passed, SpeechUsage};

/// What was seen of a streamed answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The `metadata` event of ConverseStream.
    pub(crate) converse: Option<ConverseAnswer>,
    /// The model's own counts, from the chunks of an InvokeModel stream.
    pub(crate) native: Counts,
    /// `amazon-bedrock-invocationMetrics`, from the last chunk of one.
    pub(crate) metrics: Counts,
    /// What a speech session has used, as of its last usage event, and what has passed since.
    pub(crate) speech: Option<SpeechUsage>,
    pub(crate) uncounted: Passed,
    pub(crate) guardrail: Option<GuardrailTold>,
    pub(crate) guardrail_intervened: bool,
    pub(crate) stop_reason: Option<String>,
    /// The model has said all it will.
    pub(crate) stopped: bool,
    /// Bytes of output that have come, as they stand in JSON.
    pub(crate) text_bytes: u64,
    /// Frames that have come, error frames not counted.
    pub(crate) events: u64,
    /// The error that ended the stream, by its short name.
    pub(crate) error: Option<String>,
    pub(crate) first_chunk: Option<SystemTime>,
    pub(crate) ended: Ended,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The application dropped it.
    #[default]
    Dropped,
    /// The body came to its end.
    Whole,
    /// The connection broke.
    Broken,
    /// What came is no event stream.
    Corrupt,
}

impl Seen {
    /// Whether the final counts have come.
    pub(crate) fn is_counted(&self) -> bool {
        self.converse.as_ref().is_some_and(|c| !c.counts.is_empty())
            || !self.metrics.is_empty()
            || (self.stopped && !self.native.is_empty())
    }

    /// Whether Bedrock refused the call in the stream's first frame, as it would have with an HTTP status.
    pub(crate) fn was_refused(&self) -> bool {
        const REFUSALS: [&str; 5] = [
            "throttlingException",
            "validationException",
            "serviceUnavailableException",
            "accessDeniedException",
            "resourceNotFoundException",
        ];
        self.events == 0 && self.error.as_deref().is_some_and(|error| REFUSALS.contains(&error))
    }
}
