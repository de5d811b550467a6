use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The number of mismatches in a row after which a provider is assumed to return new credentials each time.
const MAX_OTHERS: u32 = 3;
/// How long such a provider is not asked. It may have been a rotation after all.
const REST: Duration = Duration::from_secs(300);

/// A client's source of credentials, which may return new ones each time.
#[derive(Debug, Default)]
pub(super) struct Provider(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of times in a row that it returned other credentials than those of the call.
    others: u32,
    rests_until: Option<SystemTime>,
}

impl Provider {
    /// Returns whether it may still have the credentials that a call was signed with.
    pub(super) fn may_be_asked(&self, now: SystemTime) -> bool {
        let rest = self.lock().rests_until.and_then(|until| until.duration_since(now).ok());
        // A clock that was set back does not extend the pause.
        rest.is_none_or(|left| left.is_zero() || left > REST)
    }

    pub(super) fn gave_others(&self, now: SystemTime) {
        let mut state = self.lock();
        state.others = state.others.saturating_add(1);
        if state.others >= MAX_OTHERS {
            state.rests_until = now.checked_add(REST);
        }
    }

    pub(super) fn gave_the_calls(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_gives_others_three_times_in_a_row_rests_for_a_while() {
        let (provider, now) = (Provider::default(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        for _ in 0..3 {
            provider.gave_others(now);
            provider.gave_the_calls();
        }
        (0..2).for_each(|_| provider.gave_others(now));
        assert!(provider.may_be_asked(now), "rotations");
        provider.gave_others(now);
        assert!(!provider.may_be_asked(now) && !provider.may_be_asked(now + REST - Duration::from_secs(1)));
        assert!(provider.may_be_asked(now + REST) && provider.may_be_asked(now - Duration::from_secs(1)));
        provider.gave_others(now + REST);
        assert!(!provider.may_be_asked(now + REST), "at the first that is another's");
    }
}
