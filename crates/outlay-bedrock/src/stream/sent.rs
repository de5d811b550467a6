//! Reads along what the application sends in a speech session.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_smithy_types::body::{Error, SdkBody};
use http_body::{Body, Frame, SizeHint};

use super::frames::{FrameReader, whole_frame};
use super::watch::Decoder;
use crate::usage::Bytes;

/// What has been sent of a session, as far as it has been read along.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent(Arc<Mutex<Bytes>>);

impl Sent {
    pub(crate) fn so_far(&self) -> Bytes {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bytes: Bytes) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sent = sent.and(bytes);
    }
}

/// `body`, whose events are told to `sent` as they go.
pub(crate) fn tell_sent(body: SdkBody, sent: &Sent) -> SdkBody {
    let (frames, decoder) = (FrameReader::default(), Decoder::default());
    SdkBody::from_body_1_x(Tell { body, sent: sent.clone(), frames, decoder })
}

struct Tell {
    body: SdkBody,
    sent: Sent,
    frames: FrameReader,
    decoder: Decoder,
}

impl Tell {
    fn read(&mut self, bytes: &[u8]) {
        let Self { sent, frames, decoder, .. } = self;
        frames.push(bytes, |frame| {
            // A signed event is a frame in a frame.
            let inner = whole_frame(frame.payload);
            let payload = inner.map_or(frame.payload, |inner| inner.payload);
            if let Some(json) = decoder.decode(payload) {
                sent.add(Bytes::of_event(json));
            }
        });
    }
}

impl Body for Tell {
    type Data = bytes::Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref()
        {
            this.read(bytes);
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
