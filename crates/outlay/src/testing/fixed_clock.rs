use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::prices::Timestamp;

/// A clock that stands still until the test moves it. Clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use outlay::testing::{self, FixedClock};
///
/// let clock = FixedClock::at("2026-12-31T23:00:00Z".parse()?);
/// let outlay = testing::builder().clock(clock.clone()).build();
/// let task = outlay.task("resolve-ticket").start();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(outlay.open_tasks()[0].age, Duration::from_secs(90));
/// # drop(task);
/// # Ok::<(), outlay::prices::TimestampError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<Mutex<SystemTime>>);

impl FixedClock {
    /// Returns a clock that stands at a time.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(time.into())))
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, time: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time.into();
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time = time.checked_add(by).unwrap_or(*time);
    }
}

/// The clock stands at 2026-11-28T12:00:00Z.
impl Default for FixedClock {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_867_200))))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
