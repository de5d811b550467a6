//! The request to the store of shared budgets, which is answered before a call is sent.

use std::sync::Arc;

use crate::alert::Alerts;
use crate::budget::{Reservation, SharedHold};
use crate::{BudgetExceeded, BudgetStore, StoreAnswer, StoreAsk};

use super::pending_call::PendingCall;

/// A call's request to the store that keeps some of its budgets.
#[derive(Debug)]
pub struct StoreQuestion {
    store: Arc<dyn BudgetStore>,
    ask: StoreAsk,
}

impl PendingCall {
    /// Returns the request to the store that keeps some of the call's budgets, or `None` if there is no store or already
    /// an answer. The request must be answered before the call is sent.
    pub fn ask_store(&mut self) -> Option<StoreQuestion> {
        let (store, ask) = self.reservation.as_mut()?.shared_mut()?.ask()?;
        Some(StoreQuestion { store, ask })
    }

    /// Applies the store's answer.
    ///
    /// # Errors
    ///
    /// Returns the refusal, which is already recorded. The call must still be settled, at no cost.
    pub fn store_answered(&mut self, model: &Arc<str>, answer: &StoreAnswer) -> Result<(), BudgetExceeded> {
        let Some(shared) = self.reservation.as_mut().and_then(Reservation::shared_mut) else { return Ok(()) };
        let (mut observed, mut alerts) = (Vec::new(), Alerts::default());
        let answered = shared.apply_answer(model, answer, self.scope.0.task.ledger.now(), &mut observed);
        self.scope.count_would_refuse(observed, &mut alerts);
        let answered = answered.map_err(|refused| self.scope.count_refused(refused, &mut alerts));
        alerts.send(&self.scope);
        answered
    }

    /// Asks the store without waiting, if it has not answered yet. For a call that is about to be sent.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`store_answered`](Self::store_answered).
    pub fn ask_store_now(&mut self, model: &Arc<str>) -> Result<(), BudgetExceeded> {
        let shared = self.reservation.as_mut().and_then(Reservation::shared_mut);
        match shared.and_then(SharedHold::ask_now) {
            Some(answer) => self.store_answered(model, &answer),
            None => Ok(()),
        }
    }
}

impl StoreQuestion {
    /// Returns the store's answer. Await it before the call is sent, and pass it to [`PendingCall::store_answered`].
    pub async fn answer(&self) -> StoreAnswer {
        self.store.reserve(&self.ask).await
    }
}
