//! Tests of panics in implementations and observers that the application supplies.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use outlay_ledger::{
    Ask, Budget, BudgetRule, BudgetStore, CallRecord, Clock, IdSource, Ledger, PendingCall, Scope, Settlement,
    StoreAnswer, StoreAsk, StoreCheck, StoreFuture, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};
use uuid::Uuid;

/// A clock, an id source and a store that panic.
#[derive(Clone, Copy, Debug)]
struct Panicking;

impl Clock for Panicking {
    fn now(&self) -> SystemTime {
        panic!("a clock of the application")
    }
}

impl IdSource for Panicking {
    fn next_id(&self) -> Uuid {
        panic!("an id source of the application")
    }
}

impl BudgetStore for Panicking {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        // Every second request panics at once, and the others when they are polled.
        assert!(ask.id().is_multiple_of(2), "a store of the application");
        Box::pin(async { panic!("a store of the application") })
    }

    fn reserve_now(&self, _: &StoreAsk) -> StoreAnswer {
        panic!("a store of the application")
    }

    fn settle(&self, _: Settlement) {
        panic!("a store of the application")
    }
}

fn begin(task: &Scope) -> PendingCall {
    let ask = Ask {
        model: &"m".into(),
        input: 100,
        max_output: None,
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(Usd::from_cents(1)),
    };
    task.open_call(&ask).unwrap()
}

fn call() -> CallRecord {
    let charge = Charge::external(Usd::from_cents(60));
    CallRecord::answered(Arc::from("m"), Usage::new().with_output(5), charge, SystemTime::UNIX_EPOCH)
}

#[test]
fn a_clock_and_an_id_source_that_panic_fall_back_to_the_defaults() {
    let ledger = Ledger::builder().clock(Panicking).ids(Panicking).build();
    let (one, other) = (ledger.task(TaskSpec::new("t")), ledger.task(TaskSpec::new("t")));
    assert_ne!(one.task_id(), other.task_id());
    assert!(one.started() > SystemTime::UNIX_EPOCH);
    one.finish();
    ledger.close_overdue();
    assert!(one.is_closed());
}

#[test]
fn a_store_that_panics_checks_nothing_and_refuses_no_call() {
    let rule = BudgetRule::new("all", Budget::new(Usd::from_dollars(1)));
    let task = Ledger::builder().budget_store(Panicking).budget_rule(rule).build().task(TaskSpec::new("t"));
    for _ in 0..4 {
        let mut open = begin(&task);
        let question = open.ask_store().unwrap();
        let answer = pin!(question.answer()).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(answer) = answer else { panic!("it answers at once") };
        open.store_answered(&"m".into(), &answer).unwrap();
        assert_eq!(open.settle(call()).store_check, Some(StoreCheck::Missed));
    }
    assert_eq!(task.totals().calls(), 4);
}

#[test]
fn observers_may_panic() {
    let ledger = Ledger::builder().on_alert(|_| panic!("an alert")).build();
    let task = ledger.task(TaskSpec::new("t").budget(Budget::new(Usd::from_dollars(1)).soft(50)));
    let step = task.agent("a");
    for scope in [&task, &step] {
        scope.on_close(|_| panic!("a span processor"));
    }
    begin(&step).settle(call());
    task.finish();
    step.finish();
    assert!(task.is_closed() && step.is_closed());
    task.on_close(|_| panic!("a late observer"));
    assert_eq!(task.totals().exact(), Usd::from_cents(60));
}
