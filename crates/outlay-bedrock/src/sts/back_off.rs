use std::time::{Duration, SystemTime};

/// The wait after the first failure. It doubles with each further failure.
const FIRST: Duration = Duration::from_secs(5);
/// The maximum wait.
const LONGEST: Duration = Duration::from_secs(300);

/// When a failed request may be tried again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BackOff {
    failures: u32,
    retry_at: Option<SystemTime>,
    /// How many times it has been set or reset.
    generation: u64,
}

/// The state of a back-off when a request began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl BackOff {
    /// Returns a mark for [`failed_since`](Self::failed_since).
    pub(crate) const fn mark(&self) -> Mark {
        Mark(self.generation)
    }

    /// Returns whether the last request failed.
    pub(crate) const fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Returns whether it is too early for another try. A clock that was set back does not extend the wait.
    pub(crate) fn is_too_early(&self, now: SystemTime) -> bool {
        let left = self.retry_at.and_then(|at| at.duration_since(now).ok());
        left.is_some_and(|left| !left.is_zero() && left <= LONGEST)
    }

    /// Records a failure. Returns whether it is the first in a row.
    pub(crate) fn failed(&mut self, now: SystemTime) -> bool {
        let wait = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = now.checked_add(wait);
        self.generation = self.generation.wrapping_add(1);
        self.failures == 1
    }

    /// Records a failure of a request that began at `mark`. It is ignored if another request has failed or succeeded
    /// since, so concurrent failures count once.
    pub(crate) fn failed_since(&mut self, mark: Mark, now: SystemTime) {
        if mark == self.mark() {
            self.failed(now);
        }
    }

    /// Records a success.
    pub(crate) fn reset(&mut self) {
        *self = Self { generation: self.generation.wrapping_add(1), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_minutes() {
        let mut back_off = BackOff::default();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert!(!back_off.is_too_early(start));
        let mut firsts = Vec::new();
        for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
            firsts.push(back_off.failed(start));
            assert!(back_off.is_too_early(start + Duration::from_secs(wait - 1)), "{wait}");
            assert!(!back_off.is_too_early(start + Duration::from_secs(wait)), "{wait}");
        }
        assert_eq!(firsts.iter().filter(|first| **first).count(), 1);
        assert!(!back_off.is_too_early(start - Duration::from_secs(86_400)), "a clock that was set back");
        back_off.reset();
        assert!(!back_off.is_too_early(start));
    }
    #[test]
    fn concurrent_failures_count_once() {
        let mut back_off = BackOff::default();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for mark in [back_off.mark(); 7] {
            back_off.failed_since(mark, start);
        }
        assert!(!back_off.is_too_early(start + FIRST));
        let mark = back_off.mark();
        back_off.reset();
        back_off.failed_since(mark, start);
        assert!(!back_off.is_failing(), "what began before others worked");
    }
}
