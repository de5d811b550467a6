use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use super::{BudgetCell, BudgetRule, Period};
use crate::spec::TaskWords;
use crate::sync::{Mutex, RwLock, lock};

/// As many budgets that rules make are kept apart. Beyond it those are forgotten that no task has been held by for longest;
/// where tasks hold all of them, a rule has one for all that come later.
const MAX_CELLS: usize = 10_000;
/// So many are forgotten at once.
const FORGOTTEN: usize = 1_000;

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
    cells: Mutex<Cells>,
    /// A store holds the budgets, but for those that hold each call by itself.
    are_shared: bool,
}

#[derive(Debug, Default)]
struct Cells {
    by_key: HashMap<Key, Kept>,
    /// How often one has been asked for.
    uses: u64,
}

#[derive(Debug)]
struct Kept {
    cell: Arc<BudgetCell>,
    last_use: u64,
}

/// What a budget goes by, and what it counts: dollars that were spent are no calls, and those of a day not of a month.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    name: Arc<str>,
    unit: &'static str,
    period: Option<Period>,
    each_call: bool,
    /// Two rules of one name that hold other tasks are two.
    only: Vec<(Arc<str>, Arc<str>)>,
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

    /// The budgets that hold a task.
    pub(crate) fn of_task(&self, task: &TaskWords<'_>, now: SystemTime) -> Vec<Arc<BudgetCell>> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let rules = || rules.own.iter().chain(&rules.of_policy);
        if rules().next().is_none() {
            return Vec::new();
        }
        let mut cells = lock(&self.cells);
        let held = rules().filter_map(|rule| Some((rule, rule.applies(task)?)));
        held.map(|(rule, name)| cells.get(rule, name, self.are_shared, now)).collect()
    }
}

impl Key {
    fn new(rule: &BudgetRule, name: &Arc<str>) -> Self {
        let unit = rule.budget.limit.unit();
        Self { name: name.clone(), unit, period: rule.period, each_call: rule.each_call, only: rule.only.clone() }
    }
}

impl Key {
    /// The same in every process: what it counts, over which period, of which tasks, and the name. No two have the same.
    fn for_store(&self) -> Arc<str> {
        let period = self.period.map_or("ever", Period::as_str);
        let mut key = format!("{}|{period}|{}", self.unit, escaped(&self.name));
        for (name, value) in &self.only {
            key = format!("{key}|{}={}", escaped(name), escaped(value));
        }
        key.into()
    }
}

/// Without what divides the parts of a key.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('|', "%7C").replace('=', "%3D")
}

impl Cells {
    /// The budget of that name, under the rule's present limit.
    fn get(&mut self, rule: &BudgetRule, name: Arc<str>, is_shared: bool, now: SystemTime) -> Arc<BudgetCell> {
        if !self.by_key.contains_key(&Key::new(rule, &name)) && self.by_key.len() >= MAX_CELLS {
            self.forget(now);
        }
        let has_place = self.by_key.len() < MAX_CELLS || self.by_key.contains_key(&Key::new(rule, &name));
        let name = if has_place { name } else { format!("{} [others]", rule.name).into() };
        self.uses += 1;
        let last_use = self.uses;
        let new = || match rule.each_call {
            true => Arc::new(BudgetCell::each_call(name.clone(), rule.budget)),
            false if is_shared => {
                Arc::new(BudgetCell::shared(Key::new(rule, &name).for_store(), name.clone(), rule.budget, rule.period))
            }
            false => Arc::new(BudgetCell::every(name.clone(), rule.budget, rule.period)),
        };
        let kept = self.by_key.entry(Key::new(rule, &name)).or_insert_with(|| Kept { cell: new(), last_use });
        kept.last_use = last_use;
        kept.cell.set_budget(rule.budget);
        kept.cell.clone()
    }

    /// Makes room. Of one that a task holds the next task would get another, and both would be spent.
    fn forget(&mut self, now: SystemTime) {
        let is_held = |cell: &Arc<BudgetCell>| Arc::strong_count(cell) > 1;
        self.by_key.retain(|_, kept| is_held(&kept.cell) || !kept.cell.is_over(now));
        if self.by_key.len() < MAX_CELLS {
            return;
        }
        let unheld = self.by_key.values().filter(|kept| !is_held(&kept.cell));
        let mut uses: Vec<u64> = unheld.map(|kept| kept.last_use).collect();
        uses.sort_unstable();
        let Some(last) = uses.get(FORGOTTEN.min(uses.len()).saturating_sub(1)).copied() else { return };
        self.by_key.retain(|_, kept| is_held(&kept.cell) || kept.last_use > last);
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use outlay_price::Usd;

    use super::*;
    use crate::budget::Spent;
    use crate::{Amount, Budget, Dimension, Dimensions};

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
            Key::new(&rule, &name).for_store().to_string()
        };
        let rule = |name: &str| BudgetRule::new(name, Usd::from_dollars(1));
        assert_eq!(key(rule("day").per("team").every(Period::Day)), "usd|day|day [team%3Da]");
        assert_eq!(key(BudgetRule::new("x", Budget::calls(1)).only("team", "a|b=c")), "calls|ever|x|team=a%7Cb%3Dc");
        assert_ne!(key(rule("x|team=a")), key(rule("x").only("team", "a")));
        assert_ne!(key(rule("x%7C")), key(rule("x|")));
    }

    fn names(rules: &BudgetRules, task: &TaskWords<'_>) -> Vec<String> {
        let cells = rules.of_task(task, SystemTime::UNIX_EPOCH);
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
            &rules.of_task(&of_search, SystemTime::UNIX_EPOCH)[1],
            &rules.of_task(&of_search, SystemTime::UNIX_EPOCH)[1]
        ));
    }

    #[test]
    fn a_budget_that_a_task_holds_is_not_forgotten_at_the_cap() {
        let rules = BudgetRules::default();
        rules.set(vec![BudgetRule::new("talk", Budget::calls(1)).per("conversation").every(Period::Day)]);
        let of_task = |id: &str| {
            let dimensions = Dimensions::default();
            rules.of_task(&words("t", Some(id), &dimensions), SystemTime::UNIX_EPOCH)
        };
        let held = of_task("held");
        for id in 0..MAX_CELLS {
            of_task(&id.to_string());
        }
        assert!(Arc::ptr_eq(&held[0], &of_task("held")[0]));
    }

    #[test]
    fn a_rule_that_counts_something_else_under_the_same_name_begins_anew() {
        let rules = BudgetRules::default();
        let (task, at) = (Dimensions::default(), SystemTime::UNIX_EPOCH);
        let cell_of = |rule: BudgetRule| {
            rules.set(vec![rule]);
            rules.of_task(&words("t", None, &task), at).remove(0)
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
    fn beyond_the_cap_the_ones_that_were_not_used_for_longest_are_forgotten() {
        let rules = BudgetRules::default();
        rules.set(vec![BudgetRule::new("talk", Budget::calls(1)).per("conversation")]);
        let dimensions = Dimensions::default();
        let of_task = |id: &str| rules.of_task(&words("t", Some(id), &dimensions), SystemTime::UNIX_EPOCH).remove(0);
        let spend = |id: &str| of_task(id).spend(&Spent { calls: 1, ..Spent::default() }, SystemTime::UNIX_EPOCH);
        for id in ["early", "often"] {
            let _ = spend(id);
        }
        for id in 0..MAX_CELLS {
            of_task("often");
            of_task(&id.to_string());
        }
        let spent = |id: &str| of_task(id).status().spent;
        assert_eq!((spent("early"), spent("often")), (Amount::Calls(0), Amount::Calls(1)));
        assert!(lock(&rules.cells).by_key.len() <= MAX_CELLS);
    }

    #[test]
    fn where_tasks_hold_them_all_a_rule_has_one_budget_for_the_others() {
        let rules = BudgetRules::default();
        rules.set(vec![BudgetRule::new("talk", Budget::calls(1)).per("conversation")]);
        let dimensions = Dimensions::default();
        let of_task = |id: &str| rules.of_task(&words("t", Some(id), &dimensions), SystemTime::UNIX_EPOCH).remove(0);
        let held: Vec<_> = (0..MAX_CELLS).map(|id| of_task(&id.to_string())).collect();
        assert_eq!(&*of_task("late").name, "talk [others]");
        // Under another limit, too.
        rules.set(vec![BudgetRule::new("talk", Budget::calls(7)).per("conversation")]);
        assert_eq!(of_task("later").status().limit, Amount::Calls(7));
        drop(held);
        assert_eq!(&*of_task("last").name, "talk [conversation=last]");
    }
}
