use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;

use super::assumed_role::Assumed;
use super::sts_outage::is_out;
use crate::sts::BackOff;

/// One role, session name and set of tags: its credentials, and the questions for them.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
    /// Told when a question has ended.
    pub(super) ended: Notify,
}

#[derive(Default)]
struct State {
    assumed: Option<Arc<Assumed>>,
    back_off: BackOff,
    flight: Option<Flight>,
    flights: u64,
}

/// A question that is out.
#[derive(Clone, Copy)]
struct Flight {
    number: FlightNumber,
    since: SystemTime,
}

/// Tells a session's questions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlightNumber(u64);

/// What a call is to do.
#[derive(Debug)]
pub(super) enum Look {
    /// Be signed with these.
    Use(Arc<Assumed>),
    /// The same, and have them renewed.
    UseAndAsk(Arc<Assumed>, FlightNumber),
    /// Ask for some.
    Ask(FlightNumber),
    /// Wait for those that have been asked for.
    Wait,
    /// Do without, for it has failed just now.
    Without,
}

impl Session {
    /// What a call is to do. Who is told to ask is taken to have asked.
    pub(super) fn look(&self, now: SystemTime, may_ask: bool) -> Look {
        let mut state = self.state();
        let is_asked = state.flight.is_some_and(|flight| is_out(flight.since, now));
        let may_ask = may_ask && !state.back_off.is_too_early(now);
        match state.assumed.clone().filter(|assumed| assumed.holds(now)) {
            Some(assumed) if !assumed.is_to_be_renewed(now) || is_asked || !may_ask => Look::Use(assumed),
            Some(assumed) => Look::UseAndAsk(assumed, state.begin(now)),
            None if is_asked => Look::Wait,
            None if may_ask => Look::Ask(state.begin(now)),
            None => Look::Without,
        }
    }

    /// Whether it has credentials that hold, or is about to have some.
    pub(super) fn is_live(&self, now: SystemTime) -> bool {
        let state = self.state();
        state.flight.is_some() || state.assumed.as_ref().is_some_and(|assumed| assumed.holds(now))
    }

    pub(super) fn set(&self, assumed: &Arc<Assumed>) {
        let mut state = self.state();
        state.assumed = Some(assumed.clone());
        state.back_off.reset();
    }

    /// A question has ended: how, if by a failure, it is told when that was.
    pub(super) fn end(&self, number: FlightNumber, failed: Option<SystemTime>) {
        let mut state = self.state();
        // One that was given up has been followed by another.
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
