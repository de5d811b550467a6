//! Every order in which threads can take turns over budgets and stops, for calls few enough to try them all.
//!
//! Built in the package `proof` alone, where locks are the model checker's.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outlay_price::Usd;
use shuttle::scheduler::DfsScheduler;
use shuttle::{Config, Runner, thread};

use crate::alert::Alerts;
use crate::budget::{Bound, BudgetCell, BudgetRules, Reservation, Times};
use crate::money::Spent;
use crate::stop::{Stops, TaskStop};
use crate::task::TaskWords;
use crate::{Amount, Budget, BudgetExceeded, BudgetRule, BudgetStatus, Dimensions, Period, RefusalReason, StopTarget};

const DAY: Duration = Duration::from_secs(86_400);

/// A call of one thread: the most that it may come to, and what becomes of it. In cents.
#[derive(Clone, Copy)]
struct Call {
    bound: i64,
    end: End,
    /// It is held by so many of the budgets, from the outermost.
    held_by: usize,
}

#[derive(Clone, Copy)]
enum End {
    Settled(i64),
    Dropped,
}

use End::{Dropped, Settled};

const fn call(bound: i64, end: End) -> Call {
    Call { bound, end, held_by: usize::MAX }
}

impl Call {
    const fn of_outer(self) -> Self {
        Self { held_by: 1, ..self }
    }

    fn cells(self, cells: &[Arc<BudgetCell>]) -> &[Arc<BudgetCell>] {
        &cells[..cells.len().min(self.held_by)]
    }

    /// What it comes to, in the units of a limit.
    fn spends(self, limit: Amount) -> i128 {
        match (self.end, limit) {
            (Settled(cents), Amount::Usd(_)) => Usd::from_cents(cents).picos(),
            (Settled(_), _) => 1,
            (Dropped, _) => 0,
        }
    }

    fn bound_in(self, limit: Amount) -> i128 {
        limit.usd().map_or(1, |_| Usd::from_cents(self.bound).picos())
    }

    /// By how much it may pass a limit: what it comes to beyond its own bound.
    fn overshoots(self, limit: Amount) -> i128 {
        (self.spends(limit) - self.bound_in(limit)).max(0)
    }

    fn run(self, cells: &[Arc<BudgetCell>]) -> Result<(), BudgetExceeded> {
        let reservation = reserve(self.cells(cells), Usd::from_cents(self.bound), SystemTime::UNIX_EPOCH)?;
        match self.end {
            Settled(cents) => reservation.settle(&spent(cents), &mut Alerts::default()),
            Dropped => drop(reservation),
        }
        Ok(())
    }
}

fn reserve(cells: &[Arc<BudgetCell>], bound: Usd, now: SystemTime) -> Result<Reservation, BudgetExceeded> {
    let model = "m".into();
    let bound = Bound {
        model: &model,
        input: 0,
        max_output: Some(0),
        is_turn: true,
        usd: &|_| Some(bound),
        forecast: &crate::Forecast::NONE,
    };
    let made = Reservation::make(cells, &bound, now, false, &mut Vec::new(), &mut Vec::new());
    made.map_err(|(_, why)| why)
}

fn spent(cents: i64) -> Spent {
    Spent { usd: Usd::from_cents(cents), calls: 1, ..Spent::default() }
}

const fn cents(limit: i64) -> Amount {
    Amount::Usd(Usd::from_cents(limit))
}

fn held(status: &BudgetStatus) -> i128 {
    status.spent.units() + status.reserved.units()
}

/// Makes the calls at once, one a thread, in every order, while somebody looks on.
fn in_every_order(limits: &[Amount], calls: &[Call]) {
    let (limits, calls) = (limits.to_vec(), calls.to_vec());
    every_order(move || all_at_once(&limits, &calls));
}

fn every_order(model: impl Fn() + Send + Sync + 'static) {
    let orders = Runner::new(DfsScheduler::new(None, false), Config::new()).run(model);
    assert!(orders > 10, "the threads do not meet: {orders} orders");
}

fn all_at_once(limits: &[Amount], calls: &[Call]) {
    let cells: Arc<[_]> = limits.iter().map(|limit| cell(*limit)).collect();
    let threads: Vec<_> = calls.iter().map(|&call| in_thread(&cells, move |cells| call.run(cells))).collect();
    // A look at more would be more orders than can be tried.
    if let ([limit], [_, _]) = (limits, calls) {
        let seen = cells[0].status();
        assert!(held(&seen) <= limit.units() + overshoot(calls, *limit), "at some instant: {seen:?}");
    }
    let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for why in ends.iter().filter_map(|end| end.as_ref().err()) {
        assert!(is_over_limit(why), "refused without need: {why}");
    }
    for (depth, cell) in cells.iter().enumerate() {
        let here = calls.iter().zip(&ends).filter(|(call, end)| call.held_by > depth && end.is_ok());
        let here: Vec<Call> = here.map(|(call, _)| *call).collect();
        check_end(cell, &here);
    }
    if !limits.iter().any(|limit| together(calls, *limit) > limit.units()) {
        assert!(ends.iter().all(Result::is_ok), "all fit together, and one was refused");
    }
}

fn cell(limit: Amount) -> Arc<BudgetCell> {
    Arc::new(BudgetCell::new("b".into(), Budget::of(limit)))
}

fn in_thread<T: Send + 'static>(
    cells: &Arc<[Arc<BudgetCell>]>,
    run: impl FnOnce(&[Arc<BudgetCell>]) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let cells = cells.clone();
    thread::spawn(move || run(&cells))
}

fn overshoot(calls: &[Call], limit: Amount) -> i128 {
    calls.iter().map(|call| call.overshoots(limit)).sum()
}

/// The most that the calls hold of a limit, if all are made.
fn together(calls: &[Call], limit: Amount) -> i128 {
    calls.iter().map(|call| call.spends(limit).max(call.bound_in(limit))).sum()
}

/// Whether the limit had no room at the instant of the refusal, by what the refusal itself says.
fn is_over_limit(why: &BudgetExceeded) -> bool {
    let RefusalReason::OverLimit { bound, .. } = why.reason() else { return false };
    bound.units() > why.left().units()
}

/// The books after the last call: what was spent to the pico-dollar, nothing reserved, and room for what fits.
fn check_end(cell: &Arc<BudgetCell>, made: &[Call]) {
    let status = cell.status();
    let limit = status.limit;
    assert_eq!(status.reserved.units(), 0, "left reserved: {status:?}");
    assert_eq!(status.spent.units(), made.iter().map(|call| call.spends(limit)).sum::<i128>());
    assert!(status.spent.units() <= limit.units() + overshoot(made, limit), "over the limit: {status:?}");
    let left = limit.units() - status.spent.units();
    let ask = |bound: i128| reserve(std::slice::from_ref(cell), Usd::from_picos(bound), SystemTime::UNIX_EPOCH).is_ok();
    match limit {
        Amount::Usd(_) => assert!((left < 0 || ask(left)) && !ask(left + 1), "{status:?}"),
        _ => assert_eq!(ask(0), left >= 1, "{status:?}"),
    }
}

#[test]
fn two_calls_of_which_one_fits_never_both_pass() {
    for end in [[Settled(6), Settled(6)], [Settled(2), Settled(6)], [Settled(9), Settled(6)], [Dropped, Settled(8)]] {
        in_every_order(&[cents(10)], &end.map(|end| call(6, end)));
    }
}

#[test]
fn calls_that_fit_together_are_never_refused() {
    in_every_order(&[cents(10)], &[call(4, Settled(4)), call(6, Settled(1))]);
    in_every_order(&[Amount::Calls(2)], &[call(9, Settled(99)), call(9, Dropped)]);
}

#[test]
fn a_limit_in_calls_is_never_passed_whatever_they_cost() {
    in_every_order(&[Amount::Calls(1)], &[call(1, Settled(50)), call(1, Settled(0))]);
    in_every_order(&[Amount::Calls(1)], &[call(1, Settled(50)), call(1, Dropped)]);
}

#[test]
fn a_call_is_held_by_all_budgets_or_by_none() {
    // The inner one has room where the outer one has none, and the other way round.
    in_every_order(&[cents(6), cents(10)], &[call(5, Settled(5)), call(4, Settled(4)).of_outer()]);
    in_every_order(&[cents(10), Amount::Calls(1)], &[call(5, Settled(7)), call(5, Dropped)]);
    in_every_order(&[Amount::Calls(1), cents(10)], &[call(5, Settled(5)), call(5, Settled(2)).of_outer()]);
}

#[test]
fn a_call_that_fits_is_not_refused_for_one_beside_it_that_another_budget_refuses() {
    every_order(|| {
        let cells: Arc<[_]> = [cents(4), cents(5)].map(cell).into();
        // The outer budget never has room for it; the inner one would.
        let big = in_thread(&cells, |cells| call(5, Settled(5)).run(cells));
        // Whoever locks them the other way round waits, and does not hang.
        let small = in_thread(&cells, |cells| call(1, Settled(1)).run(&[cells[1].clone(), cells[0].clone()]));
        assert!(big.join().unwrap().is_err());
        small.join().unwrap().unwrap();
    });
}

#[test]
fn what_is_reserved_in_a_period_never_shows_in_the_next() {
    let (today, tomorrow) = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + DAY);
    every_order(move || {
        let rules = BudgetRules::default();
        rules.set(vec![BudgetRule::new("day", Budget::calls(1)).every(Period::Day)]);
        let cells: Arc<[_]> = of_task(&rules, today).into();
        let open = reserve(&cells, Usd::ZERO, today).unwrap();
        let settle = thread::spawn(move || open.settle(&spent(1), &mut Alerts::default()));
        let next = in_thread(&cells, move |cells| reserve(cells, Usd::ZERO, tomorrow));
        settle.join().unwrap();
        let next = next.join().unwrap().unwrap();
        assert_eq!((cells[0].status().spent, cells[0].status().reserved), (Amount::Calls(0), Amount::Calls(1)));
        drop(next);
        assert_eq!(cells[0].status().reserved, Amount::Calls(0));
    });
}

fn of_task(rules: &BudgetRules, now: SystemTime) -> Vec<Arc<BudgetCell>> {
    rules.of_task(
        &TaskWords { name: "t", conversation: None, dimensions: &Dimensions::default() },
        || Times { wall: now, monotonic: Duration::ZERO },
        &mut Alerts::default(),
    )
}

#[test]
fn tasks_that_start_at_once_share_the_budget_of_their_rule() {
    every_order(|| {
        let rules = Arc::new(BudgetRules::default());
        rules.set(vec![BudgetRule::new("all", Budget::calls(1)).per("task")]);
        let start = || {
            let rules = rules.clone();
            thread::spawn(move || of_task(&rules, SystemTime::UNIX_EPOCH))
        };
        let (one, two) = (start(), start());
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        assert!(one.len() == 1 && Arc::ptr_eq(&one[0], &two[0]));
    });
}

#[test]
fn a_task_that_was_stopped_refuses_the_next_call_whoever_else_stops_it_or_asks() {
    fn ask(stop: &TaskStop) -> bool {
        stop.find("t", &"m".into()).is_some()
    }
    for stops in [true, false] {
        every_order(move || {
            let stop = Arc::new(TaskStop::default());
            let theirs = stop.clone();
            let other = thread::spawn(move || match stops {
                true => theirs.set("theirs"),
                false => {
                    ask(&theirs);
                }
            });
            stop.set("ours");
            assert!(ask(&stop));
            other.join().unwrap();
            assert!(ask(&stop));
        });
    }
}

#[test]
fn a_stop_and_a_resume_at_once_leave_the_task_in_one_of_the_two_states() {
    every_order(|| {
        let stop = Arc::new(TaskStop::default());
        let set = stop.clone();
        let setter = thread::spawn(move || set.set("loops"));
        let was_stopped = stop.clear();
        setter.join().unwrap();
        assert_eq!(stop.reason().is_none(), was_stopped, "stopped unless the resume came last");
        stop.set("again");
        assert!(stop.reason().is_some());
    });
}

#[test]
fn a_kind_that_was_stopped_refuses_the_next_call_while_other_kinds_come_and_go() {
    every_order(|| {
        let stops = Arc::new(Stops::default());
        let others = stops.clone();
        let other = thread::spawn(move || {
            let target = StopTarget::dimension("task", "other");
            others.add(&target, "theirs");
            assert!(others.remove(&target));
        });
        stops.add(&StopTarget::dimension("task", "t"), "ours");
        let words = TaskWords { name: "t", conversation: None, dimensions: &Dimensions::default() };
        assert!(stops.find(&words, &"m".into()).is_some());
        other.join().unwrap();
        assert!(stops.find(&words, &"m".into()).is_some());
    });
}
