//! A task's running total: read after every call, written by every charge.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use outlay_price::Usd;

use crate::sync::{Mutex, lock};

const STRIPES: usize = 4;

/// A sum split into a few stripes, so that threads that charge different scopes of a task do not contend.
#[derive(Debug, Default)]
pub(crate) struct RunningTotal {
    stripes: [Stripe; STRIPES],
}

/// One cache line, so that two stripes never share one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Stripe(Mutex<(Usd, u64)>);

impl RunningTotal {
    pub(crate) fn add(&self, cost: Usd, calls: u64) {
        let mut stripe = lock(&self.stripes[own_stripe()].0);
        stripe.0 = stripe.0.saturating_add(cost);
        stripe.1 += calls;
    }

    /// Returns the known cost and the number of calls so far.
    pub(crate) fn sum(&self) -> (Usd, u64) {
        self.stripes.iter().fold((Usd::ZERO, 0), |(cost, calls), stripe| {
            let stripe = lock(&stripe.0);
            (cost.saturating_add(stripe.0), calls + stripe.1)
        })
    }
}

fn own_stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES);
    }
    // A thread that is being torn down has no thread locals left; any stripe will do.
    OWN.try_with(Cell::get).unwrap_or(0)
}
