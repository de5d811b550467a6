//! What a process lets through by itself while Redis cannot be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use outlay_ledger::{Amount, Period, StoreAnswer, StoreAsk, StoreHold};

use crate::WhenDown;

/// Beyond it, what is known of budgets of which nothing has been let through is forgotten, and nothing of others is let
/// through.
const MAX_KNOWN: usize = 10_000;
/// The least time between two sweeps.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Lease {
    when_down: WhenDown,
    budgets: Mutex<Budgets>,
}

#[derive(Debug, Default)]
struct Budgets {
    known: HashMap<Arc<str>, Known>,
    /// When the budgets were last swept.
    swept: Option<Instant>,
}

/// How a budget stands, by the word of Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Its place among those of the ask.
    pub(crate) hold: usize,
    /// What is used of it, by all.
    pub(crate) used: i128,
    /// For how long that is so at most: what is left of its period.
    pub(crate) left: Option<Duration>,
}

/// What a process knows of a budget.
#[derive(Debug, Default)]
struct Known {
    /// What it has let through, and Redis does not know of yet.
    let_through: i128,
    /// What is used of it by all, by the last word of Redis, and what has been written since.
    used: i128,
    /// When the period of that ends; `None` where it does not.
    until: Option<Instant>,
}

impl Lease {
    pub(crate) fn new(when_down: WhenDown) -> Self {
        Self { when_down, budgets: Mutex::default() }
    }

    /// The answer to an ask that Redis has not answered.
    pub(crate) fn answer(&self, ask: &StoreAsk) -> StoreAnswer {
        match self.when_down {
            WhenDown::Refuse => refuse(ask, |_| false),
            WhenDown::AllowAndMark => StoreAnswer::Unchecked,
            WhenDown::Lease { percent } => self.take(ask, percent),
        }
    }

    fn take(&self, ask: &StoreAsk, percent: u8) -> StoreAnswer {
        let mut budgets = self.lock();
        let is_full = !budgets.has_room(Instant::now());
        let answer = refuse(ask, |hold| match budgets.known.get(&hold.budget.key) {
            Some(known) => known.has_room(hold, percent),
            None => !is_full && Known::default().has_room(hold, percent),
        });
        if answer == StoreAnswer::Unchecked {
            for hold in ask.holds() {
                if is_full && !budgets.known.contains_key(&hold.budget.key) {
                    continue;
                }
                let known = budgets.known.entry(hold.budget.key.clone()).or_default();
                known.let_through = known.let_through.saturating_add(hold.amount.units());
            }
        }
        answer
    }

    /// How the ask's budgets stand, by the word of Redis.
    pub(crate) fn see(&self, ask: &StoreAsk, heard: impl IntoIterator<Item = Heard>) {
        if !self.is_kept() {
            return;
        }
        let (mut budgets, now) = (self.lock(), Instant::now());
        for Heard { hold, used, left } in heard {
            let Some(hold) = ask.holds().get(hold) else { continue };
            if !budgets.has_room(now) && !budgets.known.contains_key(&hold.budget.key) {
                continue;
            }
            let known = budgets.known.entry(hold.budget.key.clone()).or_default();
            (known.used, known.until) = (used, left.and_then(|left| now.checked_add(left)));
        }
    }

    /// A call that was let through came to so much.
    pub(crate) fn settle(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, spent, |known, hold, spent| {
            known.let_through = known.let_through.saturating_add(spent).saturating_sub(hold.amount.units());
        });
    }

    /// Redis knows of it now.
    pub(crate) fn release(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, spent, |known, hold, spent| {
            known.let_through = known.let_through.saturating_sub(spent);
            if !known.is_of_now() {
                known.used = 0;
            }
            // Whether or not Redis has ever said how the budget stands.
            known.used = known.used.saturating_add(spent);
            known.until = known.until.filter(|_| known.is_of_now()).or_else(|| at_most(hold.budget.period));
        });
    }

    fn change(&self, ask: &StoreAsk, spent: &[Amount], change: impl Fn(&mut Known, &StoreHold, i128)) {
        if !self.is_kept() {
            return;
        }
        let mut budgets = self.lock();
        for (hold, spent) in ask.holds().iter().zip(spent) {
            if let Some(known) = budgets.known.get_mut(&hold.budget.key) {
                change(known, hold, spent.units());
            }
        }
    }

    const fn is_kept(&self) -> bool {
        matches!(self.when_down, WhenDown::Lease { .. })
    }

    fn lock(&self) -> MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether a process may let it through: within its share, and within what was left when it last heard.
    fn has_room(&self, hold: &StoreHold, percent: u8) -> bool {
        let limit = hold.budget.limit.units();
        let lease = limit.saturating_mul(i128::from(percent)) / 100;
        let wanted = self.let_through.saturating_add(hold.amount.units());
        let used = if self.is_of_now() { self.used } else { 0 };
        wanted <= lease && wanted.saturating_add(used) <= limit
    }

    fn is_of_now(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// By the first budget that has no room, of those that do more than observe.
fn refuse(ask: &StoreAsk, has_room: impl Fn(&StoreHold) -> bool) -> StoreAnswer {
    let refuses = |hold: &StoreHold| !hold.budget.observed && !has_room(hold);
    ask.holds().iter().position(refuses).map_or(StoreAnswer::Unchecked, StoreAnswer::Unavailable)
}

impl Budgets {
    /// Returns whether another budget can be kept, after a sweep of those with nothing let through.
    fn has_room(&mut self, now: Instant) -> bool {
        let may_sweep = self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_PAUSE);
        if self.known.len() >= MAX_KNOWN && may_sweep {
            self.known.retain(|_, known| known.let_through != 0);
            self.swept = Some(now);
        }
        self.known.len() < MAX_KNOWN
    }
}

/// When a period has ended for certain that goes on now.
fn at_most(period: Option<Period>) -> Option<Instant> {
    let seconds = match period? {
        Period::Hour => 3_600,
        Period::Day => 86_400,
        _ => 31 * 86_400,
    };
    Instant::now().checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use outlay_ledger::StoreBudget;

    use super::*;

    fn calls(id: u64, amount: u64, limit: u64) -> StoreAsk {
        let budget = StoreBudget::new("b".into(), Amount::Calls(limit));
        StoreAsk::new(id, vec![StoreHold::new(budget, Amount::Calls(amount))])
    }

    const fn heard(used: i128) -> Heard {
        Heard { hold: 0, used, left: None }
    }

    #[test]
    fn a_lease_lets_through_its_share_until_redis_knows_of_it() {
        let lease = Lease::new(WhenDown::Lease { percent: 20 });
        let ask = |id| calls(id, 1, 10);
        assert_eq!(lease.answer(&ask(1)), StoreAnswer::Unchecked);
        assert_eq!(lease.answer(&ask(2)), StoreAnswer::Unchecked);
        assert_eq!(lease.answer(&ask(3)), StoreAnswer::Unavailable(0));
        lease.settle(&ask(1), &[Amount::Calls(0)]);
        assert_eq!(lease.answer(&ask(4)), StoreAnswer::Unchecked, "what came to nothing is free again");
        lease.settle(&ask(2), &[Amount::Calls(1)]);
        assert_eq!(lease.answer(&ask(5)), StoreAnswer::Unavailable(0));
        lease.release(&ask(2), &[Amount::Calls(1)]);
        assert_eq!(lease.answer(&ask(6)), StoreAnswer::Unchecked);
    }

    #[test]
    fn what_redis_said_was_left_is_not_passed_whatever_the_share() {
        let lease = Lease::new(WhenDown::Lease { percent: 50 });
        let ask = |id| calls(id, 1, 10);
        lease.see(&ask(1), [heard(8)]);
        for id in 2..4 {
            assert_eq!(lease.answer(&ask(id)), StoreAnswer::Unchecked);
            lease.settle(&ask(id), &[Amount::Calls(1)]);
            lease.release(&ask(id), &[Amount::Calls(1)]);
        }
        assert_eq!(lease.answer(&ask(4)), StoreAnswer::Unavailable(0), "in the next outage neither");
        lease.see(&ask(5), [heard(3)]);
        assert_eq!(lease.answer(&ask(6)), StoreAnswer::Unchecked);
    }

    #[test]
    fn what_was_written_counts_though_redis_never_said_how_the_budget_stands() {
        let lease = Lease::new(WhenDown::Lease { percent: 50 });
        let ask = |id| calls(id, 1, 4);
        for id in 0..4 {
            assert_eq!(lease.answer(&ask(id)), StoreAnswer::Unchecked);
            lease.settle(&ask(id), &[Amount::Calls(1)]);
            lease.release(&ask(id), &[Amount::Calls(1)]);
        }
        assert_eq!(lease.answer(&ask(4)), StoreAnswer::Unavailable(0));
    }

    #[test]
    fn what_was_used_of_a_period_does_not_count_after_its_end() {
        let lease = Lease::new(WhenDown::Lease { percent: 50 });
        let ask = calls(1, 1, 10);
        lease.see(&ask, [Heard { hold: 0, used: 10, left: Some(Duration::from_secs(60)) }]);
        assert_eq!(lease.answer(&ask), StoreAnswer::Unavailable(0));
        lease.see(&ask, [Heard { hold: 0, used: 10, left: Some(Duration::ZERO) }]);
        assert_eq!(lease.answer(&ask), StoreAnswer::Unchecked);
    }

    #[test]
    fn no_budget_that_only_observes_refuses_and_a_refusal_is_by_the_one_that_does() {
        let hold = |name: &str, limit, observed| {
            let mut budget = StoreBudget::new(name.into(), Amount::Calls(limit));
            budget.observed = observed;
            StoreHold::new(budget, Amount::Calls(1))
        };
        let observed = StoreAsk::new(1, vec![hold("a", 0, true), hold("b", 0, true)]);
        let last = StoreAsk::new(2, vec![hold("a", 0, true), hold("wide", 100, false), hold("narrow", 1, false)]);
        for (rule, by) in [(WhenDown::Refuse, 1), (WhenDown::Lease { percent: 50 }, 2)] {
            assert_eq!(Lease::new(rule).answer(&observed), StoreAnswer::Unchecked);
            assert_eq!(Lease::new(rule).answer(&last), StoreAnswer::Unavailable(by));
        }
    }

    #[test]
    fn budgets_beyond_those_that_can_be_known_let_nothing_through() {
        let lease = Lease::new(WhenDown::Lease { percent: 50 });
        let ask = |n: usize| {
            let budget = StoreBudget::new(n.to_string().into(), Amount::Calls(10));
            StoreAsk::new(n as u64, vec![StoreHold::new(budget, Amount::Calls(1))])
        };
        for n in 0..MAX_KNOWN {
            assert_eq!(lease.answer(&ask(n)), StoreAnswer::Unchecked);
        }
        assert_eq!(lease.answer(&ask(MAX_KNOWN)), StoreAnswer::Unavailable(0));
        assert_eq!(lease.answer(&ask(0)), StoreAnswer::Unchecked);
        assert_eq!(lease.lock().known.len(), MAX_KNOWN);
        lease.see(&ask(MAX_KNOWN), [heard(1)]);
        assert_eq!(lease.lock().known.len(), MAX_KNOWN, "what Redis says of others is not kept either");
        // Once some have been written there is room, though not all are looked through for each call.
        lease.release(&ask(0), &[Amount::Calls(2)]);
        lease.lock().swept = None;
        assert_eq!(lease.answer(&ask(MAX_KNOWN)), StoreAnswer::Unchecked);
    }
}
