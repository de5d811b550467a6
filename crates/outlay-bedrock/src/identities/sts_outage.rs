//! Tracks an STS outage. One request probes for all callers whether STS can be reached again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::sts::{BackOff, Mark, StsFailure};

/// Longer than any request takes. A request this old is in a runtime that is no longer driven.
pub(super) const MAX_REQUEST_AGE: Duration = Duration::from_secs(60);

/// Whether STS can be reached.
#[derive(Debug, Default)]
pub(super) struct StsOutage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    back_off: BackOff,
    /// Whether STS did not answer the last time.
    timed_out: bool,
    /// Since when a probe is pending.
    probe: Option<SystemTime>,
}

/// The permission to send one request.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    outage: &'a StsOutage,
    began: Mark,
    is_probe: bool,
}

impl StsOutage {
    /// Returns whether no request may be sent now.
    pub(super) fn refuses(&self, now: SystemTime) -> bool {
        self.lock().refuses(now)
    }

    /// Returns whether callers should not wait for an answer, because STS gave none the last time.
    pub(super) fn timed_out(&self) -> bool {
        self.lock().timed_out
    }

    /// Returns a permit if a request may be sent now.
    pub(super) fn permit(&self, now: SystemTime) -> Option<Permit<'_>> {
        let mut state = self.lock();
        if state.refuses(now) {
            return None;
        }
        let is_probe = state.back_off.is_failing();
        if is_probe {
            state.probe = Some(now);
        }
        Some(Permit { outage: self, began: state.back_off.mark(), is_probe })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuses(&self, now: SystemTime) -> bool {
        self.back_off.is_too_early(now) || self.probe.is_some_and(|since| is_still_pending(since, now))
    }
}

impl Permit<'_> {
    /// Records an answer from STS, even a refusal.
    pub(super) fn answered(self) {
        let mut state = self.outage.lock();
        state.back_off.reset();
        state.timed_out = false;
    }

    pub(super) fn failed(self, failure: &StsFailure, now: SystemTime) {
        if !failure.is_outage() {
            return self.answered();
        }
        let mut state = self.outage.lock();
        state.back_off.failed_since(self.began, now);
        state.timed_out = failure.is_timeout() && state.back_off.is_failing();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.outage.lock().probe = None;
        }
    }
}

/// Returns whether a request from `since` is still pending.
pub(super) fn is_still_pending(since: SystemTime, now: SystemTime) -> bool {
    // With a clock that was set back, it would be pending forever.
    now.duration_since(since).is_ok_and(|age| age < MAX_REQUEST_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        START + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn concurrent_failures_count_once_and_one_probe_ends_the_outage() {
        let outage = StsOutage::default();
        let permits: Vec<_> = (0..7).map(|_| outage.permit(at(0)).unwrap()).collect();
        for permit in permits {
            permit.failed(&StsFailure::timeout(), at(5));
        }
        assert!(outage.permit(at(9)).is_none() && outage.timed_out());
        let probe = outage.permit(at(10)).unwrap();
        assert!(outage.refuses(at(10)) && outage.permit(at(10)).is_none(), "one request probes for all");
        probe.failed(&StsFailure::without_answer("no connection"), at(10));
        assert!(outage.refuses(at(19)) && !outage.refuses(at(20)) && !outage.timed_out());
        outage.permit(at(20)).unwrap().answered();
        assert!(outage.permit(at(20)).is_some() && outage.permit(at(20)).is_some());
    }

    #[test]
    fn a_dropped_or_stuck_probe_allows_another() {
        let outage = StsOutage::default();
        outage.permit(at(0)).unwrap().failed(&StsFailure::timeout(), at(0));
        drop(outage.permit(at(5)).unwrap());
        let stuck = outage.permit(at(5)).unwrap();
        assert!(outage.refuses(at(64)) && !outage.refuses(at(65)) && !outage.refuses(at(4_000_000)));
        assert!(!outage.refuses(START), "the clock was set back");
        drop(stuck);
    }
}
