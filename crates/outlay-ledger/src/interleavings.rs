//! Tests budgets and stops under every interleaving of a few threads.
//!
//! Built only in the package `proof`, with the locks of the model checker.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

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

/// A call of one thread: its bound and its end, in cents.
#[derive(Clone, Copy)]
struct Call {
    bound: i64,
    end: End,
    /// The number of budgets that apply to it, from the outermost.
    budgets: usize,
}

#[derive(Clone, Copy)]
enum End {
    Settled(i64),
    Dropped,
}

use End::{Dropped, Settled};

const fn call(bound: i64, end: End) -> Call {
    Call { bound, end, budgets: usize::MAX }
}

impl Call {
    const fn of_outer(self) -> Self {
        Self { budgets: 1, ..self }
    }

    fn cells(self, cells: &[Arc<BudgetCell>]) -> &[Arc<BudgetCell>] {
        &cells[..cells.len().min(self.budgets)]
    }

    /// Returns what it spends, in the units of a limit.
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

    /// Returns by how much it may exceed a limit: its spending beyond its own bound.
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
    made.map_err(|(_, exceeded)| exceeded)
}

fn spent(cents: i64) -> Spent {
    Spent { usd: Usd::from_cents(cents), calls: 1, ..Spent::default() }
}

const fn cents(limit: i64) -> Amount {
    Amount::Usd(Usd::from_cents(limit))
}

fn committed(status: &BudgetStatus) -> i128 {
    status.spent.units() + status.reserved.units()
}

/// Makes the calls concurrently, one per thread, in every interleaving, while the status is read.
fn in_every_order(limits: &[Amount], calls: &[Call]) {
    let (limits, calls) = (limits.to_vec(), calls.to_vec());
    every_order(move || run_concurrently(&limits, &calls));
}

fn every_order(model: impl Fn() + Send + Sync + 'static) {
    let orders = Runner::new(DfsScheduler::new(None, false), Config::new()).run(model);
    assert!(orders > 10, "too few interleavings: {orders}");
}

fn run_concurrently(limits: &[Amount], calls: &[Call]) {
    let cells: Arc<[_]> = limits.iter().map(|limit| cell(*limit)).collect();
    let threads: Vec<_> = calls.iter().map(|&call| in_thread(&cells, move |cells| call.run(cells))).collect();
    // With more threads there would be too many interleavings.
    if let ([limit], [_, _]) = (limits, calls) {
        let status = cells[0].status();
        assert!(committed(&status) <= limit.units() + overshoot(calls, *limit), "at some instant: {status:?}");
    }
    let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for exceeded in ends.iter().filter_map(|end| end.as_ref().err()) {
        assert!(is_over_limit(exceeded), "refused without need: {exceeded}");
    }
    for (depth, cell) in cells.iter().enumerate() {
        let here = calls.iter().zip(&ends).filter(|(call, end)| call.budgets > depth && end.is_ok());
        let here: Vec<Call> = here.map(|(call, _)| *call).collect();
        check_end(cell, &here);
    }
    if !limits.iter().any(|limit| together(calls, *limit) > limit.units()) {
        assert!(ends.iter().all(Result::is_ok), "all fit together, but one was refused");
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

/// Returns the most that the calls commit of a limit, if all are made.
fn together(calls: &[Call], limit: Amount) -> i128 {
    calls.iter().map(|call| call.spends(limit).max(call.bound_in(limit))).sum()
}

/// Returns whether the limit had no room at the time of the refusal, by the refusal's own figures.
fn is_over_limit(exceeded: &BudgetExceeded) -> bool {
    let RefusalReason::OverLimit { bound, .. } = exceeded.reason() else { return false };
    bound.units() > exceeded.left().units()
}

/// Checks the budget after the last call: exact spending, nothing reserved, and room for what fits.
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
fn two_calls_never_both_pass_if_only_one_fits() {
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
fn a_limit_in_calls_is_never_exceeded_whatever_they_cost() {
    in_every_order(&[Amount::Calls(1)], &[call(1, Settled(50)), call(1, Settled(0))]);
    in_every_order(&[Amount::Calls(1)], &[call(1, Settled(50)), call(1, Dropped)]);
}

#[test]
fn a_call_is_reserved_in_all_budgets_or_in_none() {
    // First only the inner budget has room, then only the outer one.
    in_every_order(&[cents(6), cents(10)], &[call(5, Settled(5)), call(4, Settled(4)).of_outer()]);
    in_every_order(&[cents(10), Amount::Calls(1)], &[call(5, Settled(7)), call(5, Dropped)]);
    in_every_order(&[Amount::Calls(1), cents(10)], &[call(5, Settled(5)), call(5, Settled(2)).of_outer()]);
}

#[test]
fn a_call_that_fits_is_not_refused_because_of_a_concurrent_call_that_another_budget_refuses() {
    every_order(|| {
        let cells: Arc<[_]> = [cents(4), cents(5)].map(cell).into();
        // Only the inner budget has room for it.
        let big = in_thread(&cells, |cells| call(5, Settled(5)).run(cells));
        // Budgets in the opposite order do not cause a deadlock.
        let small = in_thread(&cells, |cells| call(1, Settled(1)).run(&[cells[1].clone(), cells[0].clone()]));
        assert!(big.join().unwrap().is_err());
        small.join().unwrap().unwrap();
    });
}

#[test]
fn a_reservation_of_one_period_never_counts_in_the_next() {
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
        Times { wall: now, monotonic: Duration::ZERO },
        &mut Alerts::default(),
    )
}

#[test]
fn tasks_that_start_concurrently_share_the_budget_of_their_rule() {
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
fn a_stopped_task_refuses_the_next_call_despite_concurrent_stops_and_reads() {
    fn ask(stop: &TaskStop) -> bool {
        stop.find("t", &"m".into()).is_some()
    }
    for stops in [true, false] {
        every_order(move || {
            let stop = Arc::new(TaskStop::default());
            let shared = stop.clone();
            let other = thread::spawn(move || match stops {
                true => shared.set("other"),
                false => {
                    ask(&shared);
                }
            });
            stop.set("own");
            assert!(ask(&stop));
            other.join().unwrap();
            assert!(ask(&stop));
        });
    }
}

#[test]
fn a_concurrent_stop_and_resume_leave_the_task_stopped_or_running() {
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
fn a_stopped_kind_refuses_the_next_call_while_other_kinds_change() {
    every_order(|| {
        let stops = Arc::new(Stops::default());
        let others = stops.clone();
        let other = thread::spawn(move || {
            let target = StopTarget::dimension("task", "other");
            others.add(&target, "other");
            assert!(others.remove(&target));
        });
        stops.add(&StopTarget::dimension("task", "t"), "own");
        let words = TaskWords { name: "t", conversation: None, dimensions: &Dimensions::default() };
        assert!(stops.find(&words, &"m".into()).is_some());
        other.join().unwrap();
        assert!(stops.find(&words, &"m".into()).is_some());
    });
}
