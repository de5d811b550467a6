//! The decisions of a process while Redis is down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use outlay_ledger::{Amount, Period, StoreAnswer, StoreAsk, StoreHold};

use crate::reported_usage::ReportedUsage;
use crate::when_down::WhenDown;

/// The maximum number of known budgets. Beyond it, known budgets with nothing let through are forgotten, and unknown
/// budgets let nothing through.
const MAX_KNOWN: usize = 10_000;
/// The minimum time between two sweeps.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Lease {
    when_down: WhenDown,
    budgets: Mutex<Budgets>,
}

#[derive(Debug, Default)]
struct Budgets {
    known: HashMap<Arc<str>, KnownUsage>,
    /// When the budgets were last swept.
    swept: Option<Instant>,
}

/// What a process knows about the usage of a budget.
#[derive(Debug, Default)]
struct KnownUsage {
    /// The units that this process has let through, and that Redis does not know of yet.
    let_through: i128,
    /// The units used by all processes in the last report of Redis, plus those written since.
    used: i128,
    /// When the period of `used` ends; `None` if it does not end.
    until: Option<Instant>,
}

impl Lease {
    pub(crate) fn new(when_down: WhenDown) -> Self {
        Self { when_down, budgets: Mutex::default() }
    }

    /// Answers an ask that Redis has not answered.
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
            None => !is_full && KnownUsage::default().has_room(hold, percent),
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

    /// Updates the known usage of the ask's budgets with reports of Redis.
    pub(crate) fn update_usage(&self, ask: &StoreAsk, reported: &[ReportedUsage]) {
        if !self.is_enabled() {
            return;
        }
        let (mut budgets, now) = (self.lock(), Instant::now());
        for &ReportedUsage { hold, used, left, .. } in reported {
            let Some(hold) = ask.holds().get(hold) else { continue };
            if !budgets.has_room(now) && !budgets.known.contains_key(&hold.budget.key) {
                continue;
            }
            let known = budgets.known.entry(hold.budget.key.clone()).or_default();
            (known.used, known.until) = (used, left.and_then(|left| now.checked_add(left)));
        }
    }

    /// Replaces the reserved amounts of a call that was let through by what it cost.
    pub(crate) fn settle(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, spent, |known, hold, spent| {
            known.let_through = known.let_through.saturating_add(spent).saturating_sub(hold.amount.units());
        });
    }

    /// Moves the cost of a call to the usage that Redis knows of.
    pub(crate) fn release(&self, ask: &StoreAsk, spent: &[Amount]) {
        self.change(ask, spent, |known, hold, spent| {
            known.let_through = known.let_through.saturating_sub(spent);
            if !known.is_current() {
                known.used = 0;
            }
            // Even if Redis has never reported the usage of the budget.
            known.used = known.used.saturating_add(spent);
            known.until = known.until.filter(|_| known.is_current()).or_else(|| latest_end(hold.budget.period));
        });
    }

    fn change(&self, ask: &StoreAsk, spent: &[Amount], change: impl Fn(&mut KnownUsage, &StoreHold, i128)) {
        if !self.is_enabled() {
            return;
        }
        let mut budgets = self.lock();
        for (hold, spent) in ask.holds().iter().zip(spent) {
            if let Some(known) = budgets.known.get_mut(&hold.budget.key) {
                change(known, hold, spent.units());
            }
        }
    }

    const fn is_enabled(&self) -> bool {
        matches!(self.when_down, WhenDown::Lease { .. })
    }

    fn lock(&self) -> MutexGuard<'_, Budgets> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownUsage {
    /// Returns whether the process may let a hold through: it fits the process's share, and what Redis last reported as
    /// left.
    fn has_room(&self, hold: &StoreHold, percent: u8) -> bool {
        let limit = hold.budget.limit.units();
        let lease = limit.saturating_mul(i128::from(percent)) / 100;
        let total = self.let_through.saturating_add(hold.amount.units());
        let used = if self.is_current() { self.used } else { 0 };
        total <= lease && total.saturating_add(used) <= limit
    }

    fn is_current(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// Refuses for the first enforced budget without room.
fn refuse(ask: &StoreAsk, has_room: impl Fn(&StoreHold) -> bool) -> StoreAnswer {
    let refuses = |hold: &StoreHold| !hold.budget.observed && !has_room(hold);
    ask.holds().iter().position(refuses).map_or(StoreAnswer::Unchecked, StoreAnswer::Unavailable)
}

impl Budgets {
    /// Returns whether another budget fits, after a sweep of those with nothing let through.
    fn has_room(&mut self, now: Instant) -> bool {
        let may_sweep = self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_PAUSE);
        if self.known.len() >= MAX_KNOWN && may_sweep {
            self.known.retain(|_, known| known.let_through != 0);
            self.swept = Some(now);
        }
        self.known.len() < MAX_KNOWN
    }
}

/// Returns the latest time at which the current period can end.
fn latest_end(period: Option<Period>) -> Option<Instant> {
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

    const fn reported(used: i128) -> ReportedUsage {
        ReportedUsage { hold: 0, spent: 0, used, left: None }
    }

    #[test]
    fn a_lease_lets_through_its_share_until_redis_knows_of_it() {
        let lease = Lease::new(WhenDown::Lease { percent: 20 });
        let ask = |id| calls(id, 1, 10);
        assert_eq!(lease.answer(&ask(1)), StoreAnswer::Unchecked);
        assert_eq!(lease.answer(&ask(2)), StoreAnswer::Unchecked);
        assert_eq!(lease.answer(&ask(3)), StoreAnswer::Unavailable(0));
        lease.settle(&ask(1), &[Amount::Calls(0)]);
        assert_eq!(lease.answer(&ask(4)), StoreAnswer::Unchecked, "a call that cost nothing frees its share");
        lease.settle(&ask(2), &[Amount::Calls(1)]);
        assert_eq!(lease.answer(&ask(5)), StoreAnswer::Unavailable(0));
        lease.release(&ask(2), &[Amount::Calls(1)]);
        assert_eq!(lease.answer(&ask(6)), StoreAnswer::Unchecked);
    }

    #[test]
    fn a_lease_does_not_exceed_what_redis_reported_as_left() {
        let lease = Lease::new(WhenDown::Lease { percent: 50 });
        let ask = |id| calls(id, 1, 10);
        lease.update_usage(&ask(1), &[reported(8)]);
        for id in 2..4 {
            assert_eq!(lease.answer(&ask(id)), StoreAnswer::Unchecked);
            lease.settle(&ask(id), &[Amount::Calls(1)]);
            lease.release(&ask(id), &[Amount::Calls(1)]);
        }
        assert_eq!(lease.answer(&ask(4)), StoreAnswer::Unavailable(0), "nor in the next outage");
        lease.update_usage(&ask(5), &[reported(3)]);
        assert_eq!(lease.answer(&ask(6)), StoreAnswer::Unchecked);
    }

    #[test]
    fn written_amounts_count_even_if_redis_has_never_reported_usage() {
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
    fn usage_does_not_count_after_its_period_ends() {
        let lease = Lease::new(WhenDown::Lease { percent: 50 });
        let ask = calls(1, 1, 10);
        lease.update_usage(&ask, &[ReportedUsage { hold: 0, spent: 0, used: 10, left: Some(Duration::from_secs(60)) }]);
        assert_eq!(lease.answer(&ask), StoreAnswer::Unavailable(0));
        lease.update_usage(&ask, &[ReportedUsage { hold: 0, spent: 0, used: 10, left: Some(Duration::ZERO) }]);
        assert_eq!(lease.answer(&ask), StoreAnswer::Unchecked);
    }

    #[test]
    fn only_enforced_budgets_refuse() {
        let hold = |name: &str, limit, observed| {
            let mut budget = StoreBudget::new(name.into(), Amount::Calls(limit));
            budget.observed = observed;
            StoreHold::new(budget, Amount::Calls(1))
        };
        let observed = StoreAsk::new(1, vec![hold("a", 0, true), hold("b", 0, true)]);
        let mixed = StoreAsk::new(2, vec![hold("a", 0, true), hold("wide", 100, false), hold("narrow", 1, false)]);
        for (rule, refused_by) in [(WhenDown::Refuse, 1), (WhenDown::Lease { percent: 50 }, 2)] {
            assert_eq!(Lease::new(rule).answer(&observed), StoreAnswer::Unchecked);
            assert_eq!(Lease::new(rule).answer(&mixed), StoreAnswer::Unavailable(refused_by));
        }
    }

    #[test]
    fn budgets_beyond_the_maximum_let_nothing_through() {
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
        lease.update_usage(&ask(MAX_KNOWN), &[reported(1)]);
        assert_eq!(lease.lock().known.len(), MAX_KNOWN, "reports for other budgets are not kept either");
        // A sweep makes room once spending is written. Sweeps have a minimum interval.
        lease.release(&ask(0), &[Amount::Calls(2)]);
        lease.lock().swept = None;
        assert_eq!(lease.answer(&ask(MAX_KNOWN)), StoreAnswer::Unchecked);
    }
}
