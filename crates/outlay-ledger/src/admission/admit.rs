//! The checks before a call is sent: stops, the policy, and budgets.

use crate::alert::{AlertSource as _, Alerts};
use crate::budget::{Bound, BudgetCell, Refused, Reservation, SharedHold};
use crate::sync::atomic::Ordering;
use crate::{AlertKind, BudgetExceeded, Forecast, Refusal, Scope};

use super::ask::Ask;
use super::pending_call::{PendingCall, Settled};

impl Scope {
    /// Opens a call in this scope, or in the nearest open scope around it, after every budget above has reserved what the
    /// call may cost.
    ///
    /// # Errors
    ///
    /// Returns a [`Refusal`] if the task is stopped, the policy does not allow the call, or a budget has no room for it.
    /// Nothing is reserved then.
    pub fn open_call(&self, ask: &Ask<'_>) -> Result<PendingCall, Refusal> {
        self.open_call_expecting(ask, &Forecast::NONE)
    }

    /// Opens a call with a forecast. See [`open_call`](Self::open_call).
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open_call`](Self::open_call).
    pub fn open_call_expecting(&self, ask: &Ask<'_>, forecast: &Forecast<'_>) -> Result<PendingCall, Refusal> {
        let scope = self.open_ancestor();
        let mut alerts = Alerts::default();
        let admitted = scope.admit(ask, forecast, &mut alerts);
        if !ask.is_trial || admitted.is_ok() {
            if let Err(refusal) = &admitted {
                scope.0.task.count_refusal(refusal);
            }
            alerts.send(&scope);
        }
        let reservation = admitted?;
        let scope = scope.open_call_in_ancestor();
        Ok(PendingCall::new(scope, reservation))
    }

    /// Checks a call. Returns its reservation if it is admitted.
    fn admit(
        &self,
        ask: &Ask<'_>,
        forecast: &Forecast<'_>,
        alerts: &mut Alerts,
    ) -> Result<Option<Reservation>, Refusal> {
        if let Some(stopped) = self.0.task.stopped(ask.model) {
            alerts.push(stopped.name(), AlertKind::Stopped(stopped.clone()));
            return Err(Refusal::Stopped(stopped));
        }
        if let Some(violation) = self.check_model(ask, alerts) {
            return Err(Refusal::Policy(violation));
        }
        if !self.has_budget() {
            return Ok(None);
        }
        self.reserve(ask, forecast, alerts).map(Some).map_err(Refusal::Budget)
    }

    fn reserve(
        &self,
        ask: &Ask<'_>,
        forecast: &Forecast<'_>,
        alerts: &mut Alerts,
    ) -> Result<Reservation, BudgetExceeded> {
        let Ask { model, input, max_output, is_turn, is_trial, bound, .. } = *ask;
        let bound = Bound { model, input, max_output, is_turn, usd: bound, forecast };
        let mut observed = Vec::new();
        let ledger = &self.0.task.ledger;
        let mut shared = Vec::new();
        let made = self
            .0
            .budgets
            .with(|budgets| Reservation::make(budgets, &bound, ledger.now(), is_trial, &mut observed, &mut shared));
        let made = match made {
            Err((_, exceeded)) if is_trial => return Err(exceeded),
            made => made,
        };
        self.count_would_refuse(observed, alerts);
        let mut reservation = made.map_err(|refused| self.count_refused(refused, alerts))?;
        if let (Some(store), false) = (&ledger.budget_store, shared.is_empty()) {
            reservation.set_shared(SharedHold::new(store.clone(), shared));
        }
        Ok(reservation)
    }

    pub(super) fn count_refused(&self, (cell, exceeded): Refused, alerts: &mut Alerts) -> BudgetExceeded {
        let first = self.is_first_in_task(&cell, "refused", &exceeded);
        let exceeded = cell.count_refused(exceeded, self.0.task.ledger.now(), first);
        self.0.task.refused_by_budgets.fetch_add(1, Ordering::Relaxed);
        if !self.is_task_budget(&cell) {
            self.0.task.keep_refusal(&exceeded);
        }
        alerts.push(&cell.name, AlertKind::Refused(exceeded.clone()));
        exceeded
    }

    pub(super) fn count_would_refuse(&self, observed: Vec<Refused>, alerts: &mut Alerts) {
        for (cell, exceeded) in observed {
            let first = self.is_first_in_task(&cell, "would refuse", &exceeded);
            let exceeded = cell.count_would_refuse(exceeded, self.0.task.ledger.now(), first);
            alerts.push(&cell.name, AlertKind::WouldRefuse(exceeded));
        }
    }

    /// Returns whether the refusal is the task's first, if the budget limits each call separately. Such a budget has no
    /// period.
    fn is_first_in_task(&self, cell: &BudgetCell, what: &str, exceeded: &BudgetExceeded) -> Option<bool> {
        let key = || format!("each call {what} {}: {}", cell.name, exceeded.reason().as_str());
        cell.is_each_call().then(|| self.record_alert(&key()).0)
    }

    /// Opens a call without asking budgets, for one that was already made by other means or was refused.
    pub fn open_call_unchecked(&self) -> PendingCall {
        PendingCall::new(self.open_call_in_ancestor(), None)
    }

    /// Returns the current figures of the ledger, for an operation that costs nothing and is not recorded.
    pub fn settled_so_far(&self) -> Settled {
        let (running, running_calls) = self.running();
        Settled { running, running_calls, late: self.is_late(), orphaned: false, store_check: None }
    }
}
