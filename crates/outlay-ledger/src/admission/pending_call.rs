use outlay_price::Usd;

use crate::alert::Alerts;
use crate::budget::Reservation;
use crate::money::Spent;
use crate::record::CallRecord;
use crate::sync::lock;
use crate::{Scope, StoreCheck};

/// An open model call, to be settled once. If it is dropped without [`settle`](Self::settle), its reservation is released
/// and no cost is counted, so code that knows the cost must settle it.
#[derive(Debug)]
pub struct PendingCall {
    pub(super) scope: Scope,
    pub(super) reservation: Option<Reservation>,
    open: bool,
}

/// The figures of the ledger right after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// The task's known cost, including this call.
    pub running: Usd,
    /// The number of the task's settled calls, including this one unless it was refused.
    pub running_calls: u64,
    /// Whether the cost is not in the task's total, because the task or the call's scope had closed before.
    pub late: bool,
    /// Whether the cost is not in its own scope's total either, because that scope had closed before.
    pub orphaned: bool,
    /// Whether the store of shared budgets has checked the call; `None` if there is no store, or it was not asked.
    pub store_check: Option<StoreCheck>,
}

impl PendingCall {
    pub(super) const fn new(scope: Scope, reservation: Option<Reservation>) -> Self {
        Self { scope, reservation, open: true }
    }

    /// Returns the scope that the call is counted in.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the highest number of output tokens that a budget has assumed for the call. `None` if the call sets a
    /// maximum, or no budget counts output.
    pub fn assumed_output(&self) -> Option<u64> {
        self.reservation.as_ref()?.assumed_output()
    }

    /// Settles the call: its cost replaces the reservation, and its scope may close.
    pub fn settle(mut self, call: CallRecord) -> Settled {
        self.open = false;
        let (cost, refused) = (call.charge.total(), call.refused);
        let spent = Spent {
            usd: cost,
            tokens: call.usage.total_tokens().saturating_add(call.bounded_tokens),
            // A call that was refused or given up before it was sent does not count.
            calls: u64::from(call.sent),
            turns: u64::from(call.operation == "chat" && !call.failed),
        };
        let store_check = self.settle_shared(&spent);
        let scope = &self.scope.0;
        let keep = if refused { scope.keep_refused_record() } else { scope.keep_record() };
        let mut alerts = Alerts::default();
        self.scope.watch_call(&call, &mut alerts);
        // Before the lock, because a clock is the application's code.
        let unreserved_at = (self.reservation.is_none() && self.scope.has_budget()).then(|| scope.task.ledger.now());
        let (in_time, settled, late) = {
            let mut state = lock(scope.state());
            let in_time = state.settle_call(call, scope.cost_kind(), keep);
            let late = !in_time || scope.late();
            // Under the lock, so that a call that is in the totals is in the budgets too.
            if !late {
                scope.task.spend(cost, u64::from(!refused));
            }
            if let Some(reservation) = self.reservation.take() {
                reservation.settle(&spent, &mut alerts);
            } else if let Some(now) = unreserved_at {
                scope.spend(&spent, now, &mut alerts);
            }
            (in_time, state.is_settled(), late)
        };
        alerts.send(&self.scope);
        let (running, running_calls) = self.scope.running();
        if settled {
            self.scope.close_if_settled();
        }
        Settled { running, running_calls, late, orphaned: !in_time, store_check }
    }

    /// Settles in the budgets of a store. Returns whether the store has checked the call.
    fn settle_shared(&mut self, spent: &Spent) -> Option<StoreCheck> {
        let Some(reservation) = &mut self.reservation else {
            self.scope.spend_shared(spent);
            return None;
        };
        let mut shared = reservation.take_shared()?;
        self.scope.settle_shared(&mut shared, spent);
        shared.check()
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        if self.open {
            drop(self.reservation.take());
            lock(self.scope.0.state()).drop_call();
            self.scope.close_if_settled();
        }
    }
}
