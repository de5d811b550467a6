use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use outlay_ledger::Outcome;
use pin_project_lite::pin_project;

use super::header_carriers::RECEIPT;
use crate::Task;

pin_project! {
    /// The body of a response, which is made in the request's task where it is made as it is read. The task ends with it.
    pub struct ScopedBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProject]
    enum Kind<B> {
        Handlers {
            #[pin]
            inner: B,
            // Dropped before its end, its task is abandoned.
            finish: Option<Finish>,
            // What is left of a stated length.
            left: Option<u64>,
            is_over: bool,
        },
        Untouched {
            #[pin]
            inner: B,
        },
        Text { text: Option<Bytes> },
    }
}

/// How the task ends with the body.
pub(super) struct Finish {
    pub(super) task: Task,
    pub(super) outcome: Outcome,
    pub(super) sends_trailer: bool,
}

impl Finish {
    /// Ends the task; what goes into the trailers of that.
    fn end(self) -> Option<HeaderValue> {
        self.task.end(self.outcome);
        let receipt = self.task.receipt();
        // One that is not final has been said in the header.
        (self.sends_trailer && receipt.is_final()).then(|| HeaderValue::try_from(receipt.to_string()).ok()).flatten()
    }
}

impl<B> ScopedBody<B> {
    pub(super) const fn untouched(inner: B) -> Self {
        Self { kind: Kind::Untouched { inner } }
    }

    pub(super) const fn plain(inner: B) -> Self {
        Self { kind: Kind::Handlers { inner, finish: None, left: None, is_over: false } }
    }

    pub(super) const fn scoped(inner: B, finish: Finish, length: Option<u64>) -> Self {
        Self { kind: Kind::Handlers { inner, finish: Some(finish), left: length, is_over: false } }
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
        let (inner, finish, left, is_over) = match self.project().kind.project() {
            KindProject::Text { text } => {
                return Poll::Ready(text.take().map(|text| Ok(Frame::data(B::Data::from(text)))));
            }
            KindProject::Untouched { inner } => return inner.poll_frame(cx),
            KindProject::Handlers { inner, finish, left, is_over } => (inner, finish, left, is_over),
        };
        // After its end the handler's body is not asked again, as nobody would without the trailer.
        if *is_over {
            return Poll::Ready(None);
        }
        let frame = {
            let _entered = finish.as_ref().map(|finish| finish.task.enter());
            ready!(inner.poll_frame(cx))
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(mut trailers) => {
                    // Receipts from further on are for this process alone.
                    trailers.remove(RECEIPT);
                    let receipt = finish.take().and_then(Finish::end);
                    trailers.extend(receipt.map(|receipt| (RECEIPT, receipt)));
                    Some(Ok(Frame::trailers(trailers)))
                }
                Err(frame) => {
                    let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                    *left = left.map(|left| left.saturating_sub(length));
                    if *left == Some(0) {
                        let _ = finish.take().and_then(Finish::end);
                    }
                    Some(Ok(frame))
                }
            },
            None => {
                *is_over = true;
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
            // The task has yet to end, and a trailer to come.
            Kind::Handlers { inner, finish, is_over, .. } => *is_over || (finish.is_none() && inner.is_end_stream()),
            Kind::Untouched { inner } => inner.is_end_stream(),
            Kind::Text { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Handlers { inner, .. } | Kind::Untouched { inner } => inner.size_hint(),
            Kind::Text { text } => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
        }
    }
}

impl<B> fmt::Debug for ScopedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedBody").finish_non_exhaustive()
    }
}
