use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The number of mismatches in a row after which a provider is assumed to return new credentials each time.
const MAX_MISMATCHES: u32 = 3;
/// How long such a provider is not asked. It may have been a rotation after all.
const PAUSE: Duration = Duration::from_secs(300);

/// A client's source of credentials, which may return new ones each time.
#[derive(Debug, Default)]
pub(super) struct CredentialsProvider(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of times in a row that it returned other credentials than those of the call.
    mismatches: u32,
    paused_until: Option<SystemTime>,
}

impl CredentialsProvider {
    /// Returns whether it may still have the credentials that a call was signed with.
    pub(super) fn may_be_asked(&self, now: SystemTime) -> bool {
        let left = self.lock().paused_until.and_then(|until| until.duration_since(now).ok());
        // A clock that was set back does not extend the pause.
        left.is_none_or(|left| left.is_zero() || left > PAUSE)
    }

    pub(super) fn returned_other(&self, now: SystemTime) {
        let mut state = self.lock();
        state.mismatches = state.mismatches.saturating_add(1);
        if state.mismatches >= MAX_MISMATCHES {
            state.paused_until = now.checked_add(PAUSE);
        }
    }

    pub(super) fn returned_matching(&self) {
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
    fn three_mismatches_in_a_row_pause_a_provider() {
        let (provider, now) = (CredentialsProvider::default(), SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000));
        for _ in 0..3 {
            provider.returned_other(now);
            provider.returned_matching();
        }
        (0..2).for_each(|_| provider.returned_other(now));
        assert!(provider.may_be_asked(now), "rotations");
        provider.returned_other(now);
        assert!(!provider.may_be_asked(now) && !provider.may_be_asked(now + PAUSE - Duration::from_secs(1)));
        assert!(provider.may_be_asked(now + PAUSE) && provider.may_be_asked(now - Duration::from_secs(1)));
        provider.returned_other(now + PAUSE);
        assert!(!provider.may_be_asked(now + PAUSE), "one more mismatch is enough");
    }
}
