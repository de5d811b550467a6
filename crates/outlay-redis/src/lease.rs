//! What a process lets through by itself while Redis cannot be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use outlay_ledger::{Amount, StoreAnswer, StoreAsk};

use crate::WhenDown;

/// By budget: what has been let through, and Redis does not know of yet.
#[derive(Debug)]
pub(crate) struct Lease {
    when_down: WhenDown,
    used: Mutex<HashMap<Arc<str>, i128>>,
}

impl Lease {
    pub(crate) fn new(when_down: WhenDown) -> Self {
        Self { when_down, used: Mutex::default() }
    }

    /// The answer to an ask that Redis has not answered.
    pub(crate) fn answer(&self, ask: &StoreAsk) -> StoreAnswer {
        match self.when_down {
            WhenDown::Refuse => StoreAnswer::Unavailable,
            WhenDown::AllowAndMark => StoreAnswer::Unchecked,
            WhenDown::Lease { percent } => self.take(ask, percent),
        }
    }

    fn take(&self, ask: &StoreAsk, percent: u8) -> StoreAnswer {
        let mut used = self.lock();
        let fits = |amount: Amount, limit: Amount, used: i128| {
            let lease = limit.units().saturating_mul(i128::from(percent)) / 100;
            used.saturating_add(amount.units()) <= lease
        };
        let has_room = ask.holds().iter().all(|hold| {
            let used = used.get(&hold.budget.key).copied().unwrap_or(0);
            hold.budget.observed || fits(hold.amount, hold.budget.limit, used)
        });
        if !has_room {
            return StoreAnswer::Unavailable;
        }
        for hold in ask.holds() {
            *used.entry(hold.budget.key.clone()).or_default() += hold.amount.units();
        }
        StoreAnswer::Unchecked
    }

    /// A call that was let through came to so much.
    pub(crate) fn settle(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, |place, reserved| spent.get(place).map_or(0, |spent| spent.units()).saturating_sub(reserved));
    }

    /// Redis knows of it now.
    pub(crate) fn release(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, |place, _| spent.get(place).map_or(0, |spent| spent.units()).saturating_neg());
    }

    fn change(&self, ask: &StoreAsk, by: impl Fn(usize, i128) -> i128) {
        if !matches!(self.when_down, WhenDown::Lease { .. }) {
            return;
        }
        let mut used = self.lock();
        for (place, hold) in ask.holds().iter().enumerate() {
            let Some(sum) = used.get_mut(&hold.budget.key) else { continue };
            *sum = sum.saturating_add(by(place, hold.amount.units()));
            if *sum == 0 {
                used.remove(&hold.budget.key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, i128>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use outlay_ledger::{StoreBudget, StoreHold};

    use super::*;

    fn calls(id: u64, amount: u64, limit: u64) -> StoreAsk {
        let budget = StoreBudget::new("b".into(), Amount::Calls(limit));
        StoreAsk::new(id, vec![StoreHold::new(budget, Amount::Calls(amount))])
    }

    #[test]
    fn a_lease_lets_through_its_share_until_redis_knows_of_it() {
        let lease = Lease::new(WhenDown::Lease { percent: 20 });
        let ask = |id| calls(id, 1, 10);
        assert_eq!(lease.answer(&ask(1)), StoreAnswer::Unchecked);
        assert_eq!(lease.answer(&ask(2)), StoreAnswer::Unchecked);
        assert_eq!(lease.answer(&ask(3)), StoreAnswer::Unavailable);
        lease.settle(&ask(1), &[Amount::Calls(0)]);
        assert_eq!(lease.answer(&ask(4)), StoreAnswer::Unchecked, "what came to nothing is free again");
        lease.settle(&ask(2), &[Amount::Calls(1)]);
        assert_eq!(lease.answer(&ask(5)), StoreAnswer::Unavailable);
        lease.release(&ask(2), &[Amount::Calls(1)]);
        assert_eq!(lease.answer(&ask(6)), StoreAnswer::Unchecked);
    }
}
