//! Reads a dropped stream to its end in the background, for the exact figure.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_smithy_types::body::SdkBody;
use http_body::Body;
use outlay_otel::Engine;
use tokio::runtime::Handle;

use super::seen::Ended;
use super::tap::observe;
use super::watch::Watch;

/// A drain takes at most this long.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// At most so many drains run at once in a process; each holds a connection.
const MAX_DRAINS: usize = 64;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Reads on where the application has stopped. Without a tokio runtime, or with too many drains under way, the call
/// settles at its bound instead.
pub(super) fn start(body: SdkBody, mut watch: Watch, engine: Engine) {
    let (Ok(runtime), Some(slot)) = (Handle::try_current(), Slot::take()) else {
        watch.ended(Ended::Dropped);
        return;
    };
    // Made before it is spawned: a runtime that shuts down drops it without ever having polled it.
    let mut drain = Drain { body, watch, engine, _slot: slot };
    runtime.spawn(async move {
        // On a time-out the drain is dropped with what it has seen.
        let _ = tokio::time::timeout(TIME_LIMIT, drain.run()).await;
    });
}

struct Drain {
    body: SdkBody,
    watch: Watch,
    engine: Engine,
    _slot: Slot,
}

impl Drain {
    async fn run(&mut self) {
        while !self.watch.is_final() {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
            observe(&mut self.watch, frame.as_ref(), || self.engine.now());
        }
        self.watch.ended(Ended::Dropped);
    }
}

impl Drop for Drain {
    /// Also when the runtime shuts down before the drain is done.
    fn drop(&mut self) {
        self.watch.ended(Ended::Dropped);
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
