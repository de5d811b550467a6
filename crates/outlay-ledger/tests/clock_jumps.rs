//! A clock that jumps ahead and comes back, or panics: what was spent stays spent, and nobody is told what is not so.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use outlay_ledger::{
    AlertKind, Ask, Budget, BudgetRule, CallRecord, Clock, Ledger, OpenCall, Period, Policy, PolicyRule, Refusal,
    RunawayRule, Scope, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};

const DAY: i64 = 86_400;

/// A clock that is set by hand, and the one that nobody sets.
#[derive(Clone, Debug)]
struct Hand(Arc<Mutex<(SystemTime, Duration)>>);
impl Hand {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((
            SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + 43_200),
            Duration::from_secs(1000),
        ))))
    }
    fn pass(&self, s: u64) {
        let mut t = self.0.lock().unwrap();
        t.0 += Duration::from_secs(s);
        t.1 += Duration::from_secs(s);
    }
    fn jump(&self, s: i64) {
        let mut t = self.0.lock().unwrap();
        if s >= 0 { t.0 += Duration::from_secs(s as u64) } else { t.0 -= Duration::from_secs(-s as u64) }
    }
}
impl Clock for Hand {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap().0
    }
    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

fn begin(scope: &Scope, usd: Option<Usd>) -> Result<OpenCall, Refusal> {
    let ask = Ask {
        model: &"m".into(),
        input: 100,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| usd,
    };
    scope.open_call(&ask)
}

fn d(dollars: i64) -> Usd {
    Usd::from_dollars(dollars)
}

fn record(cost: Usd) -> CallRecord {
    CallRecord::answered("m".into(), Usage::new().with_output(7), Charge::external(cost), SystemTime::UNIX_EPOCH)
}

#[derive(Debug)]
struct Once(Hand, Arc<AtomicBool>);
impl Clock for Once {
    fn now(&self) -> SystemTime {
        if self.1.swap(false, Ordering::SeqCst) {
            panic!("once")
        }
        self.0.now()
    }
}

/// A call is open while the clock jumps ahead and back.
#[test]
fn a_call_that_is_open_over_a_jump_leaves_no_room_behind() {
    let clock = Hand::new();
    let ledger =
        Ledger::builder().clock(clock.clone()).budget_rule(BudgetRule::new("day", d(10)).every(Period::Day)).build();
    let task = ledger.task(TaskSpec::new("t"));
    let open = begin(&task, Some(d(5))).unwrap();
    clock.jump(10 * DAY);
    drop(begin(&task, Some(d(1))).unwrap());
    clock.jump(-10 * DAY);
    drop(begin(&task, Some(d(1))).unwrap());
    open.settle(record(d(5)));
    // $5 are spent: no more than $5 are left.
    let mut spent = 5;
    for _ in 0..20 {
        match begin(&task, Some(d(1))) {
            Ok(call) => {
                call.settle(record(d(1)));
                spent += 1;
            }
            Err(_) => break,
        }
    }
    assert!(spent <= 10, "spent ${spent} of $10");
}

/// Two jumps, or a jump that goes over a midnight.
#[test]
fn a_jump_that_goes_over_a_midnight_of_its_own_forgets_no_day() {
    let clock = Hand::new();
    let ledger =
        Ledger::builder().clock(clock.clone()).budget_rule(BudgetRule::new("day", d(10)).every(Period::Day)).build();
    let task = ledger.task(TaskSpec::new("t"));
    let call = |usd| {
        begin(&task, Some(d(usd))).map(|c| {
            c.settle(record(d(usd)));
        })
    };
    call(9).unwrap();
    clock.jump(10 * DAY);
    call(1).unwrap();
    clock.jump(DAY);
    call(1).unwrap();
    clock.jump(-11 * DAY);
    let again = call(8);
    assert!(again.is_err(), "9 + 1 + 1 of 10 were spent on this day, and 8 more go out");
}

#[test]
fn a_task_of_a_day_far_ahead_does_not_graduate_a_workflow() {
    let clock = Hand::new();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let t = told.clone();
    let ledger = Ledger::builder()
        .clock(clock.clone())
        .on_alert(move |a| {
            if let AlertKind::Violation(v) = a.kind {
                t.lock().unwrap().push(v.to_string())
            }
        })
        .build();
    ledger.set_policy(Policy::new().rule(PolicyRule::new("sandbox").graduate_at_tasks_per_day(2)));
    let run = || {
        let t = ledger.task(TaskSpec::new("t"));
        t.finish();
    };
    clock.jump(400 * DAY);
    run();
    clock.jump(-400 * DAY);
    for _ in 0..10 {
        run();
        clock.pass(86_400);
    }
    let got = told.lock().unwrap().clone();
    assert!(got.is_empty(), "one task a day: {got:?}");
}

#[test]
fn what_was_spent_far_ahead_is_no_rate() {
    let clock = Hand::new();
    let ledger = Ledger::builder()
        .clock(clock.clone())
        .runaway(RunawayRule::new().spend_rate(Usd::from_cents(3), Duration::from_secs(60)).enforce())
        .build();
    let task = ledger.task(TaskSpec::new("t"));
    clock.jump(3600);
    task.charge("x", Charge::external(Usd::from_cents(1)));
    clock.jump(-3600);
    for _ in 0..6 {
        clock.pass(300);
        task.charge("x", Charge::external(Usd::from_cents(1)));
    }
    assert_eq!(task.stop_reason(), None, "one cent each 5 minutes");
}

/// A call that settles while the clock is ahead is in no period.
#[test]
fn what_settles_while_the_clock_is_ahead_is_of_its_own_day() {
    let clock = Hand::new();
    let ledger =
        Ledger::builder().clock(clock.clone()).budget_rule(BudgetRule::new("day", d(10)).every(Period::Day)).build();
    let task = ledger.task(TaskSpec::new("t"));
    let open = begin(&task, Some(d(9))).unwrap();
    clock.jump(10 * DAY);
    drop(begin(&task, Some(d(1))).unwrap());
    open.settle(record(d(9)));
    clock.jump(-10 * DAY);
    assert!(begin(&task, Some(d(2))).is_err(), "$9 of 10 are spent today");
}

#[test]
fn a_spent_budget_stays_where_the_clock_only_seems_to_be_past_its_end() {
    let clock = Hand::new();
    let ledger = Ledger::builder()
        .clock(clock.clone())
        .budget_rule(BudgetRule::new("talk", d(10)).per("conversation").every(Period::Day))
        .build();
    let talk = |id: &str, usd| {
        let t = ledger.task(TaskSpec::new("t").conversation(id));
        let r = begin(&t, Some(d(usd))).map(|c| {
            c.settle(record(d(usd)));
        });
        t.finish();
        r
    };
    talk("first", 9).unwrap();
    for n in 0..10_100 {
        talk(&n.to_string(), 1).unwrap();
    }
    clock.jump(2 * DAY);
    for n in 0..12_000 {
        talk(&format!("b{n}"), 1).unwrap();
    }
    clock.jump(-2 * DAY);
    assert!(talk("first", 9).is_err(), "forgotten before its end");
}

#[test]
fn a_budget_without_a_period_is_not_old_because_the_clock_jumped() {
    let clock = Hand::new();
    let ledger =
        Ledger::builder().clock(clock.clone()).budget_rule(BudgetRule::new("talk", d(10)).per("conversation")).build();
    let talk = |id: &str, usd| {
        let t = ledger.task(TaskSpec::new("t").conversation(id));
        let r = begin(&t, Some(d(usd))).map(|c| {
            c.settle(record(d(usd)));
        });
        t.finish();
        r
    };
    talk("first", 9).unwrap();
    for n in 0..10_100 {
        talk(&n.to_string(), 1).unwrap();
    }
    clock.jump(2 * 3600);
    for n in 0..12_000 {
        talk(&format!("b{n}"), 1).unwrap();
    }
    clock.jump(-2 * 3600);
    assert!(talk("first", 9).is_err(), "forgotten within a moment");
}

#[test]
fn a_soft_limit_that_is_passed_by_a_jump_back_is_told() {
    let clock = Hand::new();
    let told: Arc<Mutex<u32>> = Arc::default();
    let t = told.clone();
    let ledger = Ledger::builder()
        .clock(clock.clone())
        .on_alert(move |a| {
            if let AlertKind::SoftLimit(_) = a.kind {
                *t.lock().unwrap() += 1
            }
        })
        .budget_rule(BudgetRule::new("day", Budget::new(d(10)).soft(50)).every(Period::Day))
        .build();
    let task = ledger.task(TaskSpec::new("t"));
    task.charge("x", Charge::external(d(4)));
    clock.jump(10 * DAY);
    task.charge("x", Charge::external(d(4)));
    clock.jump(-10 * DAY);
    // 8 of 10 are spent, which passed the soft limit.
    task.charge("x", Charge::external(Usd::from_cents(1)));
    let n = *told.lock().unwrap();
    assert_eq!(n, 1, "the soft limit of 5 is passed with 8, and nobody is told");
}

#[test]
fn a_clock_that_panics_once_makes_nothing_overdue() {
    let (hand, boom) = (Hand::new(), Arc::new(AtomicBool::new(false)));
    let ledger =
        Ledger::builder().clock(Once(hand.clone(), boom.clone())).late_limit(Duration::from_secs(3600)).build();
    let task = ledger.task(TaskSpec::new("t"));
    let open = begin(&task, Some(d(1))).unwrap();
    task.finish();
    boom.store(true, Ordering::SeqCst);
    ledger.close_overdue();
    ledger.close_overdue();
    assert!(!task.is_closed(), "not a second has passed of an hour");
    open.settle(record(d(1)));
}
