//! Tests several limits under one name, in the process and on a store, and which refusals are told as the first.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod manual_clock;

use std::sync::{Arc, Mutex};

use manual_clock::{Hand, begin, begin_model, d, record};
use outlay_ledger::{
    AlertKind, Amount, Ask, Budget, BudgetRule, BudgetStore, Forecast, Ledger, LedgerBuilder, Period, Policy,
    PolicyRule, Refusal, Reserve, Scope, Settlement, StoreAnswer, StoreAsk, StoreFigures, StoreFuture, TaskSpec,
};

/// A store that answers what it is given, and keeps what it was asked.
#[derive(Clone, Debug, Default)]
struct Store {
    answers: Arc<Mutex<Vec<StoreAnswer>>>,
    asked: Arc<Mutex<Vec<StoreAsk>>>,
}

impl BudgetStore for Store {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        Box::pin(std::future::ready(self.reserve_now(ask)))
    }

    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        self.asked.lock().unwrap().push(ask.clone());
        let mut answers = self.answers.lock().unwrap();
        if answers.is_empty() { StoreAnswer::Admitted(Vec::new()) } else { answers.remove(0) }
    }

    fn settle(&self, _: Settlement) {}
}

impl Store {
    /// Ten dollars are spent, and there is no room for more.
    const FULL: StoreAnswer = StoreAnswer::Refused(StoreFigures {
        hold: 0,
        spent: Amount::Usd(outlay_price::Usd::from_dollars(10)),
        reserved: Amount::Usd(outlay_price::Usd::ZERO),
    });
}

/// An alert, as it was told.
#[derive(Clone, Debug)]
struct Told {
    what: &'static str,
    text: String,
    /// By the word of the refusal itself.
    is_first: bool,
    first_in_task: bool,
    first_in_scope: bool,
}

/// A ledger, and what it tells.
fn told_by(ledger: LedgerBuilder) -> (Ledger, Arc<Mutex<Vec<Told>>>) {
    let all: Arc<Mutex<Vec<Told>>> = Arc::default();
    let told = all.clone();
    let ledger = ledger.on_alert(move |alert| {
        let (what, text, is_first) = match alert.kind {
            AlertKind::Refused(why) => ("refused", why.to_string(), why.is_first()),
            AlertKind::WouldRefuse(why) => ("would refuse", why.to_string(), why.is_first()),
            AlertKind::Stopped(why) => ("stopped", why.to_string(), false),
            _ => ("other", String::new(), false),
        };
        let (first_in_task, first_in_scope) = (alert.first_in_task, alert.first_in_scope);
        told.lock().unwrap().push(Told { what, text, is_first, first_in_task, first_in_scope });
    });
    (ledger.build(), all)
}

fn firsts(told: &Arc<Mutex<Vec<Told>>>) -> Vec<bool> {
    told.lock().unwrap().iter().map(|told| told.is_first).collect()
}

fn task(ledger: &Ledger) -> Scope {
    ledger.task(TaskSpec::new("t"))
}

/// By the day, from the code.
fn daily(budget: impl Into<Budget>) -> BudgetRule {
    BudgetRule::new("r", budget).every(Period::Day)
}

/// The same from the policy.
fn policy(budget: impl Into<Budget>) -> Policy {
    Policy::new().budget(daily(budget))
}

#[test]
fn three_limits_of_one_name_all_hold() {
    let ledger = Ledger::builder().budget_rule(daily(d(30))).budget_rule(daily(d(1))).build();
    ledger.set_policy(policy(d(20)));
    assert!(begin(&task(&ledger), Some(d(2))).is_err(), "that of $1 too");
    begin(&task(&ledger), Some(d(1))).unwrap();
}

#[test]
fn a_limit_that_takes_no_unpriced_call_holds_beside_one_that_does() {
    let here = Ledger::builder().budget_rule(daily(d(10)));
    let on_a_store = Ledger::builder().budget_store(Store::default()).budget_rule(daily(d(10)));
    for ledger in [here.build(), on_a_store.build()] {
        ledger.set_policy(policy(Budget::new(d(5)).allow_unpriced()));
        assert!(begin(&task(&ledger), None).is_err());
    }
}

/// The code reserves the bound of $12, the policy the $1 that are expected.
fn begin_of_twelve(ledger: LedgerBuilder, code: i64, of_policy: i64) -> Result<outlay_ledger::PendingCall, Refusal> {
    let ledger = ledger.budget_rule(daily(d(code))).build();
    ledger.set_policy(policy(Budget::new(d(of_policy)).reserve(Reserve::Expected)));
    let ask = Ask {
        model: &"m".into(),
        input: 100,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(d(12)),
    };
    let forecast = Forecast { input: 1, answers: 1, usd: Some(&|_| Some(d(1))) };
    task(&ledger).open_call_expecting(&ask, &forecast)
}

#[test]
fn of_two_limits_each_holds_its_own_amount() {
    assert!(begin_of_twelve(Ledger::builder(), 10, 9).is_err(), "$12 do not fit into the code's $10");
    begin_of_twelve(Ledger::builder(), 20, 9).unwrap();
    // A store knows one limit and one amount. It refuses exactly where one of the two would: both have $8 left.
    let store = Store::default();
    let mut call = begin_of_twelve(Ledger::builder().budget_store(store.clone()), 20, 9).unwrap();
    call.ask_store_now(&"m".into()).unwrap();
    let hold = store.asked.lock().unwrap()[0].holds()[0].clone();
    assert_eq!((hold.amount, hold.budget.limit), (Amount::Usd(d(12)), Amount::Usd(d(20))));
    let mut call = begin_of_twelve(Ledger::builder().budget_store(store.clone()), 20, 3).unwrap();
    call.ask_store_now(&"m".into()).unwrap();
    let hold = store.asked.lock().unwrap()[1].holds()[0].clone();
    assert_eq!((hold.amount, hold.budget.limit), (Amount::Usd(d(12)), Amount::Usd(d(14))), "the policy has $2 left");
}

#[test]
fn a_limit_that_observes_is_told_beside_one_that_refuses() {
    let (ledger, told) = told_by(Ledger::builder().budget_rule(daily(Budget::new(d(1)).observe())));
    ledger.set_policy(policy(d(5)));
    begin(&task(&ledger), Some(d(2))).unwrap();
    assert_eq!(told.lock().unwrap().iter().map(|told| told.what).collect::<Vec<_>>(), ["would refuse"]);
}

#[test]
fn a_store_refuses_for_the_first_time_each_day() {
    let (store, clock) = (Store::default(), Hand::new());
    let ledger = Ledger::builder().clock(clock.clone()).budget_store(store.clone()).budget_rule(daily(d(10)));
    let (ledger, told) = told_by(ledger);
    let task = task(&ledger);
    for _ in 0..3 {
        for _ in 0..2 {
            store.answers.lock().unwrap().push(Store::FULL);
            begin(&task, Some(d(1))).unwrap().ask_store_now(&"m".into()).unwrap_err();
        }
        clock.pass(86_400);
    }
    assert_eq!(firsts(&told), [true, false].repeat(3));
}

#[test]
fn a_store_that_was_away_hides_no_limit() {
    let store = Store::default();
    let (ledger, told) = told_by(Ledger::builder().budget_store(store.clone()).budget_rule(daily(d(10))));
    store.answers.lock().unwrap().extend([StoreAnswer::Unavailable(0), Store::FULL]);
    for _ in 0..2 {
        begin(&task(&ledger), Some(d(1))).unwrap().ask_store_now(&"m".into()).unwrap_err();
    }
    assert_eq!(firsts(&told), [true, true]);
}

#[test]
fn the_first_refusal_of_each_reason_is_told() {
    let (ledger, told) = told_by(Ledger::builder());
    let task = ledger.task(TaskSpec::new("t").budget(d(10)));
    begin_model(&task, None, "newmodel").unwrap_err();
    begin(&task, Some(d(10))).unwrap().settle(record(d(10)));
    for _ in 0..2 {
        begin(&task, Some(d(1))).unwrap_err();
    }
    assert_eq!(firsts(&told), [true, true, false]);
    let told = told.lock().unwrap();
    assert!(told[1].text.contains("the limit is $10.000000, with $10.000000 spent"), "{told:?}");
    assert!(told[1].first_in_task && told[1].first_in_scope && !told[2].first_in_scope);
}

#[test]
fn a_budget_of_each_call_is_told_in_each_task() {
    let (ledger, told) = told_by(Ledger::builder().budget_rule(BudgetRule::each_call("cap", d(1))));
    for _ in 0..2 {
        let task = task(&ledger);
        for _ in 0..2 {
            begin(&task, Some(d(2))).unwrap_err();
        }
    }
    assert_eq!(firsts(&told), [true, false, true, false]);
}

#[test]
fn a_limit_that_was_raised_is_told_again() {
    let (ledger, told) = told_by(Ledger::builder().budget_rule(daily(d(1))));
    begin(&task(&ledger), Some(d(2))).unwrap_err();
    ledger.set_budget_rules(vec![daily(d(5))]);
    let task = task(&ledger);
    begin(&task, Some(d(5))).unwrap().settle(record(d(5)));
    begin(&task, Some(d(1))).unwrap_err();
    assert_eq!(firsts(&told), [true, true]);
}

#[test]
fn what_is_stopped_again_is_told_again() {
    let (ledger, told) = told_by(Ledger::builder());
    let task = task(&ledger);
    for _ in 0..2 {
        task.stop("too dear");
        for _ in 0..2 {
            begin(&task, Some(d(1))).unwrap_err();
        }
        task.resume();
        drop(begin(&task, Some(d(1))).unwrap());
    }
    let told = told.lock().unwrap();
    assert_eq!(told.iter().map(|told| told.first_in_task).collect::<Vec<_>>(), [true, false, true, false]);
}

#[test]
fn violations_leave_room_for_a_stop() {
    let (ledger, told) = told_by(Ledger::builder());
    ledger.set_policy(Policy::new().rule(PolicyRule::new("models").allow_model("anthropic.*")));
    let task = task(&ledger);
    for number in 0..200 {
        let _ = begin_model(&task, Some(d(1)), &format!("acme.model-{number}"));
    }
    task.stop("too dear");
    begin_model(&task, Some(d(1)), "anthropic.x").unwrap_err();
    let last = told.lock().unwrap().last().unwrap().clone();
    assert!(last.what == "stopped" && last.first_in_task && last.first_in_scope, "{last:?}");
}
