//! Injects faults into rendered replies.

use bytes::{Bytes, BytesMut};

use crate::fault::Fault;
use crate::frame;
use crate::rendered::{Ending, Rendered};

/// Injects a fault into the rendered frames.
///
/// [`Fault::NoMetadata`] is not handled here, because the frames are rendered without the metadata.
pub(super) fn inject(fault: Fault, rendered: &mut Rendered) {
    let frames = &mut rendered.frames;
    match fault {
        Fault::NoMetadata => {}
        Fault::TruncateAfterFrames(n) => frames.truncate(n),
        Fault::TruncateInFrame(n, bytes) => {
            frames.truncate(n.saturating_add(1));
            if let Some(frame) = frames.get_mut(n) {
                frame.truncate(bytes);
            }
        }
        Fault::CorruptFrame(n) => flip(frames, n, |length| length.checked_sub(1)),
        // The prelude consists of two lengths of four bytes each, followed by their checksum.
        Fault::CorruptPrelude(n) => flip(frames, n, |length| (length > 8).then_some(8)),
        Fault::ExceptionAt(n, kind) => {
            frames.truncate(n);
            frames.push(frame::exception(kind));
        }
        Fault::ErrorFrameAt(n) => {
            frames.truncate(n);
            frames.push(frame::unmodeled_error());
        }
        Fault::ResetAt(n) => {
            frames.truncate(n);
            rendered.ending = Ending::Reset;
        }
        Fault::StallAt(n) => {
            frames.truncate(n);
            rendered.ending = Ending::Stall;
        }
    }
}

/// Flips one byte of the frame with index `n`, at the offset that `offset` returns for the length of the frame.
fn flip(frames: &mut [Bytes], n: usize, offset: impl Fn(usize) -> Option<usize>) {
    let Some(frame) = frames.get_mut(n) else {
        return;
    };
    let Some(offset) = offset(frame.len()) else {
        return;
    };
    let mut bytes = BytesMut::from(&frame[..]);
    bytes[offset] ^= 0xff;
    *frame = bytes.freeze();
}
