use std::fmt;
use std::time::SystemTime;

use uuid::Uuid;

/// Where a ledger takes the time from. Tests inject their own.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the system's clock is read")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
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
