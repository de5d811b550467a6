use std::time::SystemTime;

use crate::usage::{ConverseAnswer, NativeAnswer, Passed, SpeechUsage};

/// What was seen of a streamed answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamResult {
    /// The `metadata` events of ConverseStream.
    pub(crate) converse: Option<ConverseAnswer>,
    /// The chunks of an InvokeModel stream.
    pub(crate) native: NativeAnswer,
    /// What a speech session has used, as of its last usage event, and what has passed since.
    pub(crate) speech: Option<SpeechUsage>,
    pub(crate) uncounted: Passed,
    pub(crate) stop_reason: Option<String>,
    /// The model has said all it will.
    pub(crate) stopped: bool,
    /// Bytes of output that have come, as they stand in JSON.
    pub(crate) text_bytes: u64,
    /// Whether output came after the final counts.
    pub(crate) has_uncounted_text: bool,
    /// Frames that have come, error frames not counted.
    pub(crate) events: u64,
    /// The error that ended the stream, by its short name.
    pub(crate) error: Option<String>,
    /// Whether Bedrock sent an error in the place of the first frame.
    pub(crate) refused: bool,
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

impl StreamResult {
    /// Whether the final counts have come. Counts that come before the model has stopped may be running ones.
    pub(crate) fn is_counted(&self) -> bool {
        match self.stopped {
            true => self.is_told() || self.native.is_whole(),
            false => self.ended == Ended::Whole && self.is_told(),
        }
    }

    /// Whether counts have come that are final unless they come once more.
    pub(crate) fn is_told(&self) -> bool {
        self.converse.as_ref().is_some_and(|answer| answer.usage.is_whole()) || self.native.metrics.is_whole()
    }

    /// Whether Bedrock answered with an error in the stream's first frame. By its HTTP status the same error costs nothing.
    pub(crate) const fn was_refused(&self) -> bool {
        self.refused
    }
}
