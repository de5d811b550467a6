use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::assumed::Assumed;
use crate::sts::BackOff;

/// One role, session name and set of tags: its credentials, and the questions for them.
#[derive(Default)]
pub(super) struct Session {
    state: Mutex<State>,
    /// Held by whoever asks.
    pub(super) flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    assumed: Option<Arc<Assumed>>,
    back_off: BackOff,
    is_renewing: bool,
}

/// What a call is to do.
#[derive(Debug)]
pub(super) enum Look {
    /// Be signed with these.
    Use(Arc<Assumed>),
    /// The same, and have them renewed.
    UseAndRenew(Arc<Assumed>),
    /// Ask for some.
    Ask,
    /// Do without, for it has failed just now.
    Without,
}

impl Session {
    pub(super) fn look(&self, now: SystemTime) -> Look {
        let mut state = self.state();
        let too_early = state.back_off.is_too_early(now);
        match state.assumed.clone().filter(|assumed| assumed.holds(now)) {
            Some(assumed) if !assumed.is_to_be_renewed(now) || state.is_renewing || too_early => Look::Use(assumed),
            Some(assumed) => {
                state.is_renewing = true;
                Look::UseAndRenew(assumed)
            }
            None if too_early => Look::Without,
            None => Look::Ask,
        }
    }

    pub(super) fn set(&self, assumed: &Arc<Assumed>) {
        let mut state = self.state();
        state.assumed = Some(assumed.clone());
        state.back_off.reset();
    }

    pub(super) fn failed(&self, now: SystemTime) {
        self.state().back_off.failed(now);
    }

    /// Whoever renews has done so, or not.
    pub(super) fn renewed(&self) {
        self.state().is_renewing = false;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("assumed", &self.state().assumed).finish_non_exhaustive()
    }
}
