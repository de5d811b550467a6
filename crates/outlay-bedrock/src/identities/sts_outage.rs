//! Tracks an STS outage. One request probes for all callers whether STS can be reached again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::sts::{BackOff, Failure, Mark};

/// Longer than any request takes. A request this old is in a runtime that is no longer driven.
pub(super) const GIVEN_UP: Duration = Duration::from_secs(60);

/// Whether STS can be reached.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    back_off: BackOff,
    /// Whether STS did not answer the last time.
    is_silent: bool,
    /// Since when a probe is pending.
    probe: Option<SystemTime>,
}

/// The permission to send one request.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    outage: &'a Outage,
    began: Mark,
    is_probe: bool,
}

impl Outage {
    /// Returns whether no request may be sent now.
    pub(super) fn refuses(&self, now: SystemTime) -> bool {
        self.lock().refuses(now)
    }

    /// Returns whether callers should not wait for an answer, because STS gave none the last time.
    pub(super) fn is_silent(&self) -> bool {
        self.lock().is_silent
    }

    /// Returns a permit if a request may be sent now.
    pub(super) fn turn(&self, now: SystemTime) -> Option<Turn<'_>> {
        let mut state = self.lock();
        if state.refuses(now) {
            return None;
        }
        let is_probe = state.back_off.is_failing();
        if is_probe {
            state.probe = Some(now);
        }
        Some(Turn { outage: self, began: state.back_off.mark(), is_probe })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuses(&self, now: SystemTime) -> bool {
        self.back_off.is_too_early(now) || self.probe.is_some_and(|since| is_out(since, now))
    }
}

impl Turn<'_> {
    /// Records an answer from STS, even a refusal.
    pub(super) fn answered(self) {
        let mut state = self.outage.lock();
        state.back_off.reset();
        state.is_silent = false;
    }

    pub(super) fn failed(self, failure: &Failure, now: SystemTime) {
        if !failure.is_outage() {
            return self.answered();
        }
        let mut state = self.outage.lock();
        state.back_off.failed_since(self.began, now);
        state.is_silent = failure.is_silence() && state.back_off.is_failing();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.outage.lock().probe = None;
        }
    }
}

/// Returns whether a request from `since` is still pending.
pub(super) fn is_out(since: SystemTime, now: SystemTime) -> bool {
    // With a clock that was set back, it would be pending forever.
    now.duration_since(since).is_ok_and(|age| age < GIVEN_UP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        START + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn a_crowd_that_fails_is_one_failure_and_one_question_ends_the_outage() {
        let outage = Outage::default();
        let crowd: Vec<_> = (0..7).map(|_| outage.turn(at(0)).unwrap()).collect();
        for turn in crowd {
            turn.failed(&Failure::silence(), at(5));
        }
        assert!(outage.turn(at(9)).is_none() && outage.is_silent());
        let probe = outage.turn(at(10)).unwrap();
        assert!(outage.refuses(at(10)) && outage.turn(at(10)).is_none(), "one finds out for all");
        probe.failed(&Failure::without_answer("no connection"), at(10));
        assert!(outage.refuses(at(19)) && !outage.refuses(at(20)) && !outage.is_silent());
        outage.turn(at(20)).unwrap().answered();
        assert!(outage.turn(at(20)).is_some() && outage.turn(at(20)).is_some());
    }

    #[test]
    fn a_probe_that_is_dropped_or_never_ends_makes_room_for_another() {
        let outage = Outage::default();
        outage.turn(at(0)).unwrap().failed(&Failure::silence(), at(0));
        drop(outage.turn(at(5)).unwrap());
        let stuck = outage.turn(at(5)).unwrap();
        assert!(outage.refuses(at(64)) && !outage.refuses(at(65)) && !outage.refuses(at(4_000_000)));
        assert!(!outage.refuses(START), "by a clock that was set back");
        drop(stuck);
    }
}
