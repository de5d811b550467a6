use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body::{Body, Frame, SizeHint};
use outlay_ledger::Received;
use outlay_otel::RemoteWork;
use pin_project_lite::pin_project;

use super::headers::RECEIPT;

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

    /// Counts a receipt; `None` where there is nothing more to wait for.
    pub(super) fn receive(mut self, receipt: &str) -> Option<Self> {
        let work = self.work.as_ref()?;
        match work.receive(receipt) {
            Ok(Received::Pending) => {
                receipt.clone_into(&mut self.so_far);
                return Some(self);
            }
            Ok(_) => {}
            // What it is worth is not known: the work counts as lost.
            Err(error) => tracing::warn!(target: "outlay", origin = self.origin, "a receipt is not counted: {error}"),
        }
        drop(self.work.take());
        None
    }
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
        let receipt = trailers.and_then(|trailers| trailers.get(RECEIPT)).and_then(|value| value.to_str().ok());
        if let Some(receipt) = receipt {
            *this.waiting = this.waiting.take().and_then(|waiting| waiting.receive(receipt));
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
