//! Tests budgets, stops and late calls of whole tasks in thousands of random thread interleavings. The seed is fixed, so
//! that failures are reproducible.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use outlay_price::{Charge, Usage, Usd};
use outlay_proof::{
    Amount, Ask, Budget, BudgetRule, BudgetStatus, CallRecord, Caller, Clock, Ledger, PendingCall, Period, Receipt,
    Received, Refusal, RefusalReason, RemoteId, Scope, StepKind, StopTarget, TaskSpec,
};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};

const SEED: u64 = 42;
const ITERATIONS: usize = 2_000;

/// Runs `model` with random scheduling, and with few switches between prioritized threads, which finds rare interleavings.
fn check_interleavings(model: impl Fn() + Send + Sync + Clone + 'static) {
    let mut config = Config::new();
    config.stack_size = 0x40_000;
    config.silence_warnings = true;
    Runner::new(RandomScheduler::new_from_seed(SEED, ITERATIONS), config.clone()).run(model.clone());
    Runner::new(PctScheduler::new_from_seed(SEED, 4, ITERATIONS), config).run(model);
}

#[derive(Clone, Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

fn open(scope: &Scope, cents: i64) -> Result<PendingCall, Refusal> {
    let model = "m".into();
    let bound = |_| Some(Usd::from_cents(cents));
    scope.open_call(&Ask {
        model: &model,
        input: 0,
        max_output: Some(1),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &bound,
    })
}

fn record(cents: i64) -> CallRecord {
    CallRecord::answered(
        Arc::from("m"),
        Usage::new().with_output(1),
        Charge::external(Usd::from_cents(cents)),
        SystemTime::UNIX_EPOCH,
    )
}

/// The totals of all threads of a model. Plain atomics are not scheduling points.
#[derive(Debug, Default)]
struct Totals {
    cents: AtomicI64,
    /// The amount by which settled calls exceeded their own bounds. A limit in dollars may be exceeded by that.
    beyond: AtomicI64,
}

impl Totals {
    /// Makes a call with a random bound and outcome.
    fn call(&self, scope: &Scope) {
        let mut random = thread_rng();
        let (bound, outcome) = (random.gen_range(1..5), random.gen_range(0..4));
        let call = match open(scope, bound) {
            Ok(call) => call,
            Err(refusal) => return assert!(is_over_limit(&refusal), "refused although it fits: {refusal}"),
        };
        // At the bound, below it, beyond it, or dropped.
        let Some(cents) = [Some(bound), Some(bound - 1), Some(bound + 2), None][outcome] else { return };
        // Added before the ledger has it, so that concurrent checks allow for it.
        self.beyond.fetch_add((cents - bound).max(0), Ordering::SeqCst);
        self.cents.fetch_add(cents, Ordering::SeqCst);
        call.settle(record(cents));
    }

    fn check(&self, task: &Scope) {
        for status in task.budgets() {
            let held = units(status.spent) + units(status.reserved);
            let beyond = status.limit.usd().map_or(0, |_| self.beyond.load(Ordering::SeqCst));
            assert!(held <= units(status.limit) + beyond, "{beyond} cents beyond bounds: {status:?}");
        }
    }
}

/// Returns the cents of an amount, or its count.
fn units(amount: Amount) -> i64 {
    let count = match amount {
        Amount::Usd(usd) => usd.picos() / Usd::from_cents(1).picos(),
        Amount::Calls(calls) => calls.into(),
        other => panic!("no limit uses {other}"),
    };
    count.try_into().unwrap()
}

fn is_over_limit(refusal: &Refusal) -> bool {
    let Refusal::Budget(refusal) = refusal else { return false };
    let RefusalReason::OverLimit { bound, .. } = refusal.reason() else { return false };
    units(bound) > units(refusal.left())
}

/// Checks a task without open calls: budgets and totals agree, nothing is reserved, and exactly the calls that fit are
/// admitted.
fn check_end(task: &Scope, outer_budgets: &[BudgetStatus]) {
    let totals = task.totals();
    for BudgetStatus { limit, spent, reserved, .. } in task.budgets() {
        assert_eq!(units(reserved), 0, "reserved of {limit}");
        let expected = limit.usd().map_or(Amount::Calls(totals.calls()), |_| Amount::Usd(known_cost(task)));
        assert_eq!(spent, expected);
    }
    let left = |status: &BudgetStatus| units(status.limit) - units(status.spent);
    let all_budgets = || outer_budgets.iter().copied().chain(task.budgets());
    for cents in 0..=MAX_CALL + 1 {
        let fits = |status: BudgetStatus| left(&status) >= status.limit.usd().map_or(1, |_| cents);
        assert_eq!(open(task, cents).is_ok(), cents <= MAX_CALL && all_budgets().all(fits), "{cents} cents");
    }
}

fn known_cost(task: &Scope) -> Usd {
    task.totals().cost().usd().unwrap_or_default()
}

/// The maximum cost of a call, in cents.
const MAX_CALL: i64 = 4;

fn ledger() -> Ledger {
    // Not higher than the budget of the outer task, which applies to the same calls.
    let team = BudgetRule::new("team", Usd::from_cents(8)).per("team").every(Period::Day);
    let each = BudgetRule::each_call("each", Usd::from_cents(MAX_CALL));
    Ledger::builder().clock(FixedClock).late_limit(Duration::ZERO).budget_rule(team).budget_rule(each).build()
}

#[test]
fn nested_tasks_exceed_no_limit_refuse_no_fitting_call_and_leave_nothing_reserved() {
    check_interleavings(|| {
        let outer = ledger().task(TaskSpec::new("outer").budget(Usd::from_cents(8)).budget(Budget::calls(4)));
        let inner = outer.task(TaskSpec::new("inner").budget(Usd::from_cents(6)).budget(Budget::calls(2)));
        let totals = Arc::new(Totals::default());
        let call = |scope: &Scope| {
            let (scope, totals) = (scope.clone(), totals.clone());
            thread::spawn(move || (0..2).for_each(|_| totals.call(&scope)))
        };
        let threads = [&outer, &outer.agent("a"), &inner, &inner.agent("b")].map(call);
        totals.check(&inner);
        totals.check(&outer);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        totals.check(&outer);
        check_end(&inner, &outer.budgets());
        check_end(&outer, &[]);
        assert_eq!(known_cost(&outer), Usd::from_cents(totals.cents.load(Ordering::SeqCst)));
    });
}

#[test]
fn parallel_tasks_can_use_all_of_a_shared_budget() {
    check_interleavings(|| {
        let ledger = ledger();
        let threads = [4, 4, 1, 3].map(|cents| {
            let ledger = ledger.clone();
            thread::spawn(move || {
                let task = ledger.task(TaskSpec::new("t"));
                let is_made = open(&task, cents).map(|call| call.settle(record(cents))).is_ok();
                task.finish();
                if is_made { cents } else { 0 }
            })
        });
        let spent: i64 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        let task = ledger.task(TaskSpec::new("t"));
        // With calls of 4, 4, 1 and 3 cents, no order leaves more than one of the eight cents.
        assert!((7..=8).contains(&spent), "{spent} cents of 8");
        assert!(open(&task, 8 - spent).is_ok() && open(&task, 9 - spent).is_err());
    });
}

#[test]
fn calls_that_end_after_their_task_was_closed_leave_nothing_reserved() {
    check_interleavings(|| {
        let ledger = ledger();
        let task = ledger.task(TaskSpec::new("t").budget(Usd::from_cents(8)));
        let (settled, dropped) = (open(&task, 3).unwrap(), open(&task, 3).unwrap());
        let settle = thread::spawn(move || settled.settle(record(3)));
        let abandon = thread::spawn(move || drop(dropped));
        task.finish();
        ledger.close_overdue();
        settle.join().unwrap();
        abandon.join().unwrap();
        let status = task.budgets()[0];
        assert!(status.spent == Usd::from_cents(3) && status.reserved == Usd::ZERO, "{status:?}");
        assert!(task.is_late(), "the task is closed");
    });
}

#[test]
fn no_call_of_a_stopped_task_is_admitted_once_stop_has_returned() {
    check_interleavings(|| {
        let ledger = ledger();
        let outer = ledger.task(TaskSpec::new("outer").budget(Budget::calls(100)));
        let inner = outer.task(TaskSpec::new("inner"));
        let stopped = Arc::new(AtomicBool::new(false));
        let callers = [&outer, &inner].map(|scope| {
            let (scope, stopped) = (scope.clone(), stopped.clone());
            thread::spawn(move || {
                for _ in 0..3 {
                    let must_refuse = stopped.load(Ordering::SeqCst);
                    match open(&scope, 1) {
                        Ok(call) => assert!(!must_refuse, "{:?}", call.settle(record(1))),
                        Err(refusal) => assert!(matches!(refusal, Refusal::Stopped(_)), "{refusal}"),
                    }
                }
            })
        });
        match thread_rng().gen_bool(0.5) {
            true => outer.stop("enough"),
            false => ledger.stop(&StopTarget::dimension("task", "outer"), "enough"),
        }
        stopped.store(true, Ordering::SeqCst);
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert!(matches!(open(&inner, 1), Err(Refusal::Stopped(_))));
        assert_nothing_reserved(&outer);
    });
}

fn assert_nothing_reserved(task: &Scope) {
    assert!(task.budgets().iter().all(|status| units(status.reserved) == 0), "{:?}", task.budgets());
}

/// Returns the receipt of another process for one run of `remote`.
fn receipt(remote: RemoteId, cents: i64) -> Receipt {
    let caller = Caller::new("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), "t").remote(remote);
    let worker = Ledger::builder().clock(FixedClock).build().task(TaskSpec::new("there").caller(caller));
    worker.charge("x", Charge::external(Usd::from_cents(cents)));
    worker.finish();
    worker.receipt()
}

#[test]
fn a_receipt_counts_once_despite_concurrent_deliveries_loss_or_close() {
    check_interleavings(|| {
        let ledger = Ledger::builder().clock(FixedClock).late_limit(Duration::ZERO).build();
        let task = ledger.task(TaskSpec::new("t").budget(Usd::from_dollars(1)));
        let tool = task.step(StepKind::Tool, "ask");
        let remote = Arc::new(tool.open_remote("worker"));
        let runs = [receipt(remote.id(), 3), receipt(remote.id(), 5)];
        let deliveries = [&runs[0], &runs[0], &runs[1]].map(|receipt| {
            let (remote, receipt) = (remote.clone(), receipt.clone());
            thread::spawn(move || remote.receive(&receipt))
        });
        let lost = remote.clone();
        let loses = thread::spawn(move || lost.lose());
        let (closing, finished) = (ledger.clone(), (tool.clone(), task.clone()));
        let closes = thread::spawn(move || {
            finished.0.finish();
            finished.1.finish();
            closing.close_overdue();
        });
        let [one, again, other] = deliveries.map(|delivery| delivery.join().unwrap());
        loses.join().unwrap();
        closes.join().unwrap();
        // The ledger's own thread may be closing it.
        while !task.is_closed() {
            ledger.close_overdue();
            thread::yield_now();
        }
        assert!(tool.is_closed());
        assert!(matches!((one, again), (Received::Again, _) | (_, Received::Again)), "{one:?} {again:?}");
        let cents = |received: Received, cents: i64| if received == Received::Joined { cents } else { 0 };
        let joined = Usd::from_cents(cents(one, 3) + cents(again, 3) + cents(other, 5));
        let totals = task.totals();
        assert_eq!((totals.cost().usd().unwrap_or_default(), totals.remote()), (joined, joined));
        assert_eq!(tool.totals().remote(), joined);
        assert_eq!((task.running().0, task.budgets()[0].reserved), (joined, Amount::Usd(Usd::ZERO)));
        // If no receipt counted, the totals report it as missing, and the cost is unknown.
        let missing = totals.lost_receipts() + totals.pending_receipts();
        assert_eq!(missing, u64::from(joined.is_zero()), "{totals:?}");
        assert_eq!(totals.cost().usd().is_none(), joined.is_zero());
    });
}
