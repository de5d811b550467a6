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
use crate::socket::ResetFlag;

/// The delay before a reset, in which data that is already written can reach the client.
const RESET_DELAY: Duration = Duration::from_millis(20);

/// The body of a reply, sent with the delays and the ending that its script sets.
#[derive(Debug)]
pub(crate) struct ScriptedBody {
    pieces: VecDeque<Bytes>,
    ending: Ending,
    reset: ResetFlag,
    /// The pause before the next piece.
    pause: Pause,
    /// The pause between two pieces.
    between: Pause,
    pause_timer: Option<Pin<Box<Sleep>>>,
    /// What a complete body waits for before it ends.
    end_signal: Option<oneshot::Receiver<()>>,
    reset_timer: Option<Pin<Box<Sleep>>>,
}

/// A pause before a piece is sent.
#[derive(Clone, Copy, Debug)]
enum Pause {
    None,
    /// The previous piece is flushed.
    Flush,
    Wait(Duration),
}

/// An error that ends a body or a service in order to reset the connection.
#[derive(Debug, thiserror::Error)]
#[error("the script resets the connection")]
pub(crate) struct Aborted;

impl ScriptedBody {
    pub(crate) fn new(
        frames: Vec<Bytes>,
        ending: Ending,
        timing: Timing,
        split: Option<usize>,
        reset: ResetFlag,
    ) -> Self {
        let between = match timing.between_frames {
            Duration::ZERO if split.is_some() => Pause::Flush,
            Duration::ZERO => Pause::None,
            pause => Pause::Wait(pause),
        };
        let first = match timing.before_body {
            Duration::ZERO => Pause::None,
            pause => Pause::Wait(pause),
        };
        Self {
            pieces: into_pieces(frames, split),
            ending,
            reset,
            pause: first,
            between,
            pause_timer: None,
            end_signal: None,
            reset_timer: None,
        }
    }

    /// Creates a body that is sent completely and at once.
    pub(crate) fn whole(frames: Vec<Bytes>) -> Self {
        Self::new(frames, Ending::Complete, Timing::default(), None, ResetFlag::default())
    }

    /// Delays the end of a complete body until the signal is sent or its sender is dropped.
    pub(crate) fn wait_before_end(&mut self, signal: oneshot::Receiver<()>) {
        self.end_signal = Some(signal);
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.pause, Pause::None) {
            Pause::None => {}
            Pause::Flush => {
                // hyper flushes when the body is pending.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pause::Wait(duration) => self.pause_timer = Some(Box::pin(sleep(duration))),
        }
        if let Some(timer) = &mut self.pause_timer {
            ready!(timer.as_mut().poll(cx));
            self.pause_timer = None;
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
                if let Some(signal) = &mut self.end_signal {
                    // An error means that the sender was dropped, so there is nothing left to wait for.
                    let _ = ready!(Pin::new(signal).poll(cx));
                    self.end_signal = None;
                }
                Poll::Ready(None)
            }
            // hyper wakes the connection when the client disconnects.
            Ending::Stall | Ending::Silence => Poll::Pending,
            Ending::Reset | Ending::ResetBeforeHead => {
                let timer = self.reset_timer.get_or_insert_with(|| Box::pin(sleep(RESET_DELAY)));
                ready!(timer.as_mut().poll(cx));
                self.reset.request();
                Poll::Ready(Some(Err(Aborted)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.end_signal.is_none() && self.ending == Ending::Complete
    }
}

/// Splits the body into pieces of `split` bytes, or into its frames.
///
/// A piece may contain the end of one frame and the start of the next.
fn into_pieces(frames: Vec<Bytes>, split: Option<usize>) -> VecDeque<Bytes> {
    // Empty frames are dropped, because an empty piece would end a chunked body.
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
