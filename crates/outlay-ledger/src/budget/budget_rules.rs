use std::sync::{Arc, PoisonError};

use super::budgets_of_rules::{AppliedRule, BudgetsOfRules, Times};
use super::{BudgetCell, BudgetRule};
use crate::alert::Alerts;
use crate::sync::{Mutex, RwLock, lock};
use crate::task::TaskWords;

/// The rules set in code, and those of the policy.
#[derive(Debug, Default)]
struct Rules {
    from_code: Vec<BudgetRule>,
    from_policy: Vec<BudgetRule>,
}

/// The rules in force and their budgets.
#[derive(Debug, Default)]
pub(crate) struct BudgetRules {
    rules: RwLock<Rules>,
    pub(super) kept: Mutex<BudgetsOfRules>,
    /// Whether a store keeps the budgets, except those that limit each call separately.
    are_shared: bool,
}

impl BudgetRules {
    /// Creates rules with budgets that a store keeps.
    pub(crate) fn shared() -> Self {
        Self { are_shared: true, ..Self::default() }
    }

    /// Replaces the rules set in code, for tasks that start from now on. A budget with the same name keeps its spending
    /// under the new limit; one with another unit or period starts at zero.
    pub(crate) fn set(&self, rules: Vec<BudgetRule>) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).from_code = rules;
    }

    /// Replaces the rules of the policy. See [`set`](Self::set).
    pub(crate) fn set_policy_rules(&self, rules: Vec<BudgetRule>) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).from_policy = rules;
    }

    /// Returns all rules: those set in code, and those of the policy.
    pub(super) fn all(&self) -> Vec<BudgetRule> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.from_code.iter().chain(&rules.from_policy).cloned().collect()
    }

    /// Returns whether there are no rules.
    pub(crate) fn is_empty(&self) -> bool {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.from_code.is_empty() && rules.from_policy.is_empty()
    }

    /// Returns the budgets of rules that apply to a task. Dropped budgets are reported to `alerts`.
    pub(crate) fn of_task(&self, task: &TaskWords<'_>, now: Times, alerts: &mut Alerts) -> Vec<Arc<BudgetCell>> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let mut applied: Vec<AppliedRule<'_>> = Vec::new();
        for rule in rules.from_code.iter().chain(&rules.from_policy) {
            let Some(name) = rule.budget_name(task) else { continue };
            // The code and the policy may set the same rule more than once. All limits apply to the same spending.
            match applied.iter_mut().find(|known| known.name == name && known.rule.shares_budgets(rule)) {
                Some(known) => known.other_limits.push(rule.budget),
                None => applied.push(AppliedRule { rule, name, other_limits: Vec::new() }),
            }
        }
        let mut kept = lock(&self.kept);
        applied.into_iter().map(|rule| kept.get(rule, task, self.are_shared, now, alerts)).collect()
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use std::time::{Duration, SystemTime};

    use outlay_price::Usd;

    use super::super::budgets_of_rules::store_key;
    use super::*;
    use crate::money::Spent;
    use crate::{Amount, Budget, Dimension, Dimensions, Period};

    const fn at_time(wall: SystemTime) -> Times {
        Times { wall, monotonic: Duration::ZERO }
    }

    fn team(name: &str) -> Dimensions {
        let mut dimensions = Dimensions::default();
        dimensions.set(Dimension::Team, name);
        dimensions
    }

    fn words<'a>(name: &'a str, conversation: Option<&'a str>, dimensions: &'a Dimensions) -> TaskWords<'a> {
        TaskWords { name, conversation, dimensions }
    }

    #[test]
    fn the_store_key_is_unique_to_the_budget() {
        let key = |rule: BudgetRule| {
            let name = rule.budget_name(&words("t", None, &team("a"))).unwrap_or_else(|| rule.name.clone());
            store_key(&rule, &name).to_string()
        };
        let rule = |name: &str| BudgetRule::new(name, Usd::from_dollars(1));
        assert_eq!(key(rule("day").per("team").every(Period::Day)), "usd|day|day [team%3Da]");
        assert_eq!(key(BudgetRule::new("x", Budget::calls(1)).only("team", "a|b=c")), "calls|ever|x|team=a%7Cb%3Dc");
        assert_ne!(key(rule("x|team=a")), key(rule("x").only("team", "a")));
        assert_ne!(key(rule("x%7C")), key(rule("x|")));
    }

    fn names(rules: &BudgetRules, task: &TaskWords<'_>) -> Vec<String> {
        let cells = rules.of_task(task, at_time(SystemTime::UNIX_EPOCH), &mut Alerts::default());
        cells.iter().map(|cell| cell.name.to_string()).collect()
    }

    #[test]
    fn a_rule_has_a_budget_per_value_and_one_for_tasks_without_a_value() {
        let rules = BudgetRules::default();
        let dollar = Budget::new(Usd::from_dollars(1));
        rules.set(vec![
            BudgetRule::new("all", dollar),
            BudgetRule::new("team", dollar).per("team").every(Period::Day),
            BudgetRule::new("search", dollar).only("team", "search"),
            BudgetRule::new("talk", dollar).per("conversation").only("task", "t"),
        ]);
        let (search, no_team) = (team("search"), Dimensions::default());
        let of_search = words("t", Some("c-1"), &search);
        assert_eq!(names(&rules, &of_search), ["all", "team [team=search]", "search", "talk [conversation=c-1]"]);
        assert_eq!(names(&rules, &words("u", None, &no_team)), ["all", "team [team=(none)]"]);
        assert!(Arc::ptr_eq(
            &rules.of_task(&of_search, at_time(SystemTime::UNIX_EPOCH), &mut Alerts::default())[1],
            &rules.of_task(&of_search, at_time(SystemTime::UNIX_EPOCH), &mut Alerts::default())[1]
        ));
    }

    #[test]
    fn a_rule_with_the_same_name_and_another_unit_starts_at_zero() {
        let rules = BudgetRules::default();
        let (task, at) = (Dimensions::default(), SystemTime::UNIX_EPOCH);
        let cell_of = |rule: BudgetRule| {
            rules.set(vec![rule]);
            rules.of_task(&words("t", None, &task), at_time(at), &mut Alerts::default()).remove(0)
        };
        let spent = |rule| cell_of(rule).status().spent;
        let dollars = |limit| BudgetRule::new("r", Usd::from_dollars(limit));
        let _ = cell_of(dollars(5)).spend(&Spent::usd(Usd::from_dollars(2)), at);
        assert!(spent(dollars(3)) == Usd::from_dollars(2));
        assert_eq!(spent(BudgetRule::new("r", Budget::calls(5))), Amount::Calls(0));
        assert!(spent(dollars(3).every(Period::Day)) == Usd::ZERO);
        assert!(!Arc::ptr_eq(&cell_of(dollars(3)), &cell_of(BudgetRule::each_call("r", Usd::from_dollars(3)))));
    }

    #[test]
    fn the_limits_of_code_and_policy_apply_to_one_budget() {
        let rules = BudgetRules::default();
        let dollars = |limit| BudgetRule::new("r", Usd::from_dollars(limit)).every(Period::Day);
        rules.set(vec![dollars(5)]);
        rules.set_policy_rules(vec![dollars(3)]);
        let (dimensions, at) = (Dimensions::default(), SystemTime::UNIX_EPOCH);
        let budgets = || rules.of_task(&words("t", None, &dimensions), at_time(at), &mut Alerts::default());
        assert_eq!(budgets().len(), 1);
        assert_eq!(budgets()[0].status().limit, Amount::Usd(Usd::from_dollars(3)));
        let _ = budgets()[0].spend(&Spent::usd(Usd::from_dollars(2)), at);
        // The spending stays when one of the rules is removed.
        rules.set_policy_rules(Vec::new());
        let status = budgets()[0].status();
        assert_eq!(
            (status.limit, status.spent),
            (Amount::Usd(Usd::from_dollars(5)), Amount::Usd(Usd::from_dollars(2)))
        );
        // Another unit is another budget.
        rules.set_policy_rules(vec![BudgetRule::new("r", Budget::calls(1)).every(Period::Day)]);
        assert_eq!(budgets().len(), 2);
    }
}
