use std::sync::{Arc, PoisonError};

use super::budgets_of_rules::{KeptBudgets, Times, Wanted};
use super::{BudgetCell, BudgetRule};
use crate::alert::Alerts;
use crate::sync::{Mutex, RwLock, lock};
use crate::task::TaskWords;

/// The rules that the code has given, and those of the policy.
#[derive(Debug, Default)]
struct Rules {
    own: Vec<BudgetRule>,
    of_policy: Vec<BudgetRule>,
}

/// The rules in force, and the budgets that they have made.
#[derive(Debug, Default)]
pub(crate) struct BudgetRules {
    rules: RwLock<Rules>,
    kept: Mutex<KeptBudgets>,
    /// A store holds the budgets, but for those that hold each call by itself.
    are_shared: bool,
}

impl BudgetRules {
    /// Whose budgets a store holds.
    pub(crate) fn shared() -> Self {
        Self { are_shared: true, ..Self::default() }
    }

    /// Puts other rules in force, for tasks that start from now on. A budget that goes by the same name keeps what has
    /// been spent of it, under the new limit; one that counts something else, or over another period, begins anew.
    pub(crate) fn set(&self, rules: Vec<BudgetRule>) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).own = rules;
    }

    /// The same of those of the policy.
    pub(crate) fn set_of_policy(&self, rules: Vec<BudgetRule>) {
        self.rules.write().unwrap_or_else(PoisonError::into_inner).of_policy = rules;
    }

    /// The budgets that hold a task. What was forgotten for them goes to `alerts`. The time is asked for only where there are
    /// rules.
    pub(crate) fn of_task(
        &self,
        task: &TaskWords<'_>,
        now: impl FnOnce() -> Times,
        alerts: &mut Alerts,
    ) -> Vec<Arc<BudgetCell>> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        if rules.own.is_empty() && rules.of_policy.is_empty() {
            return Vec::new();
        }
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        for rule in rules.own.iter().chain(&rules.of_policy) {
            let Some(name) = rule.applies(task) else { continue };
            // The code and the policy may both have it, or the code several: what is spent is one figure, and all limits hold.
            match wanted.iter_mut().find(|known| known.name == name && known.rule.is_same(rule)) {
                Some(known) => known.others.push(rule.budget),
                None => wanted.push(Wanted { rule, name, others: Vec::new() }),
            }
        }
        let (now, mut kept) = (now(), lock(&self.kept));
        wanted.into_iter().map(|wanted| kept.get(wanted, self.are_shared, now, alerts)).collect()
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

    fn then(wall: SystemTime) -> impl Fn() -> Times {
        move || Times { wall, monotonic: Duration::ZERO }
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
    fn what_a_store_knows_a_budget_by_is_of_that_budget_alone() {
        let key = |rule: BudgetRule| {
            let name = rule.applies(&words("t", None, &team("a"))).unwrap_or_else(|| rule.name.clone());
            store_key(&rule, &name).to_string()
        };
        let rule = |name: &str| BudgetRule::new(name, Usd::from_dollars(1));
        assert_eq!(key(rule("day").per("team").every(Period::Day)), "usd|day|day [team%3Da]");
        assert_eq!(key(BudgetRule::new("x", Budget::calls(1)).only("team", "a|b=c")), "calls|ever|x|team=a%7Cb%3Dc");
        assert_ne!(key(rule("x|team=a")), key(rule("x").only("team", "a")));
        assert_ne!(key(rule("x%7C")), key(rule("x|")));
    }

    fn names(rules: &BudgetRules, task: &TaskWords<'_>) -> Vec<String> {
        let cells = rules.of_task(task, then(SystemTime::UNIX_EPOCH), &mut Alerts::default());
        cells.iter().map(|cell| cell.name.to_string()).collect()
    }

    #[test]
    fn a_rule_makes_a_budget_for_each_value_and_one_for_those_without() {
        let rules = BudgetRules::default();
        let dollar = Budget::new(Usd::from_dollars(1));
        rules.set(vec![
            BudgetRule::new("all", dollar),
            BudgetRule::new("team", dollar).per("team").every(Period::Day),
            BudgetRule::new("search", dollar).only("team", "search"),
            BudgetRule::new("talk", dollar).per("conversation").only("task", "t"),
        ]);
        let (search, nobody) = (team("search"), Dimensions::default());
        let of_search = words("t", Some("c-1"), &search);
        assert_eq!(names(&rules, &of_search), ["all", "team [team=search]", "search", "talk [conversation=c-1]"]);
        assert_eq!(names(&rules, &words("u", None, &nobody)), ["all", "team [team=(none)]"]);
        assert!(Arc::ptr_eq(
            &rules.of_task(&of_search, then(SystemTime::UNIX_EPOCH), &mut Alerts::default())[1],
            &rules.of_task(&of_search, then(SystemTime::UNIX_EPOCH), &mut Alerts::default())[1]
        ));
    }

    #[test]
    fn a_rule_that_counts_something_else_under_the_same_name_begins_anew() {
        let rules = BudgetRules::default();
        let (task, at) = (Dimensions::default(), SystemTime::UNIX_EPOCH);
        let cell_of = |rule: BudgetRule| {
            rules.set(vec![rule]);
            rules.of_task(&words("t", None, &task), then(at), &mut Alerts::default()).remove(0)
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
    fn the_code_and_the_policy_hold_one_budget_to_both_their_limits() {
        let rules = BudgetRules::default();
        let dollars = |limit| BudgetRule::new("r", Usd::from_dollars(limit)).every(Period::Day);
        rules.set(vec![dollars(5)]);
        rules.set_of_policy(vec![dollars(3)]);
        let (dimensions, at) = (Dimensions::default(), SystemTime::UNIX_EPOCH);
        let budgets = || rules.of_task(&words("t", None, &dimensions), then(at), &mut Alerts::default());
        assert_eq!(budgets().len(), 1);
        assert_eq!(budgets()[0].status().limit, Amount::Usd(Usd::from_dollars(3)));
        let _ = budgets()[0].spend(&Spent::usd(Usd::from_dollars(2)), at);
        // What is spent stays, whichever of them goes.
        rules.set_of_policy(Vec::new());
        let status = budgets()[0].status();
        assert_eq!(
            (status.limit, status.spent),
            (Amount::Usd(Usd::from_dollars(5)), Amount::Usd(Usd::from_dollars(2)))
        );
        // Another thing that is counted is another budget.
        rules.set_of_policy(vec![BudgetRule::new("r", Budget::calls(1)).every(Period::Day)]);
        assert_eq!(budgets().len(), 2);
    }
}
