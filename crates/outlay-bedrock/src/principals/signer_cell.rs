//! The signer of one access key.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use outlay_otel::Signer;

use crate::sts::BackOff;

/// The maximum number of callbacks that wait for an answer. Further ones are dropped.
const MAX_CALLBACKS: usize = 100;

/// The signer of an access key, once it is known.
#[derive(Default)]
pub(crate) struct SignerCell {
    signer: OnceLock<Arc<Signer>>,
    lookup: Mutex<LookupState>,
}

#[derive(Default)]
struct LookupState {
    in_flight: bool,
    back_off: BackOff,
    callbacks: Vec<Callback>,
}

type Callback = Box<dyn FnOnce(&Signer) + Send>;

impl SignerCell {
    /// Creates a cell with a known signer.
    pub(crate) fn known(signer: Arc<Signer>) -> Self {
        Self { signer: signer.into(), lookup: Mutex::default() }
    }

    pub(crate) fn get(&self) -> Option<&Arc<Signer>> {
        self.signer.get()
    }

    /// Returns whether a lookup may begin, and if so marks it as begun.
    pub(super) fn begin(&self, now: SystemTime) -> bool {
        let mut lookup = self.lookup();
        let begins = !lookup.in_flight && self.get().is_none() && !lookup.back_off.is_too_early(now);
        lookup.in_flight |= begins;
        begins
    }

    pub(super) fn answered(&self, signer: Signer) {
        let signer = self.signer.get_or_init(|| Arc::new(signer));
        let callbacks = {
            let mut lookup = self.lookup();
            lookup.in_flight = false;
            std::mem::take(&mut lookup.callbacks)
        };
        // Outside the lock, because it runs the application's observers.
        for callback in callbacks {
            callback(signer);
        }
    }

    /// Records a failed lookup. Returns whether it is the first in a row.
    pub(super) fn failed(&self, now: SystemTime) -> bool {
        let mut lookup = self.lookup();
        lookup.in_flight = false;
        // They would be kept until the next call.
        lookup.callbacks.clear();
        lookup.back_off.failed(now)
    }

    /// Ends a lookup that was not sent after all.
    pub(super) fn not_sent(&self) {
        let mut lookup = self.lookup();
        lookup.in_flight = false;
        lookup.callbacks.clear();
    }

    /// Runs `callback` now or, if a lookup is in progress, once the signer is known.
    pub(crate) fn when_known(&self, callback: impl FnOnce(&Signer) + Send + 'static) {
        if self.get().is_none() {
            let mut lookup = self.lookup();
            // The signer may have become known meanwhile.
            if self.get().is_none() {
                if lookup.in_flight && lookup.callbacks.len() < MAX_CALLBACKS {
                    lookup.callbacks.push(Box::new(callback));
                }
                return;
            }
        }
        if let Some(signer) = self.get() {
            callback(signer);
        }
    }

    fn lookup(&self) -> MutexGuard<'_, LookupState> {
        self.lookup.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SignerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignerCell").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::sts::signer_of_arn;

    #[test]
    fn one_lookup_runs_and_each_callback_runs_once() {
        let (cell, calls) = (SignerCell::default(), Arc::new(AtomicUsize::new(0)));
        let count = || {
            let calls = calls.clone();
            move |signer: &Signer| {
                assert_eq!(&*signer.principal, "arn:aws:iam::1:user/a");
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        cell.when_known(count());
        assert!(cell.begin(start) && !cell.begin(start), "one at a time");
        cell.when_known(count());
        assert!(cell.failed(start));
        assert!(!cell.begin(start) && cell.begin(start + Duration::from_secs(5)), "not before the back-off");
        (0..MAX_CALLBACKS + 5).for_each(|_| cell.when_known(count()));
        cell.answered(signer_of_arn("arn:aws:iam::1:user/a").unwrap());
        assert_eq!(calls.load(Ordering::Relaxed), MAX_CALLBACKS, "the callbacks that wait for this answer");
        cell.when_known(count());
        assert_eq!(calls.load(Ordering::Relaxed), MAX_CALLBACKS + 1);
        assert!(!cell.begin(start + Duration::from_secs(86_400)), "a known signer is not looked up");
    }
}
