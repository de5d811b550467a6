use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::callback::guarded;

/// A source of time for a ledger. Tests inject their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current wall-clock time.
    fn now(&self) -> SystemTime;

    /// Returns the time since a fixed moment in the past, by a clock that is never set. Timeouts use it.
    ///
    /// The default implementation follows [`now`](Self::now).
    fn monotonic(&self) -> Duration {
        self.now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(instant);
        instant().saturating_duration_since(*START)
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// A clock that the application supplies. After a panic, its monotonic time stays at the last value it returned.
#[derive(Debug)]
pub(crate) struct GuardedClock<T> {
    clock: T,
    /// The last monotonic time that it returned, in ns.
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
