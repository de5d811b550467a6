//! Asks the store that holds budgets for several processes.

use outlay_ledger::{Refusal, StoreAnswer, StoreQuestion};

use super::begin::OpenCall;
use super::call_end::CallEnd;

impl OpenCall {
    /// Returns what to ask the store before the call is sent. `None` if no store holds a budget of the call, or if the
    /// store has answered.
    pub fn ask_store(&mut self) -> Option<StoreQuestion> {
        self.pending.as_mut()?.ask_store()
    }

    /// Applies the store's answer. Returns the call if it may be sent.
    ///
    /// # Errors
    ///
    /// Returns the refusal, which is recorded in the ledger and has a span.
    pub fn store_answered(mut self, answer: &StoreAnswer) -> Result<Self, Refusal> {
        let answered = match &mut self.pending {
            Some(pending) => pending.store_answered(&self.start.model, answer),
            None => Ok(()),
        };
        self.or_refused(answered.map_err(Refusal::Budget))
    }

    /// Asks the store without waiting, unless it was asked before. Use this for a call that is about to be sent.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`store_answered`](Self::store_answered).
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
