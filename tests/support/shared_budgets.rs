use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use outlay_ledger::{
    Amount, BudgetStore, Held, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreFigures, StoreFuture,
};

/// An in-memory budget store that records its requests and whose answers and delay a test can set.
#[derive(Clone, Debug, Default)]
pub struct SharedBudgets(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    spent: HashMap<Arc<str>, i128>,
    reserved: HashMap<u64, StoreAsk>,
    settled: Vec<Settlement>,
    asks: usize,
    asks_now: usize,
    answer: Option<StoreAnswer>,
    delay: Duration,
}

impl SharedBudgets {
    /// Sets the answer to every later request; `None` makes the store decide.
    pub fn answer_with(&self, answer: Option<StoreAnswer>) {
        self.lock().answer = answer;
    }

    /// Sets how long each later answer takes.
    pub fn delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Returns the number of requests that waited for the answer, and of those that could not.
    pub fn asks(&self) -> (usize, usize) {
        let state = self.lock();
        (state.asks, state.asks_now)
    }

    /// Returns how each settled request was held, and its spending in its first budget.
    pub fn settled(&self) -> Vec<(Held, i128)> {
        self.lock().settled.iter().map(|settled| (settled.held, settled.spent[0].units())).collect()
    }

    /// Returns the amount that the first settled request reserved in its first budget.
    ///
    /// # Panics
    ///
    /// If nothing has settled.
    pub fn first_reserved(&self) -> Amount {
        self.lock().settled[0].ask.holds()[0].amount
    }

    /// Returns the number of open reservations.
    pub fn open(&self) -> usize {
        self.lock().reserved.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the lock")
    }
}

impl State {
    fn reserve(&mut self, ask: &StoreAsk) -> StoreAnswer {
        if let Some(answer) = &self.answer {
            return answer.clone();
        }
        let mut would_refuse = Vec::new();
        for (hold, request) in ask.holds().iter().enumerate() {
            let key = &request.budget.key;
            let spent = self.spent.get(key).copied().unwrap_or(0);
            let open = self.reserved.values().flat_map(|ask| ask.holds()).filter(|held| held.budget.key == *key);
            let reserved: i128 = open.map(|held| held.amount.units()).sum();
            let limit = request.budget.limit;
            if spent + reserved + request.amount.units() > limit.units() {
                let figures =
                    StoreFigures { hold, spent: limit.with_units(spent), reserved: limit.with_units(reserved) };
                if !request.budget.observed {
                    return StoreAnswer::Refused(figures);
                }
                would_refuse.push(figures);
            }
        }
        self.reserved.insert(ask.id(), ask.clone());
        StoreAnswer::Admitted(would_refuse)
    }
}

impl BudgetStore for SharedBudgets {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        let delay = {
            let mut state = self.lock();
            state.asks += 1;
            state.delay
        };
        Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            self.lock().reserve(ask)
        })
    }

    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        let mut state = self.lock();
        state.asks_now += 1;
        state.reserve(ask)
    }

    fn settle(&self, settlement: Settlement) {
        let mut state = self.lock();
        state.reserved.remove(&settlement.ask.id());
        for (hold, spent) in settlement.ask.holds().iter().zip(&settlement.spent) {
            *state.spent.entry(hold.budget.key.clone()).or_default() += spent.units();
        }
        state.settled.push(settlement);
    }

    fn spent(&self, budget: &StoreBudget) -> Option<Amount> {
        self.lock().spent.get(&budget.key).map(|spent| budget.limit.with_units(*spent))
    }
}
