//! The signer of one access key.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use outlay_otel::Signer;

use crate::sts::BackOff;

/// The maximum number of callbacks that wait for an answer. Further ones are dropped.
const MAX_WAITING: usize = 100;

/// The signer of an access key, once it is known.
#[derive(Default)]
pub(crate) struct SignerCell {
    signer: OnceLock<Arc<Signer>>,
    asking: Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    in_flight: bool,
    back_off: BackOff,
    waiting: Vec<Tell>,
}

type Tell = Box<dyn FnOnce(&Signer) + Send>;

impl SignerCell {
    /// Creates a cell with a known signer.
    pub(crate) fn known(signer: Arc<Signer>) -> Self {
        Self { signer: signer.into(), asking: Mutex::default() }
    }

    pub(crate) fn get(&self) -> Option<&Arc<Signer>> {
        self.signer.get()
    }

    /// Returns whether a lookup may begin, and if so marks it as begun.
    pub(super) fn begin(&self, now: SystemTime) -> bool {
        let mut asking = self.asking();
        let begins = !asking.in_flight && self.get().is_none() && !asking.back_off.is_too_early(now);
        asking.in_flight |= begins;
        begins
    }

    pub(super) fn answered(&self, signer: Signer) {
        let signer = self.signer.get_or_init(|| Arc::new(signer));
        let waiting = {
            let mut asking = self.asking();
            asking.in_flight = false;
            std::mem::take(&mut asking.waiting)
        };
        // Outside the lock, because it runs the application's observers.
        for tell in waiting {
            tell(signer);
        }
    }

    /// Records a failed lookup. Returns whether it is the first in a row.
    pub(super) fn failed(&self, now: SystemTime) -> bool {
        let mut asking = self.asking();
        asking.in_flight = false;
        // They would be kept until the next call.
        asking.waiting.clear();
        asking.back_off.failed(now)
    }

    /// Ends a lookup that was not sent after all.
    pub(super) fn unsent(&self) {
        let mut asking = self.asking();
        asking.in_flight = false;
        asking.waiting.clear();
    }

    /// Runs `callback` now or, if a lookup is in progress, once the signer is known.
    pub(crate) fn when_known(&self, tell: impl FnOnce(&Signer) + Send + 'static) {
        if self.get().is_none() {
            let mut asking = self.asking();
            // The signer may have become known meanwhile.
            if self.get().is_none() {
                if asking.in_flight && asking.waiting.len() < MAX_WAITING {
                    asking.waiting.push(Box::new(tell));
                }
                return;
            }
        }
        if let Some(signer) = self.get() {
            tell(signer);
        }
    }

    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn one_asks_and_who_waits_is_told_once() {
        let (cell, told) = (SignerCell::default(), Arc::new(AtomicUsize::new(0)));
        let count = || {
            let told = told.clone();
            move |signer: &Signer| {
                assert_eq!(&*signer.principal, "arn:aws:iam::1:user/a");
                told.fetch_add(1, Ordering::Relaxed);
            }
        };
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        cell.when_known(count());
        assert!(cell.begin(start) && !cell.begin(start), "one at a time");
        cell.when_known(count());
        assert!(cell.failed(start));
        assert!(!cell.begin(start) && cell.begin(start + Duration::from_secs(5)), "not before the back-off");
        (0..MAX_WAITING + 5).for_each(|_| cell.when_known(count()));
        cell.answered(signer_of_arn("arn:aws:iam::1:user/a").unwrap());
        assert_eq!(told.load(Ordering::Relaxed), MAX_WAITING, "those that wait for this answer");
        cell.when_known(count());
        assert_eq!(told.load(Ordering::Relaxed), MAX_WAITING + 1);
        assert!(!cell.begin(start + Duration::from_secs(86_400)), "what is known is not asked for");
    }
}
