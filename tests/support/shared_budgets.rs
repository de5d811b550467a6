use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use outlay_ledger::{Amount, BudgetStore, Held, Settlement, StoreAnswer, StoreAsk, StoreFigures, StoreFuture};

/// A store of budgets in memory, which writes down what it is asked, and does what a test wants.
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
    /// From now on every answer is this.
    pub fn answer_with(&self, answer: Option<StoreAnswer>) {
        self.lock().answer = answer;
    }

    /// From now on each answer takes so long.
    pub fn delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// How often it was asked by calls that wait for the answer, and by calls that cannot.
    pub fn asks(&self) -> (usize, usize) {
        let state = self.lock();
        (state.asks, state.asks_now)
    }

    /// What became of each ask, and what it came to in its first budget.
    pub fn settled(&self) -> Vec<(Held, i128)> {
        self.lock().settled.iter().map(|settled| (settled.held, settled.spent[0].units())).collect()
    }

    /// The most that the first settled ask was for, in its first budget.
    ///
    /// # Panics
    ///
    /// Where nothing has settled.
    pub fn most_asked(&self) -> Amount {
        self.lock().settled[0].ask.holds()[0].amount
    }

    /// How many reservations are open.
    pub fn open(&self) -> usize {
        self.lock().reserved.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics with it")
    }
}

impl State {
    fn reserve(&mut self, ask: &StoreAsk) -> StoreAnswer {
        if let Some(answer) = &self.answer {
            return answer.clone();
        }
        let mut would_refuse = Vec::new();
        for (hold, wanted) in ask.holds().iter().enumerate() {
            let key = &wanted.budget.key;
            let spent = self.spent.get(key).copied().unwrap_or(0);
            let open = self.reserved.values().flat_map(|ask| ask.holds()).filter(|held| held.budget.key == *key);
            let reserved: i128 = open.map(|held| held.amount.units()).sum();
            let limit = wanted.budget.limit;
            if spent + reserved + wanted.amount.units() > limit.units() {
                let figures =
                    StoreFigures { hold, spent: limit.with_units(spent), reserved: limit.with_units(reserved) };
                if !wanted.budget.observed {
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
}
