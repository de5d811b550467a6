//! Tests of the budgets of rules.
#![allow(missing_docs, clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use outlay_ledger::{
    Amount, Ask, Budget, BudgetRule, CallRecord, Clock, Ledger, LedgerBuilder, Period, Policy, Refusal, Scope, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};

const DAY: u64 = 86_400;

/// A clock that is set by hand, in seconds.
#[derive(Clone, Debug, Default)]
struct ManualClock(Arc<AtomicU64>);

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

impl ManualClock {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

fn builder(clock: &ManualClock) -> LedgerBuilder {
    clock.set(20_000 * DAY);
    Ledger::builder().clock(clock.clone())
}

/// Makes a call that costs this many cents. Returns whether it was admitted.
fn spend(task: &Scope, cents: i64) -> bool {
    begin(task, cents).is_ok_and(|open| {
        open.settle(record(cents));
        true
    })
}

fn begin(task: &Scope, cents: i64) -> Result<outlay_ledger::PendingCall, Refusal> {
    task.open_call(&Ask {
        model: &"m".into(),
        input: 0,
        max_output: None,
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(Usd::from_cents(cents)),
    })
}

fn record(cents: i64) -> CallRecord {
    let charge = Charge::external(Usd::from_cents(cents));
    CallRecord::answered(Arc::from("m"), Usage::new().with_output(5), charge, SystemTime::UNIX_EPOCH)
}

#[test]
fn a_rule_that_is_given_twice_applies_once() {
    let rule = BudgetRule::new("all", Budget::calls(1));
    let task = Ledger::builder().budget_rule(rule.clone()).budget_rule(rule).build().task(TaskSpec::new("t"));
    let open = begin(&task, 0).expect("there is room for one");
    let refused = begin(&task, 0).expect_err("but not for another").to_string();
    assert!(refused.contains(&format!("{} reserved", Amount::Calls(1))), "{refused}");
    drop(open);
}

#[test]
fn a_clock_jump_ahead_and_back_keeps_all_spending() {
    let clock = ManualClock::default();
    let rule = BudgetRule::new("day", Usd::from_dollars(1)).every(Period::Day);
    let ledger = builder(&clock).budget_rule(rule).build();
    let task = ledger.task(TaskSpec::new("t"));
    assert!(spend(&task, 60));
    // A year ahead, and back.
    clock.set(20_365 * DAY);
    assert!(spend(&task, 30) && !spend(&task, 80));
    let open = begin(&task, 5).unwrap();
    clock.set(20_000 * DAY + 60);
    assert!(!spend(&task, 10), "0.60 before, 0.30 since, and 0.05 is reserved");
    open.settle(record(5));
    assert!(!spend(&task, 10) && spend(&task, 5));
    clock.set(20_001 * DAY);
    assert!(spend(&task, 100), "the next day begins");
    // A small step back does not return to the previous day.
    clock.set(20_001 * DAY - 60);
    assert!(!spend(&task, 1));
}

#[test]
fn a_soft_limit_that_rises_above_the_spending_is_reported_again() {
    let alerts = Arc::new(Mutex::new(Vec::new()));
    let sink = alerts.clone();
    let rule = |dollars| BudgetRule::new("all", Budget::new(Usd::from_dollars(dollars)).soft(50));
    let ledger = Ledger::builder().budget_rule(rule(1)).on_alert(move |alert| {
        sink.lock().unwrap().push(format!("{:?}", alert.kind));
    });
    let ledger = ledger.build();
    let count = |expected| assert_eq!(alerts.lock().unwrap().len(), expected, "{alerts:?}");
    spend(&ledger.task(TaskSpec::new("t")), 60);
    count(1);
    ledger.set_budget_rules(vec![rule(1)]);
    spend(&ledger.task(TaskSpec::new("t")), 10);
    count(1);
    ledger.set_budget_rules(vec![rule(2)]);
    spend(&ledger.task(TaskSpec::new("t")), 10);
    count(1);
    spend(&ledger.task(TaskSpec::new("t")), 30);
    count(2);
}

#[test]
fn the_limits_of_code_and_policy_apply_to_the_same_spending() {
    let ledger = Ledger::builder().budget_rule(BudgetRule::new("all", Usd::from_dollars(1))).build();
    let policy = |mode: &str| {
        let text = format!("[[budget]]\nname = \"all\"\nusd = \"0.50\"\nmode = \"{mode}\"\n");
        ledger.set_policy(Policy::from_toml(&text).unwrap());
        ledger.task(TaskSpec::new("t"))
    };
    let task = policy("enforce");
    assert!(spend(&task, 40) && !spend(&task, 20), "the policy's limit");
    // The code enforces its limit even if the policy only observes.
    let task = policy("observe");
    assert!(spend(&task, 50) && !spend(&task, 20), "the code's limit");
    ledger.set_policy(Policy::default());
    assert!(!spend(&ledger.task(TaskSpec::new("t")), 20), "the spending stays");
}

#[test]
fn a_refund_returns_at_most_the_spending() {
    let ledger = Ledger::builder().budget_rule(BudgetRule::new("all", Usd::from_dollars(1))).build();
    let task = ledger.task(TaskSpec::new("t").budget(Usd::from_dollars(1)));
    task.charge("refund", Charge::external(Usd::from_dollars(-50)));
    assert!(!spend(&task, 101) && spend(&task, 100));
    assert_eq!(task.totals().exact(), Usd::from_dollars(-49), "the totals include the refund");
}

#[test]
fn the_first_refusal_of_a_period_is_marked() {
    let clock = ManualClock::default();
    let first = Arc::new(Mutex::new(Vec::new()));
    let sink = first.clone();
    let rule = BudgetRule::new("day", Budget::calls(1)).every(Period::Day);
    let ledger = builder(&clock).budget_rule(rule).on_alert(move |alert| {
        if let outlay_ledger::AlertKind::Refused(exceeded) = alert.kind {
            sink.lock().unwrap().push(exceeded.is_first());
        }
    });
    let task = ledger.build().task(TaskSpec::new("t"));
    for day in [20_000, 20_001] {
        clock.set(day * DAY);
        assert!(spend(&task, 1));
        (0..3).for_each(|_| assert!(!spend(&task, 1)));
    }
    assert_eq!(*first.lock().unwrap(), [true, false, false, true, false, false]);
}
