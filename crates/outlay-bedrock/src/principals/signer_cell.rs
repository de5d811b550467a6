//! What is known of one access key.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use outlay_otel::Signer;

use crate::sts::BackOff;

/// As many wait for an answer; who comes later does without.
const MAX_WAITING: usize = 100;

/// Whose an access key is, once that is known.
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
    /// One that is known from the beginning.
    pub(crate) fn known(signer: Arc<Signer>) -> Self {
        Self { signer: signer.into(), asking: Mutex::default() }
    }

    pub(crate) fn get(&self) -> Option<&Arc<Signer>> {
        self.signer.get()
    }

    /// Whether it is time to ask. Then it is taken for asked.
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
        // Not under the lock: it runs the application's observers.
        for tell in waiting {
            tell(signer);
        }
    }

    /// It could not be found out. True for the first time in a row.
    pub(super) fn failed(&self, now: SystemTime) -> bool {
        let mut asking = self.asking();
        asking.in_flight = false;
        // They would be kept for as long as nobody calls.
        asking.waiting.clear();
        asking.back_off.failed(now)
    }

    /// It was not asked after all.
    pub(super) fn unsent(&self) {
        let mut asking = self.asking();
        asking.in_flight = false;
        asking.waiting.clear();
    }

    /// Tells it now or, while it is asked for, once it is known.
    pub(crate) fn when_known(&self, tell: impl FnOnce(&Signer) + Send + 'static) {
        if self.get().is_none() {
            let mut asking = self.asking();
            // It may have come to be known meanwhile.
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
