use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

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

/// Where a ledger takes its ids from. Tests inject their own.
pub trait IdSource: fmt::Debug + Send + Sync {
    /// An id that this process has not had before.
    fn next_id(&self) -> Uuid;
}

/// UUIDs of version 7: unique everywhere, and sorted by time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeOrderedIds;

impl IdSource for TimeOrderedIds {
    fn next_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}
