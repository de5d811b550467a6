use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::rendered::Ending;
use crate::reply::Timing;
use crate::socket::ResetSwitch;

/// Enough for what is already written to reach the client before the reset does.
const BEFORE_RESET: Duration = Duration::from_millis(20);

/// The body of a reply, sent as its script says.
#[derive(Debug)]
pub(crate) struct ScriptedBody {
    pieces: VecDeque<Bytes>,
    ending: Ending,
    reset: ResetSwitch,
    pause: Pause,
    between: Pause,
    waiting: Option<Pin<Box<Sleep>>>,
    /// What a whole body waits for before it ends.
    last: Option<oneshot::Receiver<()>>,
    delivered: Option<Pin<Box<Sleep>>>,
}

/// What happens before a piece is sent.
#[derive(Clone, Copy, Debug)]
enum Pause {
    None,
    /// What was sent before is flushed.
    Flush,
    For(Duration),
}

/// The connection is to be reset: why a body or a service ends with an error.
#[derive(Debug, thiserror::Error)]
#[error("the script resets the connection")]
pub(crate) struct Aborted;

impl ScriptedBody {
    pub(crate) fn new(
        frames: Vec<Bytes>,
        ending: Ending,
        timing: Timing,
        split: Option<usize>,
        reset: ResetSwitch,
    ) -> Self {
        let between = match timing.between_frames {
            Duration::ZERO if split.is_some() => Pause::Flush,
            Duration::ZERO => Pause::None,
            pause => Pause::For(pause),
        };
        let first = match timing.before_body {
            Duration::ZERO => Pause::None,
            pause => Pause::For(pause),
        };
        Self {
            pieces: split_up(frames, split),
            ending,
            reset,
            pause: first,
            between,
            waiting: None,
            last: None,
            delivered: None,
        }
    }

    pub(crate) fn whole(frames: Vec<Bytes>) -> Self {
        Self::new(frames, Ending::Complete, Timing::default(), None, ResetSwitch::default())
    }

    /// The body ends no earlier than this.
    pub(crate) fn end_after(&mut self, last: oneshot::Receiver<()>) {
        self.last = Some(last);
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.pause, Pause::None) {
            Pause::None => {}
            Pause::Flush => {
                // The server flushes whenever its body has nothing ready.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pause::For(duration) => self.waiting = Some(Box::pin(sleep(duration))),
        }
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
        }
        Poll::Ready(())
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        ready!(self.poll_pause(cx));
        if let Some(piece) = self.pieces.pop_front() {
            self.pause = if self.pieces.is_empty() { Pause::None } else { self.between };
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match self.ending {
            Ending::Complete => {
                if let Some(last) = &mut self.last {
                    // An error is a sender that has gone: there is nothing to wait for.
                    let _ = ready!(Pin::new(last).poll(cx));
                    self.last = None;
                }
                Poll::Ready(None)
            }
            // The connection wakes up when the client leaves.
            Ending::Stall | Ending::Silence => Poll::Pending,
            Ending::Reset | Ending::ResetBeforeHead => {
                let delivered = self.delivered.get_or_insert_with(|| Box::pin(sleep(BEFORE_RESET)));
                ready!(delivered.as_mut().poll(cx));
                self.reset.pull();
                Poll::Ready(Some(Err(Aborted)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.last.is_none() && self.ending == Ending::Complete
    }
}

/// Pieces are cut from the body as a whole, so that one may hold the end of a frame and the start
/// of the next.
fn split_up(frames: Vec<Bytes>, split: Option<usize>) -> VecDeque<Bytes> {
    // An empty piece would end a chunked body.
    let Some(length) = split else {
        return frames.into_iter().filter(|frame| !frame.is_empty()).collect();
    };
    let mut whole: Bytes = frames.iter().flatten().copied().collect::<BytesMut>().freeze();
    let mut pieces = VecDeque::with_capacity(whole.len().div_ceil(length));
    while !whole.is_empty() {
        pieces.push_back(whole.split_to(length.min(whole.len())));
    }
    pieces
}
