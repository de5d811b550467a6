//! What a process lets through by itself while Redis cannot be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use outlay_ledger::{Amount, Period, StoreAnswer, StoreAsk, StoreHold};

use crate::WhenDown;

/// Beyond it, what is known of budgets of which nothing has been let through is forgotten.
const MAX_KNOWN: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Lease {
    when_down: WhenDown,
    budgets: Mutex<HashMap<Arc<str>, Known>>,
}

/// What a process knows of a budget.
#[derive(Debug, Default)]
struct Known {
    /// What it has let through, and Redis does not know of yet.
    let_through: i128,
    /// What is used of it by all, by the last word of Redis, and what has been written since.
    used: i128,
    /// When Redis said so; `None` where it never did.
    at: Option<Instant>,
}

impl Lease {
    pub(crate) fn new(when_down: WhenDown) -> Self {
        Self { when_down, budgets: Mutex::default() }
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
        let mut budgets = self.lock();
        let has_room = |hold: &StoreHold| {
            let known = budgets.get(&hold.budget.key);
            hold.budget.observed || known.unwrap_or(&Known::default()).has_room(hold, percent)
        };
        if !ask.holds().iter().all(has_room) {
            return StoreAnswer::Unavailable;
        }
        for hold in ask.holds() {
            let known = budgets.entry(hold.budget.key.clone()).or_default();
            known.let_through = known.let_through.saturating_add(hold.amount.units());
        }
        StoreAnswer::Unchecked
    }

    /// So much is used of the ask's budgets, by the word of Redis.
    pub(crate) fn see(&self, ask: &StoreAsk, used: &[(usize, i128)]) {
        if !self.is_kept() {
            return;
        }
        let (mut budgets, at) = (self.lock(), Some(Instant::now()));
        if budgets.len() >= MAX_KNOWN {
            budgets.retain(|_, known| known.let_through != 0);
        }
        for (hold, used) in used {
            let Some(hold) = ask.holds().get(*hold) else { continue };
            let known = budgets.entry(hold.budget.key.clone()).or_default();
            (known.used, known.at) = (*used, at);
        }
    }

    /// A call that was let through came to so much.
    pub(crate) fn settle(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, spent, |known, spent, reserved| {
            known.let_through = known.let_through.saturating_add(spent).saturating_sub(reserved);
        });
    }

    /// Redis knows of it now.
    pub(crate) fn release(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, spent, |known, spent, _| {
            known.let_through = known.let_through.saturating_sub(spent);
            known.used = known.used.saturating_add(spent);
        });
    }

    fn change(&self, ask: &StoreAsk, spent: &[Amount], change: impl Fn(&mut Known, i128, i128)) {
        if !self.is_kept() {
            return;
        }
        let mut budgets = self.lock();
        for (hold, spent) in ask.holds().iter().zip(spent) {
            if let Some(known) = budgets.get_mut(&hold.budget.key) {
                change(known, spent.units(), hold.amount.units());
            }
        }
    }

    const fn is_kept(&self) -> bool {
        matches!(self.when_down, WhenDown::Lease { .. })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Known>> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether a process may let it through: within its share, and within what was left when it last heard.
    fn has_room(&self, hold: &StoreHold, percent: u8) -> bool {
        let limit = hold.budget.limit.units();
        let lease = limit.saturating_mul(i128::from(percent)) / 100;
        let wanted = self.let_through.saturating_add(hold.amount.units());
        let used = if self.is_of_now(hold.budget.period) { self.used } else { 0 };
        wanted <= lease && wanted.saturating_add(used) <= limit
    }

    /// What is older than a whole period is of another one.
    fn is_of_now(&self, period: Option<Period>) -> bool {
        let length = match period {
            Some(Period::Hour) => 3_600,
            Some(Period::Day) => 86_400,
            Some(_) => 31 * 86_400,
            None => u64::MAX,
        };
        self.at.is_some_and(|at| at.elapsed().as_secs() < length)
    }
}

#[cfg(test)]
mod tests {
    use outlay_ledger::StoreBudget;

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

    #[test]
    fn what_redis_said_was_left_is_not_passed_whatever_the_share() {
        let lease = Lease::new(WhenDown::Lease { percent: 50 });
        let ask = |id| calls(id, 1, 10);
        lease.see(&ask(1), &[(0, 8)]);
        for id in 2..4 {
            assert_eq!(lease.answer(&ask(id)), StoreAnswer::Unchecked);
            lease.settle(&ask(id), &[Amount::Calls(1)]);
            lease.release(&ask(id), &[Amount::Calls(1)]);
        }
        assert_eq!(lease.answer(&ask(4)), StoreAnswer::Unavailable, "in the next outage neither");
        lease.see(&ask(5), &[(0, 3)]);
        assert_eq!(lease.answer(&ask(6)), StoreAnswer::Unchecked);
    }
}
