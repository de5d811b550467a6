use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use outlay_ledger::{Held, Settlement, StoreAsk};

use crate::deadlines::Deadlines;
use crate::known_spending::KnownSpending;
use crate::lease::Lease;
use crate::reported_usage::ReportedUsage;
use crate::when_down::WhenDown;

/// The state that calls share with the Redis thread.
#[derive(Debug)]
pub(crate) struct SharedState {
    when_down: WhenDown,
    pub(crate) lease: Lease,
    pub(crate) spending: KnownSpending,
    up: AtomicBool,
    /// Whether data was lost that no flush has reported yet.
    pub(crate) has_lost: AtomicBool,
    /// Why Redis is down.
    down_reason: Mutex<Option<String>>,
    /// The asks that were sent and may or may not have been reserved.
    unknown: Mutex<HashSet<u64>>,
    has_logged_error: AtomicBool,
    pub(crate) deadlines: Deadlines,
    pub(crate) time_limit: Duration,
}

impl SharedState {
    pub(crate) fn new(when_down: WhenDown, time_limit: Duration, forget_after: Duration) -> Self {
        Self {
            when_down,
            lease: Lease::new(when_down),
            spending: KnownSpending::new(forget_after),
            up: AtomicBool::new(false),
            has_lost: AtomicBool::new(false),
            down_reason: Mutex::default(),
            unknown: Mutex::default(),
            has_logged_error: AtomicBool::new(false),
            deadlines: Deadlines::default(),
            time_limit,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub(crate) fn mark_down(&self, reason: String) {
        if self.up.swap(false, Ordering::AcqRel) {
            tracing::warn!(
                target: "outlay",
                when_down = ?self.when_down,
                "cannot check budgets on Redis: {reason}"
            );
        }
        *lock(&self.down_reason) = Some(reason);
    }

    pub(crate) fn mark_up(&self) {
        if !self.up.swap(true, Ordering::AcqRel) && lock(&self.down_reason).take().is_some() {
            tracing::info!(target: "outlay", "budgets are checked on Redis again; all spending in the meantime is written");
        }
    }

    /// Marks Redis as down without a log entry, because the thread that talks to it ends.
    pub(crate) fn close(&self) {
        self.up.store(false, Ordering::Release);
    }

    pub(crate) fn down_reason(&self) -> String {
        lock(&self.down_reason).clone().unwrap_or_else(|| "it did not answer in time".to_owned())
    }

    /// Logs that Redis has rejected a reservation. Logs only the first error, because each call would repeat it.
    pub(crate) fn log_rejection(&self, error: &redis::RedisError) {
        if !self.has_logged_error.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "outlay", "Redis rejected a reservation, so `when_down` applies to the call: {error}");
        }
    }

    /// Takes over the usage that Redis reports for the budgets of `ask`.
    pub(crate) fn update_usage(&self, ask: &StoreAsk, reported: &[ReportedUsage]) {
        self.lease.update_usage(ask, reported);
        self.spending.update(ask, reported);
    }

    /// Frees the lease of a settlement that Redis has.
    pub(crate) fn confirm(&self, settlement: &Settlement) {
        if settlement.held == Held::Unchecked {
            self.lease.release(&settlement.ask, &settlement.spent);
        }
    }

    pub(crate) fn unknown(&self) -> MutexGuard<'_, HashSet<u64>> {
        lock(&self.unknown)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
