use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use crate::error_kind::ErrorKind;
use crate::frame;
use crate::render::{Ending, Rendered};

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
    /// Whether it makes sense only in an event stream.
    pub(crate) fn needs_frames(self) -> bool {
        matches!(self, Self::CorruptFrame(_) | Self::CorruptPrelude(_) | Self::ExceptionAt(..) | Self::ErrorFrameAt(_))
    }

    /// [`NoMetadata`](Self::NoMetadata) is the renderer's; every other fault works on the finished
    /// frames.
    pub(crate) fn apply(self, rendered: &mut Rendered) {
        let frames = &mut rendered.frames;
        match self {
            Self::NoMetadata => {}
            Self::TruncateAfterFrames(n) => frames.truncate(n),
            Self::TruncateInFrame(n, bytes) => {
                frames.truncate(n.saturating_add(1));
                if let Some(frame) = frames.get_mut(n) {
                    frame.truncate(bytes);
                }
            }
            Self::CorruptFrame(n) => flip(frames, n, |length| length.checked_sub(1)),
            // The prelude is two lengths of four bytes and then its checksum.
            Self::CorruptPrelude(n) => flip(frames, n, |length| (length > 8).then_some(8)),
            Self::ExceptionAt(n, kind) => {
                frames.truncate(n);
                frames.push(frame::exception(kind));
            }
            Self::ErrorFrameAt(n) => {
                frames.truncate(n);
                frames.push(frame::unmodelled_error());
            }
            Self::ResetAt(n) => {
                frames.truncate(n);
                rendered.ending = Ending::Reset;
            }
            Self::StallAt(n) => {
                frames.truncate(n);
                rendered.ending = Ending::Stall;
            }
        }
    }
}

fn flip(frames: &mut [Bytes], n: usize, place: impl Fn(usize) -> Option<usize>) {
    let Some(frame) = frames.get_mut(n) else {
        return;
    };
    let Some(place) = place(frame.len()) else {
        return;
    };
    let mut bytes = BytesMut::from(&frame[..]);
    bytes[place] ^= 0xff;
    *frame = bytes.freeze();
}
