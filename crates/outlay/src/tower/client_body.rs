use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use outlay_ledger::Received;
use outlay_otel::RemoteWork;
use pin_project_lite::pin_project;

use super::RECEIPT;

pin_project! {
    /// A response body that may end with the receipt.
    pub struct ReceivingBody<B> {
        #[pin]
        inner: B,
        receiver: Option<ReceiptReceiver>,
    }
}

impl<B> ReceivingBody<B> {
    pub(super) const fn new(inner: B, receiver: Option<ReceiptReceiver>) -> Self {
        Self { inner, receiver }
    }
}

/// Waits for the receipt of one request. If it is dropped before the final receipt has come, the work keeps waiting, and
/// the receipt can be asked for at its origin.
pub(super) struct ReceiptReceiver {
    work: Option<RemoteWork>,
    origin: String,
    /// The text of the pending receipt; empty if none has come.
    pending: String,
}

impl ReceiptReceiver {
    pub(super) const fn new(work: RemoteWork, origin: String) -> Self {
        Self { work: Some(work), origin, pending: String::new() }
    }

    /// Counts the receipt of this work. Receipts of other work may have come with it.
    pub(super) fn receive<'a>(mut self, receipts: impl IntoIterator<Item = &'a HeaderValue>) -> ReceiptState {
        let receipts = receipts.into_iter().filter_map(|value| value.to_str().ok());
        let received = self.work.as_ref().and_then(|work| work.receive_any(&self.origin, receipts));
        match received {
            Some((Received::Pending, receipt)) => {
                receipt.clone_into(&mut self.pending);
                ReceiptState::Pending(self)
            }
            Some(_) => {
                drop(self.work.take());
                ReceiptState::Complete
            }
            None => ReceiptState::Missing(self),
        }
    }

    /// Stops waiting: the receipt counts as lost.
    pub(super) fn give_up(mut self) {
        drop(self.work.take());
    }
}

/// Whether the receipt of a request has come.
pub(super) enum ReceiptState {
    Complete,
    /// A receipt has come that is not final.
    Pending(ReceiptReceiver),
    Missing(ReceiptReceiver),
}

impl Drop for ReceiptReceiver {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            work.wait_for(&self.origin, &self.pending);
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
            && let Some(receiver) = this.receiver.take()
        {
            *this.receiver = match receiver.receive(trailers.get_all(RECEIPT)) {
                ReceiptState::Complete => None,
                ReceiptState::Pending(receiver) | ReceiptState::Missing(receiver) => Some(receiver),
            };
        }
        if !matches!(frame, Some(Ok(_))) {
            drop(this.receiver.take());
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
