//! The instruments of the current meter provider.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use opentelemetry::global;
use opentelemetry::metrics::Meter;

use super::instruments::Instruments;
use super::provider_group::{Member, Provider};
use crate::semconv::Semconv;

/// The maximum number of providers that instruments are made for.
const MAX_PROVIDERS: usize = 8;

/// The instruments, which are made at first use: of the given meter, else of the global provider. They are made again
/// only if the application has replaced the global provider since.
#[derive(Default)]
pub(super) struct ByProvider {
    made: [OnceLock<(Option<Weak<Provider>>, Instruments)>; MAX_PROVIDERS],
    /// The index of the current instruments.
    current: AtomicUsize,
}

impl ByProvider {
    /// Returns the current instruments.
    pub(super) fn get(&self, given: Option<&Meter>, semconv: Semconv, member: impl FnOnce() -> Member) -> &Instruments {
        let current = &self.made[self.current.load(Ordering::Acquire).min(MAX_PROVIDERS - 1)];
        let (_, instruments) = current.get_or_init(|| match given {
            Some(meter) => (None, Instruments::of_given(meter, semconv, member())),
            None => {
                let provider = global::meter_provider();
                let instruments = Instruments::of_global(&provider, semconv, member());
                // Keeps the allocation, so that no other provider gets its address, but not the provider.
                (Some(Arc::downgrade(&provider)), instruments)
            }
        });
        instruments
    }

    /// Checks whether the global provider has changed. If so, later calls use the new one.
    pub(super) fn check_provider(&self) {
        let current = self.current.load(Ordering::Acquire);
        let Some((Some(known), _)) = self.made.get(current).and_then(OnceLock::get) else { return };
        let is_same = std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(&global::meter_provider()));
        if !is_same && current + 1 < MAX_PROVIDERS {
            // If two threads see it at once, one of them wins.
            let _ = self.current.compare_exchange(current, current + 1, Ordering::AcqRel, Ordering::Acquire);
        }
    }
}

impl fmt::Debug for ByProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByProvider").field("current", &self.current).finish_non_exhaustive()
    }
}
