use std::sync::Arc;

use outlay_price::Usd;

use crate::alert::Alerts;
use crate::budget::{Bound, BudgetCell, Refused, Reservation, SharedHold, Spent};
use crate::record::CallRecord;
use crate::scope::State;
use crate::sync::atomic::Ordering;
use crate::sync::lock;
use crate::{AlertKind, BudgetExceeded, BudgetStore, Forecast, Refusal, Scope, StoreAnswer, StoreAsk, StoreCheck};

/// What a call asks of the budgets above it.
#[allow(missing_debug_implementations, reason = "it holds a closure, and lives for one call")]
pub struct Ask<'a> {
    /// The model, for the refusal's text.
    pub model: &'a Arc<str>,
    /// The most tokens of its input.
    pub input: u64,
    /// The most output tokens that the call allows itself, where it says so.
    pub max_output: Option<u64>,
    /// Whether it is a chat: a turn of an agent's loop.
    pub is_turn: bool,
    /// Whether `model` names a model, which a policy may not allow.
    pub has_model: bool,
    /// Whether a refusal leaves no trace, for the call may yet be made otherwise.
    pub is_trial: bool,
    /// The most that the call can cost if it writes at most so many output tokens; `None` where it has no price.
    pub bound: &'a dyn Fn(u64) -> Option<Usd>,
}

/// A model call that has begun: settle it once. Dropped unsettled, it gives its reservation back and counts as
/// nothing; whoever opened it knows better what it cost, and must say so.
#[derive(Debug)]
pub struct OpenCall {
    scope: Scope,
    reservation: Option<Reservation>,
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

/// A call's question to the store that holds some of its budgets.
#[derive(Debug)]
pub struct StoreQuestion {
    store: Arc<dyn BudgetStore>,
    ask: StoreAsk,
}

impl Scope {
    /// Begins a call in this scope, or in the nearest open one around it, once every budget above has reserved what
    /// the call may cost.
    ///
    /// # Errors
    ///
    /// [`Refusal`] where the task is stopped, the policy does not allow the call, or a budget has no room for it. Nothing
    /// is reserved then.
    pub fn open_call(&self, ask: &Ask<'_>) -> Result<OpenCall, Refusal> {
        self.open_call_expecting(ask, &Forecast::NONE)
    }

    /// Begins a call of which something is expected, like [`open_call`](Self::open_call).
    ///
    /// # Errors
    ///
    /// Those of [`open_call`](Self::open_call).
    pub fn open_call_expecting(&self, ask: &Ask<'_>, forecast: &Forecast<'_>) -> Result<OpenCall, Refusal> {
        let scope = self.open_ancestor();
        let mut alerts = Alerts::default();
        let admitted = scope.admit(ask, forecast, &mut alerts);
        if !ask.is_trial || admitted.is_ok() {
            if let Err(refusal) = &admitted {
                scope.0.task.count_refusal(refusal);
            }
            alerts.tell(&scope);
        }
        let reservation = admitted?;
        let scope = scope.take_call_in();
        Ok(OpenCall { scope, reservation, open: true })
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
        if let Some(violation) = self.check_call(ask, alerts) {
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
            Err((_, why)) if is_trial => return Err(why),
            made => made,
        };
        self.would_refuse(observed, alerts);
        let mut reservation = made.map_err(|refused| self.count_refused(refused, alerts))?;
        if let (Some(store), false) = (ledger.budget_store(), shared.is_empty()) {
            reservation.share(SharedHold::new(store.clone(), shared));
        }
        Ok(reservation)
    }

    fn count_refused(&self, (cell, why): Refused, alerts: &mut Alerts) -> BudgetExceeded {
        let first = self.is_first_of_each_call(&cell, "refused", &why);
        let why = cell.count_refused(why, self.0.task.ledger.now(), first);
        self.0.task.refused_by_budgets.fetch_add(1, Ordering::Relaxed);
        if !self.is_of_a_task(&cell) {
            self.0.task.remember(&why);
        }
        alerts.push(&cell.name, AlertKind::Refused(why.clone()));
        why
    }

    fn would_refuse(&self, observed: Vec<Refused>, alerts: &mut Alerts) {
        for (cell, why) in observed {
            let first = self.is_first_of_each_call(&cell, "would refuse", &why);
            let why = cell.count_would_refuse(why, self.0.task.ledger.now(), first);
            alerts.push(&cell.name, AlertKind::WouldRefuse(why));
        }
    }

    /// A budget that holds each call by itself has no period: its refusals are first in each task.
    fn is_first_of_each_call(&self, cell: &BudgetCell, what: &str, why: &BudgetExceeded) -> Option<bool> {
        let key = || format!("each call {what} {}: {}", cell.name, why.reason().as_str());
        cell.is_each_call().then(|| self.record_alert(&key()).0)
    }

    /// Begins a call for which no budget is asked: one that has been made already, by other means, or was refused.
    pub fn open_call_unchecked(&self) -> OpenCall {
        OpenCall { scope: self.take_call_in(), reservation: None, open: true }
    }

    /// What the books say where nothing is booked: of an operation that costs nothing.
    pub fn settled_so_far(&self) -> Settled {
        let (running, running_calls) = self.running();
        Settled { running, running_calls, late: self.is_late(), orphaned: false, store_check: None }
    }

    /// Counts a call as open here, or in the nearest open scope around this one.
    fn take_call_in(&self) -> Self {
        self.take_in(State::open_call, State::drop_call).0
    }
}

impl OpenCall {
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
        alerts.tell(&self.scope);
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
        shared.settle(spent, &self.scope);
        shared.check()
    }

    /// What is to be asked of the store that holds some of the call's budgets, as long as there is no answer: before the
    /// call is sent.
    pub fn ask_store(&mut self) -> Option<StoreQuestion> {
        let (store, ask) = self.reservation.as_mut()?.shared_mut()?.ask()?;
        Some(StoreQuestion { store, ask })
    }

    /// Takes the store's answer in.
    ///
    /// # Errors
    ///
    /// The refusal, which is in the books. The call is still to be settled, as one that came to nothing.
    pub fn store_answered(&mut self, model: &Arc<str>, answer: &StoreAnswer) -> Result<(), BudgetExceeded> {
        let Some(shared) = self.reservation.as_mut().and_then(Reservation::shared_mut) else { return Ok(()) };
        let (mut observed, mut alerts) = (Vec::new(), Alerts::default());
        let answered = shared.answered(model, answer, self.scope.0.task.ledger.now(), &mut observed);
        self.scope.would_refuse(observed, &mut alerts);
        let answered = answered.map_err(|refused| self.scope.count_refused(refused, &mut alerts));
        alerts.tell(&self.scope);
        answered
    }

    /// Asks the store without waiting, where that has not been done: for a call that is about to be sent.
    ///
    /// # Errors
    ///
    /// Like [`store_answered`](Self::store_answered).
    pub fn ask_store_now(&mut self, model: &Arc<str>) -> Result<(), BudgetExceeded> {
        let shared = self.reservation.as_mut().and_then(Reservation::shared_mut);
        match shared.and_then(SharedHold::ask_now) {
            Some(answer) => self.store_answered(model, &answer),
            None => Ok(()),
        }
    }
}

impl StoreQuestion {
    /// The store's answer. It is awaited before the call is sent, and taken in by [`OpenCall::store_answered`].
    pub async fn answer(&self) -> StoreAnswer {
        self.store.reserve(&self.ask).await
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.open {
            drop(self.reservation.take());
            lock(self.scope.0.state()).drop_call();
            self.scope.close_if_settled();
        }
    }
}
