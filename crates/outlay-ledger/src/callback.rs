//! Calls to code that the application supplies: clocks, id generators, stores and listeners. A panic in that code is
//! caught here, so it affects neither the call nor the ledger. The panic hook has already reported it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls the application's code. Returns `None` if it panics.
#[doc(hidden)]
pub fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => Some(result),
        Err(payload) => {
            // The payload is the application's too, and its drop may panic.
            std::mem::forget(payload);
            None
        }
    }
}

/// An application's implementation of a trait. If it panics, the default implementation takes over.
#[derive(Debug)]
pub(crate) struct Guarded<T>(pub(crate) T);
