//! The question to the store of shared budgets that a call waits for before it is sent.

use std::sync::Arc;

use crate::alert::Alerts;
use crate::budget::{Reservation, SharedHold};
use crate::{BudgetExceeded, BudgetStore, StoreAnswer, StoreAsk};

use super::pending_call::PendingCall;

/// A call's question to the store that holds some of its budgets.
#[derive(Debug)]
pub struct StoreQuestion {
    store: Arc<dyn BudgetStore>,
    ask: StoreAsk,
}

impl PendingCall {
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
        let answered = shared.answered(model, answer, self.scope.0.task.ground.now(), &mut observed);
        self.scope.would_refuse(observed, &mut alerts);
        let answered = answered.map_err(|refused| self.scope.count_refused(refused, &mut alerts));
        alerts.send(&self.scope);
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
    /// The store's answer. It is awaited before the call is sent, and taken in by [`PendingCall::store_answered`].
    pub async fn answer(&self) -> StoreAnswer {
        self.store.reserve(&self.ask).await
    }
}
