use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::callback::guarded;

/// Where a ledger takes the time from. Tests inject their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;

    /// Returns how long it has been since some moment in the past, by a clock that nobody sets. What waits for a while
    /// waits by it.
    ///
    /// By default it goes as [`now`](Self::now) does.
    fn monotonic(&self) -> Duration {
        self.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the system's clock is read")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(instant);
        instant().saturating_duration_since(*START)
    }
}

#[allow(clippy::disallowed_methods, reason = "likewise, for the clock that nobody sets")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

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
