//! What a call asks of the store that holds budgets for several processes.

use outlay_ledger::{Refusal, StoreAnswer, StoreQuestion};

use super::begin::OpenCall;
use super::call_end::CallEnd;

impl OpenCall {
    /// What is to be asked before the call is sent, as long as there is no answer. `None` where no store holds a budget of
    /// it.
    pub fn ask_store(&mut self) -> Option<StoreQuestion> {
        self.pending.as_mut()?.ask_store()
    }

    /// Takes the store's answer in, and gives the call back where it may be sent.
    ///
    /// # Errors
    ///
    /// The refusal. It is in the books, and has its span.
    pub fn store_answered(mut self, answer: &StoreAnswer) -> Result<Self, Refusal> {
        let answered = match &mut self.pending {
            Some(pending) => pending.store_answered(&self.start.model, answer),
            None => Ok(()),
        };
        self.or_refused(answered.map_err(Refusal::Budget))
    }

    /// Asks the store without waiting, where that has not been done: for a call that is about to be sent.
    ///
    /// # Errors
    ///
    /// Like [`store_answered`](Self::store_answered).
    pub fn ask_store_now(mut self) -> Result<Self, Refusal> {
        let answered = match &mut self.pending {
            Some(pending) => pending.ask_store_now(&self.start.model),
            None => Ok(()),
        };
        self.or_refused(answered.map_err(Refusal::Budget))
    }

    fn or_refused(self, answered: Result<(), Refusal>) -> Result<Self, Refusal> {
        match answered {
            Ok(()) => Ok(self),
            Err(reason) => {
                self.settle(CallEnd::refused(&reason));
                Err(reason)
            }
        }
    }
}
