//! Reads a dropped stream to its end in the background, to get the exact figure.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use http_body::Body;
use tokio::runtime::Handle;

use super::read_events::EventReader;
use crate::stream_result::Ended;

/// The maximum duration of a drain.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// The maximum number of concurrent drains in a process. Each holds a connection.
const MAX_DRAINS: usize = 64;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Continues to read a stream that the application dropped. Without a tokio runtime, or with too many drains running,
/// the call settles at its bound instead.
pub(super) fn start(body: SdkBody, mut reader: EventReader) {
    let (Ok(runtime), Some(slot)) = (Handle::try_current(), Slot::take()) else {
        reader.report_end(Ended::Dropped);
        return;
    };
    // Created before it is spawned: a runtime that shuts down drops it without polling it.
    let mut drain = Drain { body, reader, _slot: slot };
    runtime.spawn(async move {
        // On a timeout the drain is dropped, and its drop reports what it has read.
        let _ = tokio::time::timeout(TIME_LIMIT, drain.run()).await;
    });
}

struct Drain {
    body: SdkBody,
    reader: EventReader,
    _slot: Slot,
}

impl Drain {
    async fn run(&mut self) {
        while !self.reader.is_final() {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
            self.reader.read_frame(frame.as_ref());
        }
        self.reader.report_end(Ended::Dropped);
    }
}

impl Drop for Drain {
    /// Also runs if the runtime shuts down before the drain is done.
    fn drop(&mut self) {
        self.reader.report_end(Ended::Dropped);
    }
}

struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        let more = |running: usize| (running < MAX_DRAINS).then_some(running + 1);
        RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}
