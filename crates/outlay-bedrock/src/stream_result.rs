use std::time::SystemTime;

use crate::usage::{ConverseAnswer, NativeAnswer, SpeechUsage, Traffic};

/// What was read of a streamed answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamResult {
    /// The `metadata` events of ConverseStream.
    pub(crate) converse: Option<ConverseAnswer>,
    /// The chunks of an InvokeModel stream.
    pub(crate) native: NativeAnswer,
    /// What a speech session has used as of its last usage event. `uncounted` is the traffic since.
    pub(crate) speech: Option<SpeechUsage>,
    pub(crate) uncounted: Traffic,
    pub(crate) stop_reason: Option<String>,
    /// Whether the model has stopped.
    pub(crate) stopped: bool,
    /// Bytes of output so far, as encoded in JSON.
    pub(crate) text_bytes: u64,
    /// Whether output came after the final counts.
    pub(crate) has_uncounted_text: bool,
    /// Frames so far, without error frames.
    pub(crate) events: u64,
    /// The short name of the error that ended the stream.
    pub(crate) error: Option<String>,
    /// Whether Bedrock sent an error in place of the first frame.
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
    /// The body ended normally.
    Whole,
    /// The connection broke.
    Broken,
    /// The bytes are not an event stream.
    Corrupt,
}

impl StreamResult {
    /// Returns whether the final counts have come. Counts before the model has stopped may be running ones.
    pub(crate) fn is_counted(&self) -> bool {
        match self.stopped {
            true => self.has_bedrock_counts() || self.native.is_whole(),
            false => self.ended == Ended::Whole && self.has_bedrock_counts(),
        }
    }

    /// Returns whether Bedrock's own counts have come. They are final unless they come again.
    pub(crate) fn has_bedrock_counts(&self) -> bool {
        self.converse.as_ref().is_some_and(|answer| answer.usage.is_whole()) || self.native.metrics.is_whole()
    }

    /// Returns whether Bedrock answered with an error in the stream's first frame. The same error as an HTTP status
    /// costs nothing.
    pub(crate) const fn was_refused(&self) -> bool {
        self.refused
    }
}
