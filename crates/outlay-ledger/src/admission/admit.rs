//! What refuses a call before it is sent: a stop, the policy, or a budget.

use crate::alert::{AlertSource as _, Alerts};
use crate::budget::{Bound, BudgetCell, Refused, Reservation, SharedHold};
use crate::sync::atomic::Ordering;
use crate::{AlertKind, BudgetExceeded, Forecast, Refusal, Scope};

use super::ask::Ask;
use super::pending_call::{PendingCall, Settled};

impl Scope {
    /// Begins a call in this scope, or in the nearest open one around it, once every budget above has reserved what
    /// the call may cost.
    ///
    /// # Errors
    ///
    /// [`Refusal`] where the task is stopped, the policy does not allow the call, or a budget has no room for it. Nothing
    /// is reserved then.
    pub fn open_call(&self, ask: &Ask<'_>) -> Result<PendingCall, Refusal> {
        self.open_call_expecting(ask, &Forecast::NONE)
    }

    /// Begins a call of which something is expected, like [`open_call`](Self::open_call).
    ///
    /// # Errors
    ///
    /// Those of [`open_call`](Self::open_call).
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
        let scope = scope.take_in_call();
        Ok(PendingCall::new(scope, reservation))
    }

    /// What is reserved for a call that nothing refuses.
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
        let ground = &self.0.task.ground;
        let mut shared = Vec::new();
        let made = self
            .0
            .budgets
            .with(|budgets| Reservation::make(budgets, &bound, ground.now(), is_trial, &mut observed, &mut shared));
        let made = match made {
            Err((_, why)) if is_trial => return Err(why),
            made => made,
        };
        self.would_refuse(observed, alerts);
        let mut reservation = made.map_err(|refused| self.count_refused(refused, alerts))?;
        if let (Some(store), false) = (&ground.budget_store, shared.is_empty()) {
            reservation.share(SharedHold::new(store.clone(), shared));
        }
        Ok(reservation)
    }

    pub(super) fn count_refused(&self, (cell, why): Refused, alerts: &mut Alerts) -> BudgetExceeded {
        let first = self.is_first_of_each_call(&cell, "refused", &why);
        let why = cell.count_refused(why, self.0.task.ground.now(), first);
        self.0.task.refused_by_budgets.fetch_add(1, Ordering::Relaxed);
        if !self.is_of_a_task(&cell) {
            self.0.task.remember(&why);
        }
        alerts.push(&cell.name, AlertKind::Refused(why.clone()));
        why
    }

    pub(super) fn would_refuse(&self, observed: Vec<Refused>, alerts: &mut Alerts) {
        for (cell, why) in observed {
            let first = self.is_first_of_each_call(&cell, "would refuse", &why);
            let why = cell.count_would_refuse(why, self.0.task.ground.now(), first);
            alerts.push(&cell.name, AlertKind::WouldRefuse(why));
        }
    }

    /// A budget that holds each call by itself has no period: its refusals are first in each task.
    fn is_first_of_each_call(&self, cell: &BudgetCell, what: &str, why: &BudgetExceeded) -> Option<bool> {
        let key = || format!("each call {what} {}: {}", cell.name, why.reason().as_str());
        cell.is_each_call().then(|| self.record_alert(&key()).0)
    }

    /// Begins a call for which no budget is asked: one that has been made already, by other means, or was refused.
    pub fn open_call_unchecked(&self) -> PendingCall {
        PendingCall::new(self.take_in_call(), None)
    }

    /// What the books say where nothing is booked: of an operation that costs nothing.
    pub fn settled_so_far(&self) -> Settled {
        let (running, running_calls) = self.running();
        Settled { running, running_calls, late: self.is_late(), orphaned: false, store_check: None }
    }
}
