//! Calls to code that the application supplies: clocks, id generators, stores and listeners. A panic in that code is caught
//! here and reaches neither a call nor the books. The panic hook has already reported it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::clock::{Clock, IdSource, SystemClock, TimeOrderedIds};
use crate::store::{BudgetStore, Settlement, StoreAnswer, StoreAsk, StoreFuture};

/// Calls the application's code. Returns `None` where that panics.
#[doc(hidden)]
pub fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => Some(result),
        Err(payload) => {
            // It is the application's too, and may panic when it is dropped.
            std::mem::forget(payload);
            None
        }
    }
}

/// What the application has put in the place of ours. Where it panics, ours does its work.
#[derive(Debug)]
pub(crate) struct Guarded<T>(pub(crate) T);

/// A clock of the application's. Where it panics, no time has passed since it last spoke.
#[derive(Debug)]
pub(crate) struct GuardedClock<T> {
    clock: T,
    /// What it last said of the time that has passed, in ns.
    last: AtomicU64,
}

impl<T> GuardedClock<T> {
    pub(crate) const fn new(clock: T) -> Self {
        Self { clock, last: AtomicU64::new(0) }
    }
}

impl<T: Clock> Clock for GuardedClock<T> {
    fn now(&self) -> SystemTime {
        guarded(|| self.clock.now()).unwrap_or_else(|| SystemClock.now())
    }

    fn monotonic(&self) -> Duration {
        let Some(time) = guarded(|| self.clock.monotonic()) else {
            return Duration::from_nanos(self.last.load(Ordering::Relaxed));
        };
        self.last.store(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        time
    }
}

impl<T: IdSource> IdSource for Guarded<T> {
    fn next_id(&self) -> Uuid {
        guarded(|| self.0.next_id()).unwrap_or_else(|| TimeOrderedIds.next_id())
    }
}

/// A store that panics has not been asked: the call goes on, and is counted as unchecked.
impl<T: BudgetStore> BudgetStore for Guarded<T> {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        match guarded(|| self.0.reserve(ask)) {
            Some(answer) => Box::pin(GuardedFuture(answer)),
            None => Box::pin(std::future::ready(StoreAnswer::Unchecked)),
        }
    }

    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        guarded(|| self.0.reserve_now(ask)).unwrap_or(StoreAnswer::Unchecked)
    }

    fn settle(&self, settlement: Settlement) {
        let _ = guarded(|| self.0.settle(settlement));
    }
}

struct GuardedFuture<'a>(StoreFuture<'a>);

impl Future for GuardedFuture<'_> {
    type Output = StoreAnswer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StoreAnswer> {
        guarded(|| self.0.as_mut().poll(cx)).unwrap_or(Poll::Ready(StoreAnswer::Unchecked))
    }
}
