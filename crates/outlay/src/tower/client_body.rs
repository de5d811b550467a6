use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use outlay_ledger::Received;
use outlay_otel::{ReceiveError, RemoteWork};
use pin_project_lite::pin_project;

use super::header_carriers::RECEIPT;

pin_project! {
    /// The body of a response, at whose end the receipt may come.
    pub struct ReceivingBody<B> {
        #[pin]
        inner: B,
        waiting: Option<Waiting>,
    }
}

impl<B> ReceivingBody<B> {
    pub(super) const fn new(inner: B, waiting: Option<Waiting>) -> Self {
        Self { inner, waiting }
    }
}

/// Waits for the receipt. Dropped, it leaves the work waiting, with the place where the receipt can be asked for.
pub(super) struct Waiting {
    work: Option<RemoteWork>,
    origin: String,
    /// The receipt so far.
    so_far: String,
}

impl Waiting {
    pub(super) const fn new(work: RemoteWork, origin: String) -> Self {
        Self { work: Some(work), origin, so_far: String::new() }
    }

    /// Counts the receipt among these that is of this work. Those of others may have come through with it.
    pub(super) fn receive<'a>(mut self, receipts: impl IntoIterator<Item = &'a HeaderValue>) -> Heard {
        for receipt in receipts.into_iter().filter_map(|value| value.to_str().ok()) {
            let Some(work) = &self.work else { break };
            match work.receive(receipt) {
                Ok(Received::Pending) => {
                    receipt.clone_into(&mut self.so_far);
                    return Heard::SoFar(self);
                }
                Ok(_) => {
                    drop(self.work.take());
                    return Heard::All;
                }
                Err(ReceiveError::Unknown(_)) => {}
                Err(error) => {
                    tracing::warn!(target: "outlay", origin = self.origin, "a receipt is not counted: {error}");
                }
            }
        }
        Heard::Nothing(self)
    }

    /// What the work cost is not known.
    pub(super) fn give_up(mut self) {
        drop(self.work.take());
    }
}

/// What a response has said of what the work cost.
pub(super) enum Heard {
    All,
    /// That it will.
    SoFar(Waiting),
    Nothing(Waiting),
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            work.wait_for(&self.origin, &self.so_far);
        }
    }
}

impl<B: Body> Body for ReceivingBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        let trailers = match &frame {
            Some(Ok(frame)) => frame.trailers_ref(),
            _ => None,
        };
        if let Some(trailers) = trailers
            && let Some(waiting) = this.waiting.take()
        {
            *this.waiting = match waiting.receive(trailers.get_all(RECEIPT)) {
                Heard::All => None,
                Heard::SoFar(waiting) | Heard::Nothing(waiting) => Some(waiting),
            };
        }
        if !matches!(frame, Some(Ok(_))) {
            drop(this.waiting.take());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Default> Default for ReceivingBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B> fmt::Debug for ReceivingBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivingBody").finish_non_exhaustive()
    }
}
