//! Tests of closing scopes under unlucky timing.
#![allow(missing_docs, clippy::unwrap_used, reason = "a panic fails the test")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use outlay_ledger::{Ask, CallRecord, Clock, Ledger, Record, Scope, ScopeRecord, StepKind, TaskSpec};
use outlay_price::{Charge, Usage, Usd};

fn cent() -> Charge {
    Charge::external(Usd::from_cents(1))
}

fn call() -> CallRecord {
    CallRecord::answered(Arc::from("m"), Usage::new().with_output(5), cent(), SystemTime::UNIX_EPOCH)
}

#[test]
fn an_observer_that_is_set_after_the_close_is_called() {
    let called = Arc::new(AtomicBool::new(false));
    let task = Ledger::default().task(TaskSpec::new("t"));
    task.finish();
    let flag = called.clone();
    task.on_close(move |_| flag.store(true, Ordering::Relaxed));
    assert!(called.load(Ordering::Relaxed));
}

/// A clock that opens a step whenever it is read, like code that still runs while its task is closed.
#[derive(Clone, Debug, Default)]
struct OpeningClock {
    task: Arc<OnceLock<Scope>>,
    inside: Arc<AtomicBool>,
    opened: Arc<Mutex<Vec<Scope>>>,
}

impl Clock for OpeningClock {
    fn now(&self) -> SystemTime {
        if let Some(task) = self.task.get()
            && !self.inside.swap(true, Ordering::Relaxed)
        {
            self.opened.lock().unwrap().push(task.step(StepKind::Act, "meanwhile"));
            self.inside.store(false, Ordering::Relaxed);
        }
        SystemTime::UNIX_EPOCH
    }
}

#[test]
fn a_charge_in_a_scope_that_opens_while_its_task_closes_is_in_the_totals_or_late() {
    let clock = OpeningClock::default();
    let ledger = Ledger::builder().clock(clock.clone()).late_limit(Duration::ZERO).build();
    let task = ledger.task(TaskSpec::new("t"));
    let _slow = task.step(StepKind::Tool, "slow");
    clock.task.set(task.clone()).unwrap();
    task.finish();
    ledger.close_overdue();
    assert!(task.is_late(), "the task is closed");
    clock.inside.store(true, Ordering::Relaxed);
    let mut in_time = Usd::ZERO;
    for step in clock.opened.lock().unwrap().drain(..) {
        if !step.charge("search", cent()).late {
            in_time += Usd::from_cents(1);
        }
        step.finish();
    }
    assert_eq!(task.totals().by_direction().external, in_time);
}

#[test]
fn an_observer_that_panics_does_not_keep_other_scopes_open() {
    let ledger = Ledger::builder().late_limit(Duration::from_millis(10)).build();
    let (bad, good) = (ledger.task(TaskSpec::new("bad")), ledger.task(TaskSpec::new("good")));
    let (_a, _b) = (bad.open_call_unchecked(), good.open_call_unchecked());
    bad.on_close(|_| panic!("a span processor of the application"));
    bad.finish();
    good.finish();
    for _ in 0..500 {
        if good.is_late() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the sweeper did not close it");
}

#[test]
fn a_report_with_nested_tasks_keeps_at_most_its_maximum_of_records() {
    fn count(scope: &ScopeRecord) -> usize {
        let below = |record: &Record| 1 + if let Record::Scope(scope) = record { count(scope) } else { 0 };
        scope.children.iter().map(below).sum()
    }
    let task = Ledger::builder().report_records(10).build().task(TaskSpec::new("t"));
    for _ in 0..10 {
        let inner = task.task(TaskSpec::new("inner"));
        for _ in 0..10 {
            inner.open_call_unchecked().settle(call());
        }
        inner.finish();
    }
    assert!(count(&task.record()) <= 10, "{}", count(&task.record()));
}

#[test]
fn the_close_observer_sees_the_full_spending() {
    for _ in 0..5_000 {
        let task = Ledger::default().task(TaskSpec::new("t").budget(Usd::from_dollars(1)));
        let model = Arc::from("m");
        let ask = Ask {
            model: &model,
            input: 0,
            max_output: Some(1),
            is_turn: true,
            has_model: true,
            is_trial: false,
            bound: &|_| Some(Usd::from_cents(1)),
        };
        let open = task.open_call(&ask).unwrap();
        let status = Arc::new(Mutex::new(None));
        let sink = status.clone();
        task.on_close(move |closed| {
            *sink.lock().unwrap() = closed.scope.budget().map(|budget| (budget.spent.usd(), budget.reserved.usd()));
        });
        let settling = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                settling.store(true, Ordering::SeqCst);
                open.settle(call());
            });
            while !settling.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            task.finish();
        });
        assert_eq!(*status.lock().unwrap(), Some((Some(Usd::from_cents(1)), Some(Usd::ZERO))));
    }
}
