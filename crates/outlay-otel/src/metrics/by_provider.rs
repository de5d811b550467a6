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
const MAX_PROVIDERS: usize = 64;

/// The instruments, which are made at first use: of the given meter, else of the global provider. They are made again
/// only if the application has replaced the global provider since.
#[derive(Default)]
pub(super) struct ByProvider {
    made: OfProviders,
    /// The index of the current instruments.
    current: AtomicUsize,
    too_many: OnceLock<()>,
}

/// The instruments of each provider, in the order in which the application has set them.
struct OfProviders([OnceLock<Box<Made>>; MAX_PROVIDERS]);

/// The instruments, and the global provider that they are of.
struct Made(Option<Weak<Provider>>, Instruments);

impl ByProvider {
    /// Returns the current instruments.
    pub(super) fn get(&self, given: Option<&Meter>, semconv: Semconv, member: impl FnOnce() -> Member) -> &Instruments {
        let current = &self.made.0[self.current.load(Ordering::Acquire).min(MAX_PROVIDERS - 1)];
        let made = current.get_or_init(|| {
            Box::new(match given {
                Some(meter) => Made(None, Instruments::of_given(meter, semconv, member())),
                None => {
                    let provider = global::meter_provider();
                    let instruments = Instruments::of_global(&provider, semconv, member());
                    // Keeps the allocation, so that no other provider gets its address, but not the provider.
                    Made(Some(Arc::downgrade(&provider)), instruments)
                }
            })
        });
        &made.1
    }

    /// Checks whether the global provider has changed. If so, later calls use the new one.
    pub(super) fn check_provider(&self) {
        let current = self.current.load(Ordering::Acquire);
        let Some(made) = self.made.0.get(current).and_then(OnceLock::get) else { return };
        let Some(known) = &made.0 else { return };
        if std::ptr::addr_eq(known.as_ptr(), Arc::as_ptr(&global::meter_provider())) {
            return;
        }
        if current + 1 < MAX_PROVIDERS {
            // If two threads see it at once, one of them wins.
            let _ = self.current.compare_exchange(current, current + 1, Ordering::AcqRel, Ordering::Acquire);
        } else {
            self.too_many.get_or_init(|| {
                tracing::warn!(
                    target: "outlay",
                    "the global meter provider was replaced {MAX_PROVIDERS} times: the last one gets no metrics"
                );
            });
        }
    }
}

impl Default for OfProviders {
    fn default() -> Self {
        Self([const { OnceLock::new() }; MAX_PROVIDERS])
    }
}

impl fmt::Debug for ByProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByProvider").field("current", &self.current).finish_non_exhaustive()
    }
}
