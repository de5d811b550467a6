use serde::Deserialize;

use crate::error_kind::ErrorKind;

/// How the body of a reply breaks.
///
/// Frames count from 0; a place past the last frame is the end of the body. A body that is not a
/// stream is one frame, which can be cut, reset or stalled but has no checksums and no place for an
/// exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// No usage at the end: no `metadata` event, no `amazon-bedrock-invocationMetrics`.
    NoMetadata,
    /// The body ends, as if it were whole, after so many frames.
    TruncateAfterFrames(usize),
    /// The body ends, as if it were whole, so many bytes into this frame.
    TruncateInFrame(usize, usize),
    /// This frame's message checksum is wrong.
    CorruptFrame(usize),
    /// This frame's prelude checksum is wrong.
    CorruptPrelude(usize),
    /// An exception in place of this frame, and nothing after it.
    ExceptionAt(usize, ErrorKind),
    /// A `:message-type: error` in place of this frame, and nothing after it.
    ErrorFrameAt(usize),
    /// The connection is reset after so many frames. A client that has fallen behind by then may
    /// lose the last of them, as it would elsewhere.
    ResetAt(usize),
    /// After so many frames no byte follows, though the connection stays open.
    StallAt(usize),
}

impl Fault {
    /// Returns whether the fault makes sense only in an event stream.
    pub(crate) fn needs_frames(self) -> bool {
        matches!(self, Self::CorruptFrame(_) | Self::CorruptPrelude(_) | Self::ExceptionAt(..) | Self::ErrorFrameAt(_))
    }
}
