//! Tests of what the budgets of rules have used: by team, by period, of the fullest one, and from a store.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod manual_clock;

use std::sync::{Arc, Mutex};

use manual_clock::{ManualClock, begin, dollars, record};
use outlay_ledger::{
    Amount, Budget, BudgetInForce, BudgetRule, BudgetStore, Dimension, Dimensions, Ledger, Period, Policy, Settlement,
    StoreAnswer, StoreAsk, StoreBudget, StoreFuture, TaskSpec,
};
use outlay_price::Usd;

const DAY: u64 = 86_400;

fn spec(set: &[(Dimension, &str)]) -> TaskSpec {
    let mut dimensions = Dimensions::default();
    for (dimension, value) in set {
        dimensions.set(*dimension, value);
    }
    TaskSpec::new("t").dimensions(dimensions)
}

/// Runs a task with this cost.
fn spend(ledger: &Ledger, spec: TaskSpec, cost: Usd) {
    begin(&ledger.task(spec), Some(cost)).unwrap().settle(record(cost));
}

/// Returns what is spent of what, with the rule and the team.
fn read(ledger: &Ledger) -> Vec<(String, Option<String>, Amount, Amount)> {
    let mut all: Vec<_> = ledger.budgets_in_force().read().into_iter().map(row).collect();
    all.sort_by(|a, b| (&a.0, &a.1, b.3.units()).cmp(&(&b.0, &b.1, a.3.units())));
    all
}

fn row(budget: BudgetInForce) -> (String, Option<String>, Amount, Amount) {
    (budget.rule.to_string(), budget.team.map(|team| team.to_string()), budget.spent, budget.limit)
}

fn usd(amount: i64) -> Amount {
    Amount::Usd(dollars(amount))
}

#[test]
fn a_rule_per_team_has_a_figure_for_each_team_and_one_for_tasks_without_a_team() {
    let rule = BudgetRule::new("teams", dollars(10)).per("team").only("environment", "sandbox").every(Period::Day);
    let ledger = Ledger::builder().budget_rule(rule.owner("ana").notify("#costs")).build();
    let sandbox = (Dimension::Environment, "sandbox");
    for (team, cost) in [("a", 2), ("b", 3), ("a", 1)] {
        spend(&ledger, spec(&[sandbox, (Dimension::Team, team)]), dollars(cost));
    }
    spend(&ledger, spec(&[sandbox]), dollars(4));
    spend(&ledger, spec(&[(Dimension::Team, "a")]), dollars(5));
    let team = |name: Option<&str>, spent| ("teams".to_owned(), name.map(str::to_owned), usd(spent), usd(10));
    assert_eq!(read(&ledger), [team(None, 4), team(Some("a"), 3), team(Some("b"), 3)]);
    for budget in ledger.budgets_in_force().read() {
        assert_eq!((budget.period, budget.environment.as_deref()), (Some(Period::Day), Some("sandbox")));
        assert_eq!((budget.owner.as_deref(), budget.notify.as_deref()), (Some("ana"), Some("#costs")));
        assert_eq!(budget.cost_center, None);
    }
}

#[test]
fn a_rule_with_other_keys_has_the_figure_of_its_fullest_budget() {
    let rule = BudgetRule::new("talks", Budget::calls(100)).per("conversation").per("cost_center");
    let ledger = Ledger::builder().budget_rule(rule).build();
    let talk = |conversation: usize, cost_center: &str| {
        spec(&[(Dimension::CostCenter, cost_center)]).conversation(&conversation.to_string())
    };
    // More than are read at a time.
    for conversation in 0..2_500 {
        spend(&ledger, talk(conversation, "cc-1"), Usd::ZERO);
    }
    for _ in 0..7 {
        spend(&ledger, talk(2_400, "cc-1"), Usd::ZERO);
    }
    spend(&ledger, talk(2_400, "cc-2"), Usd::ZERO);
    let read = ledger.budgets_in_force().read().into_iter();
    let mut found: Vec<_> = read.map(|budget| (budget.cost_center, budget.spent)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    // Work outside any task has none.
    let of = |cost_center: Option<&str>, calls| (cost_center.map(Arc::from), Amount::Calls(calls));
    assert_eq!(found, [of(None, 0), of(Some("cc-1"), 8), of(Some("cc-2"), 1)]);
}

#[test]
fn a_budget_of_an_ended_period_has_spent_nothing_although_no_task_has_started_since() {
    let clock = ManualClock::new();
    let rule = BudgetRule::new("day", dollars(10)).every(Period::Day);
    let ledger = Ledger::builder().clock(clock.clone()).budget_rule(rule).build();
    let spent = || read(&ledger)[0].2;
    assert_eq!(spent(), usd(0), "before its first task");
    spend(&ledger, spec(&[]), dollars(3));
    assert_eq!(spent(), usd(3));
    clock.advance(DAY);
    assert_eq!(spent(), usd(0));
    spend(&ledger, spec(&[]), dollars(2));
    assert_eq!(spent(), usd(2));
    // Far back, the later days are added to the current one, for calls as for the figure.
    clock.jump(-(10 * DAY as i64));
    assert_eq!(spent(), usd(5));
    spend(&ledger, spec(&[]), dollars(1));
    assert_eq!(spent(), usd(6));
}

#[test]
fn only_rules_in_force_have_figures_with_the_limits_in_force() {
    let day = |limit| BudgetRule::new("day", dollars(limit)).every(Period::Day);
    let ledger = Ledger::builder()
        .budget_rule(day(10).notify("#code"))
        .budget_rule(BudgetRule::each_call("call", dollars(1)))
        .build();
    spend(&ledger, spec(&[]), dollars(1));
    let row = |spent, limit| ("day".to_owned(), None, usd(spent), usd(limit));
    assert_eq!(read(&ledger), [row(1, 10)], "a rule for each call keeps no sum");
    // The policy has a lower limit for the same budget. No task has started since.
    ledger.set_policy(
        Policy::from_toml(
            "mode = \"enforce\"\n[[budget]]\nname = \"day\"\nusd = \"4\"\nevery = \"day\"\nowner = \"bob\"",
        )
        .unwrap(),
    );
    assert_eq!(read(&ledger), [row(1, 4)]);
    let budget = ledger.budgets_in_force().read().remove(0);
    assert_eq!((budget.owner.as_deref(), budget.notify.as_deref()), (Some("bob"), Some("#code")));
    ledger.set_budget_rules(vec![BudgetRule::new("other", Budget::calls(5))]);
    ledger.set_policy(Policy::default());
    assert_eq!(read(&ledger), [("other".to_owned(), None, Amount::Calls(0), Amount::Calls(5))]);
}

#[test]
fn two_rules_with_one_name_and_other_keys_have_figures_of_their_own() {
    let ledger = Ledger::builder()
        .budget_rule(BudgetRule::new("day", dollars(10)))
        .budget_rule(BudgetRule::new("day", dollars(5)).per("team"))
        .build();
    spend(&ledger, spec(&[(Dimension::Team, "a")]), dollars(2));
    spend(&ledger, spec(&[(Dimension::Team, "b")]), dollars(1));
    let row = |team: Option<&str>, spent, limit| ("day".to_owned(), team.map(str::to_owned), usd(spent), usd(limit));
    // The second row without a team is that of work outside any task.
    assert_eq!(read(&ledger), [row(None, 3, 10), row(None, 0, 5), row(Some("a"), 2, 5), row(Some("b"), 1, 5)]);
}

#[test]
fn what_is_read_does_not_keep_the_ledger_alive_and_outlives_it() {
    let observed = Arc::new(());
    let in_alert = observed.clone();
    let ledger = Ledger::builder()
        .budget_rule(BudgetRule::new("all", dollars(10)))
        .on_alert(move |_| drop(in_alert.clone()))
        .build();
    spend(&ledger, spec(&[]), dollars(1));
    let budgets = ledger.budgets_in_force();
    drop(ledger);
    assert_eq!(Arc::strong_count(&observed), 1, "the observer is dropped with the ledger");
    assert_eq!(budgets.read()[0].spent, usd(1));
}

/// A store that admits all calls and knows what it is told to know.
#[derive(Clone, Debug, Default)]
struct Store(Arc<Mutex<Option<Amount>>>);

impl BudgetStore for Store {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        Box::pin(std::future::ready(self.reserve_now(ask)))
    }

    fn reserve_now(&self, _: &StoreAsk) -> StoreAnswer {
        StoreAnswer::Admitted(Vec::new())
    }

    fn settle(&self, _: Settlement) {}

    fn spent(&self, budget: &StoreBudget) -> Option<Amount> {
        assert_ne!(&*budget.key, "usd|ever|panics");
        *self.0.lock().unwrap()
    }
}

#[test]
fn a_store_tells_what_all_processes_have_spent_and_unknown_is_not_zero() {
    let store = Store::default();
    let ledger = Ledger::builder()
        .budget_rule(BudgetRule::new("all", dollars(10)))
        .budget_rule(BudgetRule::new("panics", dollars(10)))
        .budget_store(store.clone())
        .build();
    assert_eq!(read(&ledger), []);
    spend(&ledger, spec(&[]), dollars(1));
    assert_eq!(read(&ledger), []);
    *store.0.lock().unwrap() = Some(usd(7));
    assert_eq!(read(&ledger), [("all".to_owned(), None, usd(7), usd(10))]);
    *store.0.lock().unwrap() = Some(Amount::Calls(7));
    assert_eq!(read(&ledger), [], "a store that answers in another unit does not know it");
}
