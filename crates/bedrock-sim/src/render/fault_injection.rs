//! Breaks the rendered body of a reply.

use bytes::{Bytes, BytesMut};

use crate::fault::Fault;
use crate::frame;
use crate::rendered::{Ending, Rendered};

/// [`NoMetadata`](Fault::NoMetadata) is the renderer's; every other fault works on the finished
/// frames.
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
        // The prelude is two lengths of four bytes and then its checksum.
        Fault::CorruptPrelude(n) => flip(frames, n, |length| (length > 8).then_some(8)),
        Fault::ExceptionAt(n, kind) => {
            frames.truncate(n);
            frames.push(frame::exception(kind));
        }
        Fault::ErrorFrameAt(n) => {
            frames.truncate(n);
            frames.push(frame::unmodelled_error());
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
