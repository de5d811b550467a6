//! Tests of several limits with one name, in the process and in a store, and of the marks of first refusals.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod manual_clock;

use std::sync::{Arc, Mutex};

use manual_clock::{ManualClock, begin, begin_model, dollars, record};
use outlay_ledger::{
    AlertKind, Amount, Ask, Budget, BudgetRule, BudgetStore, Forecast, Ledger, LedgerBuilder, Period, Policy,
    PolicyRule, Refusal, Reserve, Scope, Settlement, StoreAnswer, StoreAsk, StoreFigures, StoreFuture, TaskSpec,
};

/// A store that returns the given answers and records the requests.
#[derive(Clone, Debug, Default)]
struct Store {
    answers: Arc<Mutex<Vec<StoreAnswer>>>,
    requests: Arc<Mutex<Vec<StoreAsk>>>,
}

impl BudgetStore for Store {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        Box::pin(std::future::ready(self.reserve_now(ask)))
    }

    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        self.requests.lock().unwrap().push(ask.clone());
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { StoreAnswer::Admitted(Vec::new()) } else { answers.remove(0) }
    }

    fn settle(&self, _: Settlement) {}
}

impl Store {
    /// A refusal with ten dollars spent and no room left.
    const FULL: StoreAnswer = StoreAnswer::Refused(StoreFigures {
        hold: 0,
        spent: Amount::Usd(outlay_price::Usd::from_dollars(10)),
        reserved: Amount::Usd(outlay_price::Usd::ZERO),
    });
}

/// A received alert.
#[derive(Clone, Debug)]
struct ReceivedAlert {
    kind: &'static str,
    text: String,
    /// The mark of the refusal itself.
    is_first: bool,
    first_in_task: bool,
    first_in_scope: bool,
}

/// Builds the ledger, and returns it with the list of its alerts.
fn with_alerts(ledger: LedgerBuilder) -> (Ledger, Arc<Mutex<Vec<ReceivedAlert>>>) {
    let alerts: Arc<Mutex<Vec<ReceivedAlert>>> = Arc::default();
    let sink = alerts.clone();
    let ledger = ledger.on_alert(move |alert| {
        let (kind, text, is_first) = match alert.kind {
            AlertKind::Refused(exceeded) => ("refused", exceeded.to_string(), exceeded.is_first()),
            AlertKind::WouldRefuse(exceeded) => ("would refuse", exceeded.to_string(), exceeded.is_first()),
            AlertKind::Stopped(stopped) => ("stopped", stopped.to_string(), false),
            _ => ("other", String::new(), false),
        };
        let (first_in_task, first_in_scope) = (alert.first_in_task, alert.first_in_scope);
        sink.lock().unwrap().push(ReceivedAlert { kind, text, is_first, first_in_task, first_in_scope });
    });
    (ledger.build(), alerts)
}

fn firsts(alerts: &Arc<Mutex<Vec<ReceivedAlert>>>) -> Vec<bool> {
    alerts.lock().unwrap().iter().map(|alert| alert.is_first).collect()
}

fn task(ledger: &Ledger) -> Scope {
    ledger.task(TaskSpec::new("t"))
}

/// Returns a daily rule for code.
fn daily(budget: impl Into<Budget>) -> BudgetRule {
    BudgetRule::new("r", budget).every(Period::Day)
}

/// Returns a policy with a daily rule.
fn policy(budget: impl Into<Budget>) -> Policy {
    Policy::new().budget(daily(budget))
}

#[test]
fn three_limits_with_one_name_all_apply() {
    let ledger = Ledger::builder().budget_rule(daily(dollars(30))).budget_rule(daily(dollars(1))).build();
    ledger.set_policy(policy(dollars(20)));
    assert!(begin(&task(&ledger), Some(dollars(2))).is_err(), "the limit of $1 too");
    begin(&task(&ledger), Some(dollars(1))).unwrap();
}

#[test]
fn a_limit_that_refuses_unpriced_calls_applies_beside_one_that_allows_them() {
    let local = Ledger::builder().budget_rule(daily(dollars(10)));
    let in_store = Ledger::builder().budget_store(Store::default()).budget_rule(daily(dollars(10)));
    for ledger in [local.build(), in_store.build()] {
        ledger.set_policy(policy(Budget::new(dollars(5)).allow_unpriced()));
        assert!(begin(&task(&ledger), None).is_err());
    }
}

/// Opens a call with a bound of $12 and an expected cost of $1. The code reserves the bound, the policy the expected
/// cost.
fn begin_with_two_limits(
    ledger: LedgerBuilder,
    code_limit: i64,
    policy_limit: i64,
) -> Result<outlay_ledger::PendingCall, Refusal> {
    let ledger = ledger.budget_rule(daily(dollars(code_limit))).build();
    ledger.set_policy(policy(Budget::new(dollars(policy_limit)).reserve(Reserve::Expected)));
    let ask = Ask {
        model: &"m".into(),
        input: 100,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(dollars(12)),
    };
    let forecast = Forecast { input: 1, answers: 1, usd: Some(&|_| Some(dollars(1))) };
    task(&ledger).open_call_expecting(&ask, &forecast)
}

#[test]
fn each_of_two_limits_reserves_its_own_amount() {
    assert!(begin_with_two_limits(Ledger::builder(), 10, 9).is_err(), "$12 do not fit into the code's $10");
    begin_with_two_limits(Ledger::builder(), 20, 9).unwrap();
    // A store takes one limit and one amount, and refuses exactly if one of the two would. Both have $8 left.
    let store = Store::default();
    let mut call = begin_with_two_limits(Ledger::builder().budget_store(store.clone()), 20, 9).unwrap();
    call.ask_store_now(&"m".into()).unwrap();
    let hold = store.requests.lock().unwrap()[0].holds()[0].clone();
    assert_eq!((hold.amount, hold.budget.limit), (Amount::Usd(dollars(12)), Amount::Usd(dollars(20))));
    let mut call = begin_with_two_limits(Ledger::builder().budget_store(store.clone()), 20, 3).unwrap();
    call.ask_store_now(&"m".into()).unwrap();
    let hold = store.requests.lock().unwrap()[1].holds()[0].clone();
    assert_eq!(
        (hold.amount, hold.budget.limit),
        (Amount::Usd(dollars(12)), Amount::Usd(dollars(14))),
        "the policy has $2 left"
    );
}

#[test]
fn an_observed_limit_is_reported_beside_an_enforced_one() {
    let (ledger, alerts) = with_alerts(Ledger::builder().budget_rule(daily(Budget::new(dollars(1)).observe())));
    ledger.set_policy(policy(dollars(5)));
    begin(&task(&ledger), Some(dollars(2))).unwrap();
    assert_eq!(alerts.lock().unwrap().iter().map(|alert| alert.kind).collect::<Vec<_>>(), ["would refuse"]);
}

#[test]
fn the_first_refusal_of_a_store_is_marked_each_day() {
    let (store, clock) = (Store::default(), ManualClock::new());
    let ledger = Ledger::builder().clock(clock.clone()).budget_store(store.clone()).budget_rule(daily(dollars(10)));
    let (ledger, alerts) = with_alerts(ledger);
    let task = task(&ledger);
    for _ in 0..3 {
        for _ in 0..2 {
            store.answers.lock().unwrap().push(Store::FULL);
            begin(&task, Some(dollars(1))).unwrap().ask_store_now(&"m".into()).unwrap_err();
        }
        clock.advance(86_400);
    }
    assert_eq!(firsts(&alerts), [true, false].repeat(3));
}

#[test]
fn an_unavailable_store_does_not_hide_a_first_refusal_over_the_limit() {
    let store = Store::default();
    let (ledger, alerts) = with_alerts(Ledger::builder().budget_store(store.clone()).budget_rule(daily(dollars(10))));
    store.answers.lock().unwrap().extend([StoreAnswer::Unavailable(0), Store::FULL]);
    for _ in 0..2 {
        begin(&task(&ledger), Some(dollars(1))).unwrap().ask_store_now(&"m".into()).unwrap_err();
    }
    assert_eq!(firsts(&alerts), [true, true]);
}

#[test]
fn the_first_refusal_of_each_reason_is_marked() {
    let (ledger, alerts) = with_alerts(Ledger::builder());
    let task = ledger.task(TaskSpec::new("t").budget(dollars(10)));
    begin_model(&task, None, "newmodel").unwrap_err();
    begin(&task, Some(dollars(10))).unwrap().settle(record(dollars(10)));
    for _ in 0..2 {
        begin(&task, Some(dollars(1))).unwrap_err();
    }
    assert_eq!(firsts(&alerts), [true, true, false]);
    let alerts = alerts.lock().unwrap();
    assert!(alerts[1].text.contains("the limit is $10.000000, with $10.000000 spent"), "{alerts:?}");
    assert!(alerts[1].first_in_task && alerts[1].first_in_scope && !alerts[2].first_in_scope);
}

#[test]
fn a_limit_per_call_marks_the_first_refusal_in_each_task() {
    let (ledger, alerts) = with_alerts(Ledger::builder().budget_rule(BudgetRule::each_call("cap", dollars(1))));
    for _ in 0..2 {
        let task = task(&ledger);
        for _ in 0..2 {
            begin(&task, Some(dollars(2))).unwrap_err();
        }
    }
    assert_eq!(firsts(&alerts), [true, false, true, false]);
}

#[test]
fn a_raised_limit_marks_a_first_refusal_again() {
    let (ledger, alerts) = with_alerts(Ledger::builder().budget_rule(daily(dollars(1))));
    begin(&task(&ledger), Some(dollars(2))).unwrap_err();
    ledger.set_budget_rules(vec![daily(dollars(5))]);
    let task = task(&ledger);
    begin(&task, Some(dollars(5))).unwrap().settle(record(dollars(5)));
    begin(&task, Some(dollars(1))).unwrap_err();
    assert_eq!(firsts(&alerts), [true, true]);
}

#[test]
fn a_second_stop_is_reported_again() {
    let (ledger, alerts) = with_alerts(Ledger::builder());
    let task = task(&ledger);
    for _ in 0..2 {
        task.stop("too expensive");
        for _ in 0..2 {
            begin(&task, Some(dollars(1))).unwrap_err();
        }
        task.resume();
        drop(begin(&task, Some(dollars(1))).unwrap());
    }
    let alerts = alerts.lock().unwrap();
    assert_eq!(alerts.iter().map(|alert| alert.first_in_task).collect::<Vec<_>>(), [true, false, true, false]);
}

#[test]
fn violations_leave_room_for_a_stop() {
    let (ledger, alerts) = with_alerts(Ledger::builder());
    ledger.set_policy(Policy::new().rule(PolicyRule::new("models").allow_model("anthropic.*")));
    let task = task(&ledger);
    for number in 0..200 {
        let _ = begin_model(&task, Some(dollars(1)), &format!("acme.model-{number}"));
    }
    task.stop("too expensive");
    begin_model(&task, Some(dollars(1)), "anthropic.x").unwrap_err();
    let last = alerts.lock().unwrap().last().unwrap().clone();
    assert!(last.kind == "stopped" && last.first_in_task && last.first_in_scope, "{last:?}");
}
