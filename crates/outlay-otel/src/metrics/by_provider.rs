//! Instruments of the meter provider in force.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use opentelemetry::global;
use opentelemetry::metrics::Meter;

use super::instruments::Instruments;
use super::provider_group::{Member, Provider};

/// So often they are made anew for another provider.
const MAX_PROVIDERS: usize = 8;

/// The instruments, made at first use: of the meter that was given, else of the global provider, and once more when the
/// application has set another one since. A provider that is set after the first use counts for nothing else.
#[derive(Default)]
pub(super) struct ByProvider {
    made: [OnceLock<(Option<Weak<Provider>>, Instruments)>; MAX_PROVIDERS],
    /// Which of them are in force.
    current: AtomicUsize,
}

impl ByProvider {
    /// Returns those in force, of whatever provider.
    pub(super) fn get(&self, given: Option<&Meter>, member: impl FnOnce() -> Member) -> &Instruments {
        let place = &self.made[self.current.load(Ordering::Acquire).min(MAX_PROVIDERS - 1)];
        let (_, instruments) = place.get_or_init(|| match given {
            Some(meter) => (None, Instruments::of_given(meter, member())),
            None => {
                let provider = global::meter_provider();
                let instruments = Instruments::of_global(&provider, member());
                // Its allocation stays, so that no other provider is taken for it; the provider itself does not.
                (Some(Arc::downgrade(&provider)), instruments)
            }
        });
        instruments
    }

    /// Checks whether the global provider has changed. If so, later calls use the new one.
    pub(super) fn look_again(&self) {
        let current = self.current.load(Ordering::Acquire);
        let Some((Some(known), _)) = self.made.get(current).and_then(OnceLock::get) else { return };
        let is_same = std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(&global::meter_provider()));
        if !is_same && current + 1 < MAX_PROVIDERS {
            // Of two that see it at once one counts.
            let _ = self.current.compare_exchange(current, current + 1, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

impl fmt::Debug for ByProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByProvider").field("current", &self.current).finish_non_exhaustive()
    }
}
