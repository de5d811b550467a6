//! The budgets of rules, and when they are dropped.
//!
//! A budget that an open task uses is kept. A budget with spending is kept until its period ends. Budgets of a rule
//! without a period are kept for at least an hour. Beyond [`MAX_UNUSED`] of them, the least recently used are dropped
//! together with their spending, and an alert reports it. No rule keeps more than [`MAX_BUDGETS`]. A later task gets a
//! separate budget, so that it never spends from another's.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use indexmap::IndexMap;

use super::budget_cell::BudgetCell;
use super::budget_group::BudgetGroup;
use super::budget_rule::BudgetRule;
use super::{Budget, Period};
use crate::AlertKind;
use crate::alert::Alerts;
use crate::task::TaskWords;

/// The maximum number of budgets of a rule without a period that are kept although no open task uses them.
pub(super) const MAX_UNUSED: usize = 10_000;
/// The maximum number of budgets of one rule. One takes about 400 bytes plus its name, and 600 after several periods.
pub(super) const MAX_BUDGETS: usize = 1_000_000;
/// How long a budget without a period is kept after its last use.
const KEPT_FOR: Duration = Duration::from_secs(3_600);
/// How often to search for droppable budgets, and to report that there are none, while a rule is full.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The budgets of all rules.
#[derive(Debug, Default)]
pub(super) struct BudgetsOfRules(Vec<RuleBudgets>);

/// The budgets of one rule, or of several rules that share them.
#[derive(Debug)]
struct RuleBudgets {
    /// The first of the rules that share these budgets.
    rule: BudgetRule,
    by_name: IndexMap<Arc<str>, KeptBudget>,
    groups: HashSet<Arc<BudgetGroup>>,
    /// The number of budgets at which to search for droppable ones.
    search_at: usize,
    /// When it was last searched, by the monotonic clock.
    searched: Option<Duration>,
    /// When it was last reported that the rule is full.
    reported: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) struct KeptBudget {
    pub(super) cell: Arc<BudgetCell>,
    pub(super) group: Arc<BudgetGroup>,
    /// By the monotonic clock, so that a jump of the wall clock does not age it.
    last_use: Duration,
}

/// Returns the key of a budget in a store, which is the same in every process. It consists of the unit, the period, the
/// name and the tasks, so it is unique.
pub(super) fn store_key(rule: &BudgetRule, budget: &str) -> Arc<str> {
    let (unit, period) = rule.unit_and_period();
    let mut key = format!("{unit}|{}|{}", period.map_or("ever", Period::as_str), escaped(budget));
    for (name, value) in &rule.only {
        key = format!("{key}|{}={}", escaped(name), escaped(value));
    }
    key.into()
}

/// Escapes the separators of a key and control characters.
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

/// A rule that applies to a task, with the name and the limits of its budget.
pub(super) struct AppliedRule<'a> {
    pub(super) rule: &'a BudgetRule,
    pub(super) name: Arc<str>,
    /// The limits of other rules that share the budget.
    pub(super) other_limits: Vec<Budget>,
}

impl BudgetsOfRules {
    /// Returns the budget of a rule for a task, with the current limits. Creates it if there is none.
    pub(super) fn get(
        &mut self,
        applied: AppliedRule<'_>,
        task: &TaskWords<'_>,
        is_shared: bool,
        now: Times,
        alerts: &mut Alerts,
    ) -> Arc<BudgetCell> {
        let AppliedRule { rule, name, other_limits } = applied;
        let budgets = match self.0.iter().position(|budgets| budgets.rule.shares_budgets(rule)) {
            Some(place) => &mut self.0[place],
            None => {
                self.0.push(RuleBudgets::new(rule));
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        let cell = budgets.get(rule, name, task, is_shared, now, alerts);
        cell.set_budgets(rule.budget, other_limits);
        cell
    }

    /// Returns some of a rule's budgets: at most `most`, those from the index `from` on.
    pub(super) fn range(&self, rule: &BudgetRule, from: usize, most: usize) -> impl Iterator<Item = &KeptBudget> {
        let budgets = self.0.iter().find(|budgets| budgets.rule.shares_budgets(rule));
        budgets.into_iter().flat_map(move |budgets| budgets.by_name.values().skip(from).take(most))
    }

    #[cfg(all(test, not(outlay_shuttle)))]
    fn len(&self) -> usize {
        self.0.iter().map(|budgets| budgets.by_name.len()).sum()
    }
}

/// Returns whether `then` is at least [`RETRY_AFTER`] ago.
fn is_long_ago(then: Option<Duration>, now: Duration) -> bool {
    then.is_none_or(|then| now.saturating_sub(then) >= RETRY_AFTER)
}

/// The time by the wall clock and by the monotonic clock.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) wall: SystemTime,
    pub(crate) monotonic: Duration,
}

impl RuleBudgets {
    fn new(rule: &BudgetRule) -> Self {
        Self {
            rule: rule.clone(),
            by_name: IndexMap::new(),
            groups: HashSet::new(),
            search_at: MAX_UNUSED,
            searched: None,
            reported: None,
        }
    }

    fn get(
        &mut self,
        rule: &BudgetRule,
        name: Arc<str>,
        task: &TaskWords<'_>,
        is_shared: bool,
        now: Times,
        alerts: &mut Alerts,
    ) -> Arc<BudgetCell> {
        if let Some(kept) = self.by_name.get_mut(&name) {
            kept.last_use = now.monotonic;
            return kept.cell.clone();
        }
        if self.by_name.len() >= self.search_at {
            self.make_room(is_shared, now, alerts);
        }
        let cell = match rule.each_call {
            true => BudgetCell::each_call(name.clone(), rule.budget),
            false if is_shared => BudgetCell::shared(store_key(rule, &name), name.clone(), rule.budget, rule.period),
            false => BudgetCell::for_rule(name.clone(), rule.budget, rule.period),
        };
        let cell = Arc::new(cell.of_rule(rule.name.clone()));
        if self.by_name.len() < MAX_BUDGETS {
            let group = self.group(rule, task);
            self.by_name.insert(name, KeptBudget { cell: cell.clone(), group, last_use: now.monotonic });
        } else if is_long_ago(self.reported, now.monotonic) {
            self.reported = Some(now.monotonic);
            alerts.push(&rule.name, AlertKind::TooManyBudgets(MAX_BUDGETS as u64));
        }
        cell
    }

    /// Returns the group of a task's budget. Budgets of the same group share it.
    fn group(&mut self, rule: &BudgetRule, task: &TaskWords<'_>) -> Arc<BudgetGroup> {
        let group = BudgetGroup::new(rule, task);
        if let Some(known) = self.groups.get(&group) {
            return known.clone();
        }
        let group = Arc::new(group);
        self.groups.insert(group.clone());
        group
    }

    /// Drops unused budgets without spending, and then old ones if there are too many. It next runs when their number has
    /// doubled.
    fn make_room(&mut self, is_shared: bool, now: Times, alerts: &mut Alerts) {
        if self.by_name.len() >= MAX_BUDGETS && !is_long_ago(self.searched, now.monotonic) {
            return;
        }
        self.searched = Some(now.monotonic);
        // If a budget in use were dropped, the next task would get a second one and both could be spent.
        let in_open_task = |kept: &KeptBudget| Arc::strong_count(&kept.cell) > 1;
        let is_old = |kept: &KeptBudget| now.monotonic.saturating_sub(kept.last_use) >= KEPT_FOR;
        // A period may seem over only because the clock has jumped ahead and will come back.
        let has_spending =
            |kept: &KeptBudget| kept.cell.has_current_amounts(now.wall) || (!is_old(kept) && kept.cell.has_amounts());
        let must_keep = |kept: &KeptBudget| in_open_task(kept) || is_shared || has_spending(kept);
        self.by_name.retain(|_, kept| must_keep(kept));
        if is_shared || self.rule.period.is_none() {
            // A dropped budget of a store still exists in the store.
            let is_droppable = |kept: &KeptBudget| !in_open_task(kept) && (is_shared || is_old(kept));
            let unused = self.by_name.values().filter(|kept| !in_open_task(kept)).count();
            // Drop a few more than necessary, so that the next search is not due at once.
            let too_many = if unused > MAX_UNUSED { unused - MAX_UNUSED * 9 / 10 } else { 0 };
            let mut uses: Vec<Duration> =
                self.by_name.values().filter(|kept| is_droppable(kept)).map(|kept| kept.last_use).collect();
            uses.sort_unstable();
            if let Some(last) = uses.get(too_many.min(uses.len()).wrapping_sub(1)).copied() {
                let before = self.by_name.len();
                self.by_name.retain(|_, kept| !is_droppable(kept) || kept.last_use > last);
                let forgotten = before - self.by_name.len();
                if forgotten > 0 && !is_shared {
                    alerts.push(&self.rule.name, AlertKind::BudgetsForgotten(forgotten as u64));
                }
            }
        }
        self.groups.retain(|group| Arc::strong_count(group) > 1);
        self.search_at = (self.by_name.len() * 2).clamp(MAX_UNUSED, MAX_BUDGETS);
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use super::*;
    use crate::money::Spent;
    use crate::{Amount, Dimensions};

    /// A clock, and the budgets of a rule per conversation.
    struct Conversations {
        kept: BudgetsOfRules,
        rule: BudgetRule,
        is_shared: bool,
        now: SystemTime,
        alerts: Alerts,
    }

    impl Conversations {
        fn new(rule: BudgetRule) -> Self {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400);
            Self { kept: BudgetsOfRules::default(), rule, is_shared: false, now, alerts: Alerts::default() }
        }

        fn budget(&mut self, id: impl std::fmt::Display) -> Arc<BudgetCell> {
            let applied =
                AppliedRule { rule: &self.rule, name: format!("talk [{id}]").into(), other_limits: Vec::new() };
            let monotonic = self.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let task = TaskWords { name: "t", conversation: None, dimensions: &Dimensions::default() };
            self.kept.get(applied, &task, self.is_shared, Times { wall: self.now, monotonic }, &mut self.alerts)
        }

        fn spend(&mut self, id: impl std::fmt::Display) {
            let _ = self.budget(id).spend(&Spent { calls: 1, ..Spent::default() }, self.now);
        }

        fn spent(&mut self, id: impl std::fmt::Display) -> Amount {
            self.budget(id).status().spent
        }

        fn alerts(&self) -> Vec<&AlertKind> {
            self.alerts.kinds().collect()
        }
    }

    fn conversation_rule() -> BudgetRule {
        BudgetRule::new("talk", Budget::calls(9))
    }

    #[test]
    fn a_spent_budget_is_kept_to_the_end_of_its_period_whatever_their_number() {
        let mut conversations = Conversations::new(conversation_rule().every(Period::Month));
        conversations.spend("mine");
        for id in 0..5 * MAX_UNUSED {
            conversations.spend(id);
        }
        assert_eq!((conversations.spent("mine"), conversations.kept.len()), (Amount::Calls(1), 5 * MAX_UNUSED + 1));
        conversations.now += Duration::from_secs(32 * 86_400);
        for id in 0..10 * MAX_UNUSED {
            conversations.budget(format!("later {id}"));
        }
        assert!(
            conversations.kept.len() < 2 * MAX_UNUSED,
            "ended and unspent budgets are dropped: {}",
            conversations.kept.len()
        );
        assert_eq!((conversations.spent("mine"), conversations.alerts().len()), (Amount::Calls(0), 0));
    }

    #[test]
    fn budgets_without_a_period_are_kept_for_an_hour_and_then_the_least_recently_used_are_dropped() {
        let mut conversations = Conversations::new(conversation_rule());
        conversations.spend("early");
        for id in 0..4 * MAX_UNUSED {
            conversations.spend(id);
        }
        assert_eq!(
            (conversations.spent("early"), conversations.alerts().len()),
            (Amount::Calls(1), 0),
            "within the hour"
        );
        conversations.now += KEPT_FOR;
        conversations.spend("often");
        for id in 0..8 * MAX_UNUSED {
            conversations.budget(format!("new {id}"));
        }
        assert!(conversations.kept.len() < 10 * MAX_UNUSED, "{}", conversations.kept.len());
        assert_eq!((conversations.spent("often"), conversations.spent("early")), (Amount::Calls(1), Amount::Calls(0)));
        assert!(
            matches!(conversations.alerts()[..], [AlertKind::BudgetsForgotten(30_000..)]),
            "{:?}",
            conversations.alerts()
        );
    }

    #[test]
    fn budgets_of_open_tasks_are_kept_and_never_merged() {
        let mut conversations = Conversations::new(conversation_rule());
        let used: Vec<_> = (0..3 * MAX_UNUSED).map(|id| conversations.budget(id)).collect();
        conversations.now += KEPT_FOR * 2;
        conversations.spend("mine");
        for id in 0..MAX_UNUSED / 2 {
            conversations.budget(format!("new {id}"));
        }
        assert!(used.iter().enumerate().all(|(id, cell)| Arc::ptr_eq(cell, &conversations.budget(id))));
        assert_eq!((conversations.spent("mine"), conversations.alerts().len()), (Amount::Calls(1), 0));
        assert_eq!(&*conversations.budget("late").name, "talk [late]");
    }

    #[test]
    fn budgets_in_a_store_are_dropped_without_an_alert() {
        let mut conversations =
            Conversations { is_shared: true, ..Conversations::new(conversation_rule().every(Period::Month)) };
        for id in 0..5 * MAX_UNUSED {
            conversations.spend(id);
        }
        assert!(
            conversations.kept.len() <= 2 * MAX_UNUSED && conversations.alerts().is_empty(),
            "{}",
            conversations.kept.len()
        );
    }

    #[test]
    fn beyond_the_maximum_a_task_gets_a_separate_budget_and_an_alert() {
        let mut conversations = Conversations::new(conversation_rule().every(Period::Month));
        conversations.spend("mine");
        for id in 0..MAX_BUDGETS {
            conversations.spend(id);
        }
        assert_eq!((conversations.kept.len(), conversations.spent("mine")), (MAX_BUDGETS, Amount::Calls(1)));
        let (one, other) = (conversations.budget("late"), conversations.budget("late"));
        assert!(!Arc::ptr_eq(&one, &other) && one.status().spent == Amount::Calls(0));
        assert!(
            matches!(conversations.alerts()[..], [AlertKind::TooManyBudgets(1_000_000)]),
            "once a minute: {:?}",
            conversations.alerts()
        );
    }
}
