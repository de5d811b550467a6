use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use aws_smithy_types::body::{Error, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use outlay_otel::{DroppedStream, Engine};

use super::drain;
use super::seen::Ended;
use super::watch::Watch;
use crate::call::Call;

/// `body`, read along for `call`.
pub(super) fn tap(body: SdkBody, call: Arc<Call>, engine: Engine) -> SdkBody {
    SdkBody::from_body_1_x(Tap { body, watch: Some(Watch::new(call)), engine })
}

/// A body that hands on every frame as it is: data, trailers, errors, its end and what it says of its size.
struct Tap {
    body: SdkBody,
    /// `None` once it has been given to a drain.
    watch: Option<Watch>,
    engine: Engine,
}

impl Body for Tap {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let (Poll::Ready(frame), Some(watch)) = (&polled, &mut this.watch) {
            observe(watch, frame.as_ref(), || this.engine.now());
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
        let Some(mut watch) = self.watch.take() else { return };
        let may_drain = !watch.is_final() && watch.call().dropped_stream() == DroppedStream::Drain;
        if may_drain {
            let body = std::mem::replace(&mut self.body, SdkBody::taken());
            drain::start(body, watch, self.engine.clone());
        } else {
            // A body that was read to its last frame may be dropped without its end being polled.
            watch.ended(if self.body.is_end_stream() { Ended::Whole } else { Ended::Dropped });
        }
    }
}

/// What the next frame of the body says.
pub(super) fn observe(
    watch: &mut Watch,
    frame: Option<&Result<Frame<Bytes>, Error>>,
    now: impl FnOnce() -> SystemTime,
) {
    match frame {
        Some(Ok(frame)) => {
            if let Some(bytes) = frame.data_ref() {
                watch.bytes(bytes, now);
            }
        }
        Some(Err(_)) => watch.ended(Ended::Broken),
        None => watch.ended(Ended::Whole),
    }
}
