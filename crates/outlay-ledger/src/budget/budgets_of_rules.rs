//! The budgets that rules have made, as long as they are worth anything.
//!
//! A budget that a task holds stays, and one that has been spent of stays until its period ends. What a rule without a period
//! has made stays for an hour at least; beyond [`MAX_UNHELD`] of them, those that were used least recently are forgotten, with
//! what was spent of them, and that is told. No rule keeps more than [`MAX_KEPT`]: a task that comes later has a budget of
//! its own, so that it never spends of another's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::budget_cell::BudgetCell;
use super::budget_rule::BudgetRule;
use super::{Budget, Period};
use crate::AlertKind;
use crate::alert::Alerts;

/// As many budgets of one rule without a period are kept that no open task holds.
pub(super) const MAX_UNHELD: usize = 10_000;
/// The most budgets that are kept for one rule. One takes some 400 bytes besides its name, and 600 once it has gone through
/// several periods.
pub(super) const MAX_KEPT: usize = 1_000_000;
/// So long a budget without a period is kept after its last use.
const KEPT_FOR: Duration = Duration::from_secs(3_600);
/// How often to look for a free place while all are taken.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// By rule.
#[derive(Debug, Default)]
pub(super) struct KeptBudgets(Vec<OfRule>);

#[derive(Debug)]
struct OfRule {
    /// Of those that spend of the same budgets, the first.
    rule: BudgetRule,
    by_name: HashMap<Arc<str>, Kept>,
    /// With so many it is looked which of them can be forgotten.
    look_at: usize,
    /// When it was last looked, by the monotonic clock.
    looked: Option<Duration>,
    /// When it was last told that there is no place.
    told: Option<Duration>,
}

#[derive(Debug)]
struct Kept {
    cell: Arc<BudgetCell>,
    /// By the monotonic clock: one that jumps ahead makes nothing old.
    last_use: Duration,
}

/// What a store knows a budget by. It is the same in every process: what it counts, over which period, of which tasks, and the
/// name. No two have the same.
pub(super) fn store_key(rule: &BudgetRule, budget: &str) -> Arc<str> {
    let (unit, period) = rule.counts();
    let mut key = format!("{unit}|{}|{}", period.map_or("ever", Period::as_str), escaped(budget));
    for (name, value) in &rule.only {
        key = format!("{key}|{}={}", escaped(name), escaped(value));
    }
    key.into()
}

/// Without what divides the parts of a key, or might end it.
fn escaped(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' | '|' | '=' | '\0'..='\x1f' | '\x7f' => key.push_str(&format!("%{:02X}", u32::from(c))),
            c => key.push(c),
        }
    }
    key
}

/// A budget that is asked for: by its rule and name, with its limits.
pub(super) struct Wanted<'a> {
    pub(super) rule: &'a BudgetRule,
    pub(super) name: Arc<str>,
    /// Those of other rules of the same name.
    pub(super) others: Vec<Budget>,
}

impl KeptBudgets {
    /// The budget of that name, under the present limits.
    pub(super) fn get(
        &mut self,
        wanted: Wanted<'_>,
        is_shared: bool,
        now: Times,
        alerts: &mut Alerts,
    ) -> Arc<BudgetCell> {
        let Wanted { rule, name, others } = wanted;
        let of_rule = match self.0.iter().position(|of_rule| of_rule.rule.is_same(rule)) {
            Some(place) => &mut self.0[place],
            None => {
                self.0.push(OfRule::new(rule));
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        let cell = of_rule.get(rule, name, is_shared, now, alerts);
        cell.set_budgets(rule.budget, others);
        cell
    }

    #[cfg(all(test, not(outlay_shuttle)))]
    fn len(&self) -> usize {
        self.0.iter().map(|of_rule| of_rule.by_name.len()).sum()
    }
}

/// Whether it is time to do again what was done then.
fn is_long_ago(then: Option<Duration>, now: Duration) -> bool {
    then.is_none_or(|then| now.saturating_sub(then) >= LOOK_AGAIN)
}

/// The time by the clock that is set, and by the one that is not.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) wall: SystemTime,
    pub(crate) monotonic: Duration,
}

impl OfRule {
    fn new(rule: &BudgetRule) -> Self {
        Self { rule: rule.clone(), by_name: HashMap::new(), look_at: MAX_UNHELD, looked: None, told: None }
    }

    fn get(
        &mut self,
        rule: &BudgetRule,
        name: Arc<str>,
        is_shared: bool,
        now: Times,
        alerts: &mut Alerts,
    ) -> Arc<BudgetCell> {
        if let Some(kept) = self.by_name.get_mut(&name) {
            kept.last_use = now.monotonic;
            return kept.cell.clone();
        }
        if self.by_name.len() >= self.look_at {
            self.make_room(is_shared, now, alerts);
        }
        let cell = Arc::new(match rule.each_call {
            true => BudgetCell::each_call(name.clone(), rule.budget),
            false if is_shared => BudgetCell::shared(store_key(rule, &name), name.clone(), rule.budget, rule.period),
            false => BudgetCell::every(name.clone(), rule.budget, rule.period),
        });
        if self.by_name.len() < MAX_KEPT {
            self.by_name.insert(name, Kept { cell: cell.clone(), last_use: now.monotonic });
        } else if is_long_ago(self.told, now.monotonic) {
            self.told = Some(now.monotonic);
            alerts.push(&rule.name, AlertKind::TooManyBudgets(MAX_KEPT as u64));
        }
        cell
    }

    /// Forgets what is worth nothing, and of the rest what may be. It is done once for as many new budgets as are left.
    fn make_room(&mut self, is_shared: bool, now: Times, alerts: &mut Alerts) {
        if self.by_name.len() >= MAX_KEPT && !is_long_ago(self.looked, now.monotonic) {
            return;
        }
        self.looked = Some(now.monotonic);
        // Of one that a task holds the next task would get another, and both would be spent.
        let is_held = |kept: &Kept| Arc::strong_count(&kept.cell) > 1;
        // What a store holds is there all the same.
        let is_old = |kept: &Kept| now.monotonic.saturating_sub(kept.last_use) >= KEPT_FOR;
        // A period may be over only because the clock has jumped ahead, and may come back.
        let counts = |kept: &Kept| kept.cell.counts(now.wall) || (!is_old(kept) && kept.cell.is_spent());
        let is_worth = |kept: &Kept| is_held(kept) || is_shared || counts(kept);
        self.by_name.retain(|_, kept| is_worth(kept));
        if is_shared || self.rule.period.is_none() {
            let may_go = |kept: &Kept| !is_held(kept) && (is_shared || is_old(kept));
            let unheld = self.by_name.values().filter(|kept| !is_held(kept)).count();
            // Some more than there are too many, or it would be done again at once.
            let too_many = if unheld > MAX_UNHELD { unheld - MAX_UNHELD * 9 / 10 } else { 0 };
            let mut uses: Vec<Duration> =
                self.by_name.values().filter(|kept| may_go(kept)).map(|kept| kept.last_use).collect();
            uses.sort_unstable();
            if let Some(last) = uses.get(too_many.min(uses.len()).wrapping_sub(1)).copied() {
                let before = self.by_name.len();
                self.by_name.retain(|_, kept| !may_go(kept) || kept.last_use > last);
                let forgotten = before - self.by_name.len();
                if forgotten > 0 && !is_shared {
                    alerts.push(&self.rule.name, AlertKind::BudgetsForgotten(forgotten as u64));
                }
            }
        }
        self.look_at = (self.by_name.len() * 2).clamp(MAX_UNHELD, MAX_KEPT);
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use super::*;
    use crate::Amount;
    use crate::money::Spent;

    /// A clock, and the budgets of a rule by conversation.
    struct Talks {
        kept: KeptBudgets,
        rule: BudgetRule,
        is_shared: bool,
        now: SystemTime,
        alerts: Alerts,
    }

    impl Talks {
        fn new(rule: BudgetRule) -> Self {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400);
            Self { kept: KeptBudgets::default(), rule, is_shared: false, now, alerts: Alerts::default() }
        }

        fn of(&mut self, id: impl std::fmt::Display) -> Arc<BudgetCell> {
            let wanted = Wanted { rule: &self.rule, name: format!("talk [{id}]").into(), others: Vec::new() };
            let monotonic = self.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            self.kept.get(wanted, self.is_shared, Times { wall: self.now, monotonic }, &mut self.alerts)
        }

        fn spend(&mut self, id: impl std::fmt::Display) {
            let _ = self.of(id).spend(&Spent { calls: 1, ..Spent::default() }, self.now);
        }

        fn spent(&mut self, id: impl std::fmt::Display) -> Amount {
            self.of(id).status().spent
        }

        fn told(&self) -> Vec<&AlertKind> {
            self.alerts.kinds().collect()
        }
    }

    fn talk() -> BudgetRule {
        BudgetRule::new("talk", Budget::calls(9))
    }

    #[test]
    fn one_that_is_spent_in_a_period_stays_to_its_end_however_many_there_are() {
        let mut talks = Talks::new(talk().every(Period::Month));
        talks.spend("mine");
        for id in 0..5 * MAX_UNHELD {
            talks.spend(id);
        }
        assert_eq!((talks.spent("mine"), talks.kept.len()), (Amount::Calls(1), 5 * MAX_UNHELD + 1));
        talks.now += Duration::from_secs(32 * 86_400);
        for id in 0..10 * MAX_UNHELD {
            talks.of(format!("later {id}"));
        }
        assert!(talks.kept.len() < 2 * MAX_UNHELD, "what is over, and what is unspent, goes: {}", talks.kept.len());
        assert_eq!((talks.spent("mine"), talks.told().len()), (Amount::Calls(0), 0));
    }

    #[test]
    fn one_without_a_period_stays_for_an_hour_and_then_the_least_recently_used_go() {
        let mut talks = Talks::new(talk());
        talks.spend("early");
        for id in 0..4 * MAX_UNHELD {
            talks.spend(id);
        }
        assert_eq!((talks.spent("early"), talks.told().len()), (Amount::Calls(1), 0), "within the hour");
        talks.now += KEPT_FOR;
        talks.spend("often");
        for id in 0..8 * MAX_UNHELD {
            talks.of(format!("new {id}"));
        }
        assert!(talks.kept.len() < 10 * MAX_UNHELD, "{}", talks.kept.len());
        assert_eq!((talks.spent("often"), talks.spent("early")), (Amount::Calls(1), Amount::Calls(0)));
        assert!(matches!(talks.told()[..], [AlertKind::BudgetsForgotten(30_000..)]), "{:?}", talks.told());
    }

    #[test]
    fn those_that_open_tasks_hold_do_not_count_and_none_is_merged_into_another() {
        let mut talks = Talks::new(talk());
        let held: Vec<_> = (0..3 * MAX_UNHELD).map(|id| talks.of(id)).collect();
        talks.now += KEPT_FOR * 2;
        talks.spend("mine");
        for id in 0..MAX_UNHELD / 2 {
            talks.of(format!("new {id}"));
        }
        assert!(held.iter().enumerate().all(|(id, cell)| Arc::ptr_eq(cell, &talks.of(id))));
        assert_eq!((talks.spent("mine"), talks.told().len()), (Amount::Calls(1), 0));
        assert_eq!(&*talks.of("late").name, "talk [late]");
    }

    #[test]
    fn what_a_store_holds_may_be_forgotten_without_a_word() {
        let mut talks = Talks { is_shared: true, ..Talks::new(talk().every(Period::Month)) };
        for id in 0..5 * MAX_UNHELD {
            talks.spend(id);
        }
        assert!(talks.kept.len() <= 2 * MAX_UNHELD && talks.told().is_empty(), "{}", talks.kept.len());
    }

    #[test]
    fn beyond_the_ceiling_a_task_has_a_budget_of_its_own_and_that_is_told() {
        let mut talks = Talks::new(talk().every(Period::Month));
        talks.spend("mine");
        for id in 0..MAX_KEPT {
            talks.spend(id);
        }
        assert_eq!((talks.kept.len(), talks.spent("mine")), (MAX_KEPT, Amount::Calls(1)));
        let (one, other) = (talks.of("late"), talks.of("late"));
        assert!(!Arc::ptr_eq(&one, &other) && one.status().spent == Amount::Calls(0));
        assert!(
            matches!(talks.told()[..], [AlertKind::TooManyBudgets(1_000_000)]),
            "once a minute: {:?}",
            talks.told()
        );
    }
}
