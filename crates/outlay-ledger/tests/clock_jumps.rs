//! Tests of clocks that jump ahead and come back, or panic. All spending is kept, and there are no false alerts.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod manual_clock;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use manual_clock::{ManualClock, begin, dollars, record};
use outlay_ledger::{
    AlertKind, Budget, BudgetRule, Clock, Ledger, Period, Policy, PolicyRule, Refusal, RunawayRule, Scope, TaskSpec,
};
use outlay_price::{Charge, Usd};

const DAY: i64 = 86_400;

/// Returns a task under a rule of ten dollars per day.
fn task_with_daily_budget(clock: &ManualClock) -> Scope {
    let rule = BudgetRule::new("day", dollars(10)).every(Period::Day);
    Ledger::builder().clock(clock.clone()).budget_rule(rule).build().task(TaskSpec::new("t"))
}

fn call(task: &Scope, amount: i64) -> Result<(), Refusal> {
    begin(task, Some(dollars(amount)))?.settle(record(dollars(amount)));
    Ok(())
}

fn charge(task: &Scope, cents: i64) {
    task.charge("x", Charge::external(Usd::from_cents(cents)));
}

#[test]
fn a_call_that_is_open_during_a_jump_adds_no_room() {
    let clock = ManualClock::new();
    let task = task_with_daily_budget(&clock);
    let open = begin(&task, Some(dollars(5))).unwrap();
    for jump in [10 * DAY, -10 * DAY] {
        clock.jump(jump);
        drop(begin(&task, Some(dollars(1))).unwrap());
    }
    open.settle(record(dollars(5)));
    let more = (0..20).take_while(|_| call(&task, 1).is_ok()).count();
    assert_eq!(more, 5, "$5 of $10 is spent");
}

#[test]
fn a_call_that_is_open_during_a_jump_stays_reserved() {
    let clock = ManualClock::new();
    let task = task_with_daily_budget(&clock);
    let open = begin(&task, Some(dollars(9))).unwrap();
    for jump in [10 * DAY, -10 * DAY] {
        clock.jump(jump);
        drop(begin(&task, Some(dollars(1))).unwrap());
    }
    assert!(call(&task, 2).is_err());
    drop(open);
    call(&task, 10).unwrap();
}

#[test]
fn a_call_that_settles_while_the_clock_is_ahead_counts_on_its_own_day() {
    let clock = ManualClock::new();
    let task = task_with_daily_budget(&clock);
    let open = begin(&task, Some(dollars(9))).unwrap();
    clock.jump(10 * DAY);
    drop(begin(&task, Some(dollars(10))).unwrap());
    open.settle(record(dollars(9)));
    clock.jump(-10 * DAY);
    assert!(call(&task, 2).is_err());
    call(&task, 1).unwrap();
}

#[test]
fn a_jump_of_several_days_keeps_the_spending_of_the_day() {
    let clock = ManualClock::new();
    let task = task_with_daily_budget(&clock);
    call(&task, 7).unwrap();
    for jump in [10 * DAY, DAY] {
        clock.jump(jump);
        call(&task, 1).unwrap();
    }
    clock.jump(-11 * DAY);
    assert!(call(&task, 2).is_err(), "7, plus 1 and 1 while the clock was ahead");
    call(&task, 1).unwrap();
}

#[test]
fn each_day_starts_at_zero_even_with_an_open_call() {
    let clock = ManualClock::new();
    let task = task_with_daily_budget(&clock);
    let open = begin(&task, Some(dollars(9))).unwrap();
    for _ in 0..10 {
        clock.advance(86_400);
        call(&task, 10).unwrap();
        assert!(call(&task, 1).is_err());
    }
    open.settle(record(dollars(9)));
    clock.advance(86_400);
    call(&task, 10).unwrap();
}

/// Returns whether the budget of one of many conversations, with $9 of $10 spent, is kept over a jump of the clock.
fn is_kept_over(rule: BudgetRule, seconds: i64) -> bool {
    let clock = ManualClock::new();
    let ledger = Ledger::builder().clock(clock.clone()).budget_rule(rule).build();
    let call_in = |id: &str, amount| {
        let task = ledger.task(TaskSpec::new("t").conversation(id));
        let called = call(&task, amount);
        task.finish();
        called
    };
    call_in("first", 9).unwrap();
    (0..10_100).for_each(|id| call_in(&id.to_string(), 1).unwrap());
    clock.jump(seconds);
    (0..12_000).for_each(|id| call_in(&format!("later {id}"), 1).unwrap());
    clock.jump(-seconds);
    call_in("first", 9).is_err()
}

#[test]
fn a_spent_budget_is_kept_if_a_clock_jump_seems_to_end_its_period() {
    assert!(is_kept_over(BudgetRule::new("talk", dollars(10)).per("conversation").every(Period::Day), 2 * DAY));
}

#[test]
fn a_clock_jump_does_not_age_a_budget_without_a_period() {
    assert!(is_kept_over(BudgetRule::new("talk", dollars(10)).per("conversation"), 2 * 3_600));
}

#[test]
fn a_soft_limit_that_is_passed_by_a_jump_back_is_reported() {
    let (clock, alerts) = (ManualClock::new(), Arc::new(Mutex::new(0)));
    let count = alerts.clone();
    let ledger = Ledger::builder()
        .clock(clock.clone())
        .on_alert(move |alert| *count.lock().unwrap() += u32::from(matches!(alert.kind, AlertKind::SoftLimit(_))))
        .budget_rule(BudgetRule::new("day", Budget::new(dollars(10)).soft(50)).every(Period::Day));
    let task = ledger.build().task(TaskSpec::new("t"));
    charge(&task, 400);
    clock.jump(10 * DAY);
    charge(&task, 400);
    clock.jump(-10 * DAY);
    // $8 of $10 is spent, on this day and on the false one.
    charge(&task, 1);
    charge(&task, 1);
    assert_eq!(*alerts.lock().unwrap(), 1);
}

#[test]
fn a_task_on_a_false_day_does_not_graduate_a_workflow() {
    let (clock, violations) = (ManualClock::new(), Arc::new(Mutex::new(Vec::new())));
    let sink = violations.clone();
    let ledger = Ledger::builder().clock(clock.clone()).on_alert(move |alert| {
        if let AlertKind::Violation(violation) = alert.kind {
            sink.lock().unwrap().push(violation.to_string());
        }
    });
    let ledger = ledger.build();
    ledger.set_policy(Policy::new().rule(PolicyRule::new("sandbox").graduate_at_tasks_per_day(2)));
    clock.jump(400 * DAY);
    ledger.task(TaskSpec::new("t")).finish();
    clock.jump(-400 * DAY);
    for _ in 0..10 {
        ledger.task(TaskSpec::new("t")).finish();
        clock.advance(86_400);
    }
    assert!(violations.lock().unwrap().is_empty(), "one task per day: {violations:?}");
}

#[test]
fn spending_while_the_clock_is_ahead_does_not_distort_the_spend_rate() {
    let clock = ManualClock::new();
    let rule = RunawayRule::new().spend_rate(Usd::from_cents(3), Duration::from_secs(60)).enforce();
    let task = Ledger::builder().clock(clock.clone()).runaway(rule).build().task(TaskSpec::new("t"));
    clock.jump(3_600);
    charge(&task, 1);
    clock.jump(-3_600);
    for _ in 0..6 {
        clock.advance(300);
        charge(&task, 1);
    }
    assert_eq!(task.stop_reason(), None, "one cent every five minutes");
    // A real burst is still detected.
    charge(&task, 3);
    assert!(task.stop_reason().is_some());
}

/// A clock that panics on the next read after the flag is set.
#[derive(Debug)]
struct PanickingClock(ManualClock, Arc<AtomicBool>);

impl Clock for PanickingClock {
    fn now(&self) -> SystemTime {
        assert!(!self.1.swap(false, Ordering::Relaxed), "once");
        self.0.now()
    }
}

#[test]
fn a_clock_that_panics_once_makes_no_scope_overdue() {
    let (inner, panics) = (ManualClock::new(), Arc::new(AtomicBool::new(false)));
    let clock = PanickingClock(inner, panics.clone());
    let ledger = Ledger::builder().clock(clock).late_limit(Duration::from_secs(3_600)).build();
    let task = ledger.task(TaskSpec::new("t"));
    let open = begin(&task, Some(dollars(1))).unwrap();
    task.finish();
    panics.store(true, Ordering::Relaxed);
    ledger.close_overdue();
    ledger.close_overdue();
    assert!(!task.is_closed(), "no time has passed");
    open.settle(record(dollars(1)));
    assert!(task.is_closed());
}
