use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_smithy_types::body::{Error, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use outlay_otel::DroppedStream;

use super::drain_dropped;
use super::read_events::EventReader;
use crate::call::Call;
use crate::stream_result::Ended;

/// Wraps `body`, so that its events are read for `call`.
pub(super) fn tap(body: SdkBody, call: Arc<Call>) -> SdkBody {
    SdkBody::from_body_1_x(Tap { body, reader: Some(EventReader::new(call)) })
}

/// A body that passes on every frame unchanged: data, trailers, errors, its end and its size hint.
struct Tap {
    body: SdkBody,
    /// `None` once it has been passed to a drain.
    reader: Option<EventReader>,
}

impl Body for Tap {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let (Poll::Ready(frame), Some(reader)) = (&polled, &mut this.reader) {
            reader.read_frame(frame.as_ref());
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

impl Drop for Tap {
    fn drop(&mut self) {
        let Some(mut reader) = self.reader.take() else { return };
        let may_drain = !reader.is_final() && reader.call().dropped_stream() == DroppedStream::Drain;
        if may_drain {
            let body = std::mem::replace(&mut self.body, SdkBody::taken());
            drain_dropped::start(body, reader);
        } else {
            // A body may be dropped after its last frame, before its end is polled.
            reader.report_end(if self.body.is_end_stream() { Ended::Whole } else { Ended::Dropped });
        }
    }
}
