use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use outlay_ledger::Outcome;
use pin_project_lite::pin_project;

use super::RECEIPT;
use crate::Task;

pin_project! {
    /// A response body that is polled in the request's task. The task ends with it.
    pub struct ScopedBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProject]
    enum Kind<B> {
        Metered {
            #[pin]
            inner: B,
            // If the body is dropped before its end, the task is abandoned.
            finish: Option<Finish>,
            // The rest of the content length, if there is one.
            remaining: Option<u64>,
            is_finished: bool,
        },
        PassThrough {
            #[pin]
            inner: B,
        },
        Text { text: Option<Bytes> },
    }
}

/// Ends the task with the body.
pub(super) struct Finish {
    pub(super) task: Task,
    pub(super) outcome: Outcome,
    pub(super) sends_trailer: bool,
}

impl Finish {
    /// Ends the task. Returns the final receipt if it goes into a trailer.
    fn end(self) -> Option<HeaderValue> {
        self.task.end(self.task.failure_or_else(|| self.outcome));
        let receipt = self.task.receipt();
        // A receipt that is not final adds nothing to the one in the header.
        (self.sends_trailer && receipt.is_final()).then(|| HeaderValue::try_from(receipt.to_string()).ok()).flatten()
    }
}

impl<B> ScopedBody<B> {
    /// Returns a body that the layer does not change.
    pub(super) const fn pass_through(inner: B) -> Self {
        Self { kind: Kind::PassThrough { inner } }
    }

    /// Returns a body with no open task. Receipts of this process's own remote work are removed from its trailers.
    pub(super) const fn without_task(inner: B) -> Self {
        Self { kind: Kind::Metered { inner, finish: None, remaining: None, is_finished: false } }
    }

    /// Returns a body that is polled in a task and ends it.
    pub(super) const fn in_task(inner: B, finish: Finish, length: Option<u64>) -> Self {
        Self { kind: Kind::Metered { inner, finish: Some(finish), remaining: length, is_finished: false } }
    }

    pub(super) fn text(text: String) -> Self {
        Self { kind: Kind::Text { text: Some(text.into()).filter(|text: &Bytes| !text.is_empty()) } }
    }
}

impl<B: Body> Body for ScopedBody<B>
where
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let (inner, finish, remaining, is_finished) = match self.project().kind.project() {
            KindProject::Text { text } => {
                return Poll::Ready(text.take().map(|text| Ok(Frame::data(B::Data::from(text)))));
            }
            KindProject::PassThrough { inner } => return inner.poll_frame(cx),
            KindProject::Metered { inner, finish, remaining, is_finished } => (inner, finish, remaining, is_finished),
        };
        // After our trailer the client polls once more, but the inner body has already ended.
        if *is_finished {
            return Poll::Ready(None);
        }
        let frame = {
            let _entered = finish.as_ref().map(|finish| finish.task.enter());
            ready!(inner.poll_frame(cx))
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(mut trailers) => {
                    // Receipts of this process's own remote work are for it alone.
                    trailers.remove(RECEIPT);
                    let receipt = finish.take().and_then(Finish::end);
                    trailers.extend(receipt.map(|receipt| (RECEIPT, receipt)));
                    Some(Ok(Frame::trailers(trailers)))
                }
                Err(frame) => {
                    let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                    *remaining = remaining.map(|remaining| remaining.saturating_sub(length));
                    if *remaining == Some(0) {
                        let _ = finish.take().and_then(Finish::end);
                    }
                    Some(Ok(frame))
                }
            },
            None => {
                *is_finished = true;
                let receipt = finish.take().and_then(Finish::end);
                receipt.map(|receipt| Ok(Frame::trailers(HeaderMap::from_iter([(RECEIPT, receipt)]))))
            }
            Some(Err(error)) => {
                if let Some(finish) = finish.take() {
                    finish.task.end(Outcome::failure());
                }
                Some(Err(error))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            // As long as `finish` is set, the task has not ended, and a trailer may come.
            Kind::Metered { inner, finish, is_finished, .. } => {
                *is_finished || (finish.is_none() && inner.is_end_stream())
            }
            Kind::PassThrough { inner } => inner.is_end_stream(),
            Kind::Text { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Metered { inner, .. } | Kind::PassThrough { inner } => inner.size_hint(),
            Kind::Text { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
        }
    }
}

impl<B> fmt::Debug for ScopedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedBody").finish_non_exhaustive()
    }
}
