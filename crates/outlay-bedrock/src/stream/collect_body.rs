//! Collects the body of an answer that is not a stream, in case an interceptor takes it from the SDK.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_smithy_types::body::{Error, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::call::Call;

/// Wraps `body`, so that `call` gets its bytes when it ends. Chunks are shared, not copied.
pub(super) fn collect(body: SdkBody, call: Arc<Call>) -> SdkBody {
    let attempt = call.attempts();
    SdkBody::from_body_1_x(Collect { body, call: Some(call), attempt, chunks: Vec::new() })
}

struct Collect {
    body: SdkBody,
    /// `None` once the end has been reported.
    call: Option<Arc<Call>>,
    attempt: usize,
    chunks: Vec<Bytes>,
}

impl Collect {
    fn end(&mut self, whole: bool) {
        let Some(call) = self.call.take() else { return };
        let chunks = std::mem::take(&mut self.chunks);
        call.body_ended(self.attempt, whole.then_some(chunks));
    }
}

impl Body for Collect {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => this.chunks.extend(frame.data_ref().cloned()),
            Poll::Ready(Some(Err(_))) => this.end(false),
            Poll::Ready(None) => this.end(true),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

impl Drop for Collect {
    fn drop(&mut self) {
        // A body may be dropped after its last frame, before its end is polled.
        let whole = self.body.is_end_stream();
        self.end(whole);
    }
}
