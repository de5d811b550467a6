//! What was last reported to be spent of each budget, for metrics.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use outlay_ledger::{Amount, StoreAsk, StoreBudget};

use crate::reported_usage::ReportedUsage;

/// The maximum number of known budgets. Beyond it, those whose period is over are forgotten first, and then all.
const MAX_KNOWN: usize = 10_000;

#[derive(Debug)]
pub(crate) struct KnownSpending {
    known: Mutex<HashMap<Arc<str>, Spending>>,
    /// How long Redis keeps a budget without a period after its last use.
    kept_for: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Spending {
    units: i128,
    /// When its period ends, or when Redis may have forgotten it; `None` if that is too far in the future.
    until: Option<Instant>,
}

impl KnownSpending {
    pub(crate) fn new(kept_for: Duration) -> Self {
        Self { known: Mutex::default(), kept_for }
    }

    /// Takes over what Redis reports for the budgets of an ask.
    pub(crate) fn update(&self, ask: &StoreAsk, reported: &[ReportedUsage]) {
        let (mut known, now) = (self.lock(), Instant::now());
        if known.len() >= MAX_KNOWN {
            known.retain(|_, spending| spending.is_current(now));
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
        }
        for &ReportedUsage { hold, spent, left, .. } in reported {
            let Some(hold) = ask.holds().get(hold) else { continue };
            let until = now.checked_add(left.unwrap_or(self.kept_for));
            known.insert(hold.budget.key.clone(), Spending { units: spent, until });
        }
    }

    /// Returns what was last reported to be spent of a budget, if its period is not over since.
    pub(crate) fn of(&self, budget: &StoreBudget) -> Option<Amount> {
        let spending = *self.lock().get(&budget.key)?;
        spending.is_current(Instant::now()).then(|| budget.limit.with_units(spending.units))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Spending>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spending {
    fn is_current(self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use outlay_ledger::StoreHold;

    use super::*;

    fn ask(key: usize) -> StoreAsk {
        let budget = StoreBudget::new(key.to_string().into(), Amount::Calls(10));
        StoreAsk::new(1, vec![StoreHold::new(budget, Amount::Calls(1))])
    }

    fn spent(units: i128, left: Option<Duration>) -> [ReportedUsage; 1] {
        [ReportedUsage { hold: 0, spent: units, used: units + 1, left }]
    }

    #[test]
    fn spending_is_known_until_its_period_ends() {
        let known = KnownSpending::new(Duration::from_secs(3_600));
        let of = |key| known.of(&ask(key).holds()[0].budget);
        assert_eq!(of(1), None);
        known.update(&ask(1), &spent(3, Some(Duration::from_secs(60))));
        assert_eq!(of(1), Some(Amount::Calls(3)));
        known.update(&ask(1), &spent(4, Some(Duration::ZERO)));
        known.update(&ask(2), &spent(5, None));
        assert_eq!((of(1), of(2)), (None, Some(Amount::Calls(5))));
    }

    #[test]
    fn a_budget_without_a_period_is_known_as_long_as_redis_keeps_it() {
        let known = KnownSpending::new(Duration::ZERO);
        known.update(&ask(1), &spent(3, None));
        assert_eq!(known.of(&ask(1).holds()[0].budget), None);
    }

    #[test]
    fn the_number_of_known_budgets_is_bounded() {
        let known = KnownSpending::new(Duration::from_secs(3_600));
        known.update(&ask(0), &spent(1, None));
        for key in 1..MAX_KNOWN {
            known.update(&ask(key), &spent(1, Some(Duration::ZERO)));
        }
        known.update(&ask(MAX_KNOWN), &spent(1, None));
        assert_eq!(known.lock().len(), 2, "those whose period is over are forgotten");
        for key in 0..3 * MAX_KNOWN {
            known.update(&ask(key), &spent(1, None));
            assert!(known.lock().len() <= MAX_KNOWN + 1);
        }
    }
}
