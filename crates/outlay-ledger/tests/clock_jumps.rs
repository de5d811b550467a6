//! Tests clocks that jump ahead and come back, or panic. Nothing that was spent is forgotten, and no false alert is told.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod manual_clock;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use manual_clock::{Hand, begin, d, record};
use outlay_ledger::{
    AlertKind, Budget, BudgetRule, Clock, Ledger, Period, Policy, PolicyRule, Refusal, RunawayRule, Scope, TaskSpec,
};
use outlay_price::{Charge, Usd};

const DAY: i64 = 86_400;

/// A task that a rule holds to ten dollars a day.
fn ten_a_day(clock: &Hand) -> Scope {
    let rule = BudgetRule::new("day", d(10)).every(Period::Day);
    Ledger::builder().clock(clock.clone()).budget_rule(rule).build().task(TaskSpec::new("t"))
}

fn call(task: &Scope, dollars: i64) -> Result<(), Refusal> {
    begin(task, Some(d(dollars)))?.settle(record(d(dollars)));
    Ok(())
}

fn charge(task: &Scope, cents: i64) {
    task.charge("x", Charge::external(Usd::from_cents(cents)));
}

#[test]
fn a_call_that_is_open_over_a_jump_leaves_no_room_behind() {
    let clock = Hand::new();
    let task = ten_a_day(&clock);
    let open = begin(&task, Some(d(5))).unwrap();
    for jump in [10 * DAY, -10 * DAY] {
        clock.jump(jump);
        drop(begin(&task, Some(d(1))).unwrap());
    }
    open.settle(record(d(5)));
    let more = (0..20).take_while(|_| call(&task, 1).is_ok()).count();
    assert_eq!(more, 5, "$5 of $10 are spent");
}

#[test]
fn a_call_that_is_open_over_a_jump_holds_its_place() {
    let clock = Hand::new();
    let task = ten_a_day(&clock);
    let open = begin(&task, Some(d(9))).unwrap();
    for jump in [10 * DAY, -10 * DAY] {
        clock.jump(jump);
        drop(begin(&task, Some(d(1))).unwrap());
    }
    assert!(call(&task, 2).is_err());
    drop(open);
    call(&task, 10).unwrap();
}

#[test]
fn what_settles_while_the_clock_is_ahead_is_of_its_own_day() {
    let clock = Hand::new();
    let task = ten_a_day(&clock);
    let open = begin(&task, Some(d(9))).unwrap();
    clock.jump(10 * DAY);
    drop(begin(&task, Some(d(10))).unwrap());
    open.settle(record(d(9)));
    clock.jump(-10 * DAY);
    assert!(call(&task, 2).is_err());
    call(&task, 1).unwrap();
}

#[test]
fn a_jump_that_goes_over_a_midnight_of_its_own_forgets_no_day() {
    let clock = Hand::new();
    let task = ten_a_day(&clock);
    call(&task, 7).unwrap();
    for jump in [10 * DAY, DAY] {
        clock.jump(jump);
        call(&task, 1).unwrap();
    }
    clock.jump(-11 * DAY);
    assert!(call(&task, 2).is_err(), "7, and 1 and 1 that were spent meanwhile");
    call(&task, 1).unwrap();
}

#[test]
fn days_that_pass_begin_anew_also_with_a_call_that_stays_open() {
    let clock = Hand::new();
    let task = ten_a_day(&clock);
    let open = begin(&task, Some(d(9))).unwrap();
    for _ in 0..10 {
        clock.pass(86_400);
        call(&task, 10).unwrap();
        assert!(call(&task, 1).is_err());
    }
    open.settle(record(d(9)));
    clock.pass(86_400);
    call(&task, 10).unwrap();
}

/// Of many conversations, one has spent $9 of its $10.
fn is_kept_over(rule: BudgetRule, seconds: i64) -> bool {
    let clock = Hand::new();
    let ledger = Ledger::builder().clock(clock.clone()).budget_rule(rule).build();
    let talk = |id: &str, dollars| {
        let task = ledger.task(TaskSpec::new("t").conversation(id));
        let called = call(&task, dollars);
        task.finish();
        called
    };
    talk("first", 9).unwrap();
    (0..10_100).for_each(|id| talk(&id.to_string(), 1).unwrap());
    clock.jump(seconds);
    (0..12_000).for_each(|id| talk(&format!("later {id}"), 1).unwrap());
    clock.jump(-seconds);
    talk("first", 9).is_err()
}

#[test]
fn a_spent_budget_stays_where_the_clock_only_seems_to_be_past_its_end() {
    assert!(is_kept_over(BudgetRule::new("talk", d(10)).per("conversation").every(Period::Day), 2 * DAY));
}

#[test]
fn a_budget_without_a_period_is_not_old_because_the_clock_jumped() {
    assert!(is_kept_over(BudgetRule::new("talk", d(10)).per("conversation"), 2 * 3_600));
}

#[test]
fn a_soft_limit_that_is_passed_by_a_jump_back_is_told() {
    let (clock, told) = (Hand::new(), Arc::new(Mutex::new(0)));
    let count = told.clone();
    let ledger = Ledger::builder()
        .clock(clock.clone())
        .on_alert(move |alert| *count.lock().unwrap() += u32::from(matches!(alert.kind, AlertKind::SoftLimit(_))))
        .budget_rule(BudgetRule::new("day", Budget::new(d(10)).soft(50)).every(Period::Day));
    let task = ledger.build().task(TaskSpec::new("t"));
    charge(&task, 400);
    clock.jump(10 * DAY);
    charge(&task, 400);
    clock.jump(-10 * DAY);
    // $8 of $10 are spent, in this day and in the one that was none.
    charge(&task, 1);
    charge(&task, 1);
    assert_eq!(*told.lock().unwrap(), 1);
}

#[test]
fn a_task_of_a_day_far_ahead_does_not_graduate_a_workflow() {
    let (clock, told) = (Hand::new(), Arc::new(Mutex::new(Vec::new())));
    let all = told.clone();
    let ledger = Ledger::builder().clock(clock.clone()).on_alert(move |alert| {
        if let AlertKind::Violation(why) = alert.kind {
            all.lock().unwrap().push(why.to_string());
        }
    });
    let ledger = ledger.build();
    ledger.set_policy(Policy::new().rule(PolicyRule::new("sandbox").graduate_at_tasks_per_day(2)));
    clock.jump(400 * DAY);
    ledger.task(TaskSpec::new("t")).finish();
    clock.jump(-400 * DAY);
    for _ in 0..10 {
        ledger.task(TaskSpec::new("t")).finish();
        clock.pass(86_400);
    }
    assert!(told.lock().unwrap().is_empty(), "one task a day: {told:?}");
}

#[test]
fn what_was_spent_far_ahead_is_no_rate() {
    let clock = Hand::new();
    let rule = RunawayRule::new().spend_rate(Usd::from_cents(3), Duration::from_secs(60)).enforce();
    let task = Ledger::builder().clock(clock.clone()).runaway(rule).build().task(TaskSpec::new("t"));
    clock.jump(3_600);
    charge(&task, 1);
    clock.jump(-3_600);
    for _ in 0..6 {
        clock.pass(300);
        charge(&task, 1);
    }
    assert_eq!(task.stop_reason(), None, "a cent each five minutes");
    // Nor does it hide one.
    charge(&task, 3);
    assert!(task.stop_reason().is_some());
}

/// A clock that panics when it is told to.
#[derive(Debug)]
struct PanicsOnce(Hand, Arc<AtomicBool>);

impl Clock for PanicsOnce {
    fn now(&self) -> SystemTime {
        assert!(!self.1.swap(false, Ordering::Relaxed), "once");
        self.0.now()
    }
}

#[test]
fn a_clock_that_panics_once_makes_nothing_overdue() {
    let (hand, panics) = (Hand::new(), Arc::new(AtomicBool::new(false)));
    let clock = PanicsOnce(hand, panics.clone());
    let ledger = Ledger::builder().clock(clock).late_limit(Duration::from_secs(3_600)).build();
    let task = ledger.task(TaskSpec::new("t"));
    let open = begin(&task, Some(d(1))).unwrap();
    task.finish();
    panics.store(true, Ordering::Relaxed);
    ledger.close_overdue();
    ledger.close_overdue();
    assert!(!task.is_closed(), "no time has passed");
    open.settle(record(d(1)));
    assert!(task.is_closed());
}
