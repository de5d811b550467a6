//! Counts what the application sends in a speech session.

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_types::body::{Error, SdkBody};
use http_body::{Body, Frame, SizeHint};

use super::chunk_decoder::ChunkDecoder;
use super::frames::{FrameReader, whole_frame};
use crate::sent_events::SentEvents;
use crate::usage::EventBytes;

/// Wraps a body, so that its events are counted in `sent_events` as they pass.
pub(crate) fn count_sent(body: SdkBody, sent_events: &SentEvents) -> SdkBody {
    let (frames, decoder) = (FrameReader::default(), ChunkDecoder::default());
    SdkBody::from_body_1_x(CountSent { body, sent_events: sent_events.clone(), frames, decoder })
}

struct CountSent {
    body: SdkBody,
    sent_events: SentEvents,
    frames: FrameReader,
    decoder: ChunkDecoder,
}

impl CountSent {
    fn read(&mut self, bytes: &[u8]) {
        let Self { sent_events, frames, decoder, .. } = self;
        frames.push(bytes, |frame| {
            // A signed event is a frame inside a frame.
            let inner = whole_frame(frame.payload);
            let payload = inner.map_or(frame.payload, |inner| inner.payload);
            if let Some(json) = decoder.decode(payload) {
                sent_events.add(EventBytes::of_event(json));
            }
        });
    }
}

impl Body for CountSent {
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
