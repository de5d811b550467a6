use outlay_price::Usd;

use crate::alert::Alerts;
use crate::budget::Reservation;
use crate::money::Spent;
use crate::record::CallRecord;
use crate::sync::lock;
use crate::{Scope, StoreCheck};

/// A model call that has begun: settle it once. Dropped unsettled, it gives its reservation back and counts as
/// nothing; whoever opened it knows better what it cost, and must say so.
#[derive(Debug)]
pub struct PendingCall {
    pub(super) scope: Scope,
    pub(super) reservation: Option<Reservation>,
    open: bool,
}

/// What the books say right after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// The task's known cost, this call included.
    pub running: Usd,
    /// The task's settled calls, with this one unless it was refused.
    pub running_calls: u64,
    /// Whether the cost is outside its task's sum, because the task or the call's scope had closed before.
    pub late: bool,
    /// Whether it is outside its own scope's sum too, because that had closed before.
    pub orphaned: bool,
    /// Whether the store that holds some of its budgets has checked it; `None` where there is none, or it was never asked.
    pub store_check: Option<StoreCheck>,
}

impl PendingCall {
    pub(super) const fn new(scope: Scope, reservation: Option<Reservation>) -> Self {
        Self { scope, reservation, open: true }
    }

    /// The scope that the call is counted in.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The most output tokens that a budget has assumed for the call; `None` where it says its maximum, or where no budget
    /// holds it that counts them.
    pub fn assumed_output(&self) -> Option<u64> {
        self.reservation.as_ref()?.assumed_output()
    }

    /// Settles the call: its cost replaces what was reserved, and its scope may close.
    pub fn settle(mut self, call: CallRecord) -> Settled {
        self.open = false;
        let (cost, refused) = (call.charge.total(), call.refused);
        let spent = Spent {
            usd: cost,
            tokens: call.usage.total_tokens().saturating_add(call.bounded_tokens),
            // One that was refused, or given up before it was sent, is none.
            calls: u64::from(call.sent),
            turns: u64::from(call.operation == "chat" && !call.failed),
        };
        let store_check = self.settle_shared(&spent);
        let scope = &self.scope.0;
        let keep = if refused { scope.keep_refused_record() } else { scope.keep_record() };
        let mut alerts = Alerts::default();
        self.scope.watch_call(&call, &mut alerts);
        let (in_time, settled, late) = {
            let mut state = lock(scope.state());
            let in_time = state.settle_call(call, scope.cost_kind(), keep);
            let late = !in_time || scope.late();
            // Before the lock goes: who sees the call in the totals sees it in the budget too.
            if !late {
                scope.task.spend(cost, u64::from(!refused));
            }
            match self.reservation.take() {
                Some(reservation) => reservation.settle(&spent, &mut alerts),
                None => scope.spend(&spent, &mut alerts),
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

    /// Settles in the budgets of a store, and says whether that has checked the call.
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
