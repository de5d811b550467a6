use serde::Deserialize;

use crate::error_kind::ErrorKind;

/// A fault in the body of a reply.
///
/// Frames are counted from 0. An index past the last frame means the end of the body. A body that is not a stream counts
/// as one frame. Such a body can be truncated, reset or stalled, but it has no checksums and cannot contain an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The `metadata` event or the `amazon-bedrock-invocationMetrics` at the end of the stream is missing.
    NoMetadata,
    /// The body ends normally after this many frames.
    TruncateAfterFrames(usize),
    /// The body ends normally in the frame with this index, after this many bytes of it.
    TruncateInFrame(usize, usize),
    /// The message checksum of the frame with this index is wrong.
    CorruptFrame(usize),
    /// The prelude checksum of the frame with this index is wrong.
    CorruptPrelude(usize),
    /// An exception replaces the frame with this index and ends the body.
    ExceptionAt(usize, ErrorKind),
    /// A message of `:message-type` `error` replaces the frame with this index and ends the body.
    ErrorFrameAt(usize),
    /// The connection is reset after this many frames. A client that reads slowly may lose the last of them.
    ResetAt(usize),
    /// The body stalls after this many frames while the connection stays open.
    StallAt(usize),
}

impl Fault {
    /// Returns whether the fault makes sense only in an event stream.
    pub(crate) fn needs_frames(self) -> bool {
        matches!(self, Self::CorruptFrame(_) | Self::CorruptPrelude(_) | Self::ExceptionAt(..) | Self::ErrorFrameAt(_))
    }
}
