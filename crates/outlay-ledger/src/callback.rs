//! Calls to code that the application supplies: clocks, id generators, stores and listeners. A panic in that code is caught
//! here and reaches neither a call nor the books. The panic hook has already reported it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls the application's code. Returns `None` where that panics.
#[doc(hidden)]
pub fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => Some(result),
        Err(payload) => {
            // It is the application's too, and may panic when it is dropped.
            std::mem::forget(payload);
            None
        }
    }
}

/// What the application has put in the place of ours. Where it panics, ours does its work.
#[derive(Debug)]
pub(crate) struct Guarded<T>(pub(crate) T);
