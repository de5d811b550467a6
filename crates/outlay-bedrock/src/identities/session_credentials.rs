use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use super::assumed_role::AssumedRole;
use super::sts_outage::is_still_pending;
use crate::sts::BackOff;

/// A role, session name and set of tags, with its credentials and the request for them.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
    /// Notified when a request has ended.
    pub(super) ended: Notify,
}

#[derive(Default)]
struct State {
    assumed: Option<Arc<AssumedRole>>,
    back_off: BackOff,
    flight: Option<Flight>,
    flights: u64,
}

/// A request in flight.
#[derive(Clone, Copy)]
struct Flight {
    number: FlightNumber,
    since: SystemTime,
}

/// Identifies one of a session's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlightNumber(u64);

/// What a call has to do.
#[derive(Debug)]
pub(super) enum SessionAction {
    /// Use these credentials.
    Use(Arc<AssumedRole>),
    /// Use these credentials, and renew them.
    UseAndRenew(Arc<AssumedRole>, FlightNumber),
    /// Request credentials.
    Request(FlightNumber),
    /// Wait for the request in flight.
    Wait,
    /// Use the client's own credentials, because a request has just failed.
    Fallback,
}

impl Session {
    /// Returns what a call has to do. A call that has to send a request is counted as having sent it.
    pub(super) fn next_action(&self, now: SystemTime, may_request: bool) -> SessionAction {
        let mut state = self.state();
        let is_pending = state.flight.is_some_and(|flight| is_still_pending(flight.since, now));
        let may_request = may_request && !state.back_off.is_too_early(now);
        match state.assumed.clone().filter(|assumed| assumed.holds(now)) {
            Some(assumed) if !assumed.is_to_be_renewed(now) || is_pending || !may_request => {
                SessionAction::Use(assumed)
            }
            Some(assumed) => SessionAction::UseAndRenew(assumed, state.begin(now)),
            None if is_pending => SessionAction::Wait,
            None if may_request => SessionAction::Request(state.begin(now)),
            None => SessionAction::Fallback,
        }
    }

    /// Returns whether the session has valid credentials or a request in flight.
    pub(super) fn is_live(&self, now: SystemTime) -> bool {
        let state = self.state();
        state.flight.is_some() || state.assumed.as_ref().is_some_and(|assumed| assumed.holds(now))
    }

    pub(super) fn set(&self, assumed: &Arc<AssumedRole>) {
        let mut state = self.state();
        state.assumed = Some(assumed.clone());
        state.back_off.reset();
    }

    /// Ends a request. `failed` is the time of a failure.
    pub(super) fn end(&self, number: FlightNumber, failed: Option<SystemTime>) {
        let mut state = self.state();
        // A request that was given up has been replaced by another.
        if state.flight.is_some_and(|flight| flight.number == number) {
            state.flight = None;
            if let Some(now) = failed {
                state.back_off.failed(now);
            }
        }
        drop(state);
        self.ended.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, now: SystemTime) -> FlightNumber {
        self.flights = self.flights.wrapping_add(1);
        let number = FlightNumber(self.flights);
        self.flight = Some(Flight { number, since: now });
        number
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("assumed", &self.state().assumed).finish_non_exhaustive()
    }
}
