//! Budgets, stops and late calls of whole tasks, in many thousands of orders of their threads: each at random, from a
//! seed that stays, so that a failure comes back.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

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
const ORDERS: usize = 2_000;

/// Both with threads that are equal, and with few changes between threads that are not, which finds what is rare.
fn in_many_orders(model: impl Fn() + Send + Sync + Clone + 'static) {
    let mut config = Config::new();
    config.stack_size = 0x40_000;
    config.silence_warnings = true;
    Runner::new(RandomScheduler::new_from_seed(SEED, ORDERS), config.clone()).run(model.clone());
    Runner::new(PctScheduler::new_from_seed(SEED, 4, ORDERS), config).run(model);
}

#[derive(Clone, Debug)]
struct Still;

impl Clock for Still {
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

/// What the threads of a model have done: plain atomics, which cost no turn.
#[derive(Debug, Default)]
struct Made {
    cents: AtomicI64,
    /// What settled calls came to beyond their own bounds: by so much a limit in dollars may be passed.
    beyond: AtomicI64,
}

impl Made {
    /// A call of a random size and end.
    fn call(&self, scope: &Scope) {
        let mut random = thread_rng();
        let (bound, end) = (random.gen_range(1..5), random.gen_range(0..4));
        let call = match open(scope, bound) {
            Ok(call) => call,
            Err(why) => return assert!(is_over_limit(&why), "refused without need: {why}"),
        };
        // At its bound, below it, beyond it; or dropped.
        let Some(cents) = [Some(bound), Some(bound - 1), Some(bound + 2), None][end] else { return };
        // Before the books have it, for whoever looks on.
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

/// Cents, or ones.
fn units(amount: Amount) -> i64 {
    let count = match amount {
        Amount::Usd(usd) => usd.picos() / Usd::from_cents(1).picos(),
        Amount::Calls(calls) => calls.into(),
        other => panic!("no limit is counted in {other}"),
    };
    count.try_into().unwrap()
}

fn is_over_limit(why: &Refusal) -> bool {
    let Refusal::Budget(why) = why else { return false };
    let RefusalReason::OverLimit { bound, .. } = why.reason() else { return false };
    units(bound) > units(why.left())
}

/// The books of a task in which nothing is open: budgets and totals agree, nothing is reserved, and there is room for
/// just what fits.
fn check_end(task: &Scope, around: &[BudgetStatus]) {
    let totals = task.totals();
    for BudgetStatus { limit, spent, reserved, .. } in task.budgets() {
        assert_eq!(units(reserved), 0, "left reserved of {limit}");
        let booked = limit.usd().map_or(Amount::Calls(totals.calls()), |_| Amount::Usd(known(task)));
        assert_eq!(spent, booked);
    }
    let left = |status: &BudgetStatus| units(status.limit) - units(status.spent);
    let holding = || around.iter().copied().chain(task.budgets());
    for cents in 0..=EACH + 1 {
        let fits = |status: BudgetStatus| left(&status) >= status.limit.usd().map_or(1, |_| cents);
        assert_eq!(open(task, cents).is_ok(), cents <= EACH && holding().all(fits), "{cents} cents");
    }
}

fn known(task: &Scope) -> Usd {
    task.totals().cost().usd().unwrap_or_default()
}

/// No call may come to more than so many cents.
const EACH: i64 = 4;

fn ledger() -> Ledger {
    // No looser than the budget of the outer task, which holds the same calls.
    let team = BudgetRule::new("team", Usd::from_cents(8)).per("team").every(Period::Day);
    let each = BudgetRule::each_call("each", Usd::from_cents(EACH));
    Ledger::builder().clock(Still).late_limit(Duration::ZERO).budget_rule(team).budget_rule(each).build()
}

#[test]
fn tasks_in_a_task_under_rules_pass_no_limit_refuse_nothing_that_fits_and_leave_nothing_reserved() {
    in_many_orders(|| {
        let outer = ledger().task(TaskSpec::new("outer").budget(Usd::from_cents(8)).budget(Budget::calls(4)));
        let inner = outer.task(TaskSpec::new("inner").budget(Usd::from_cents(6)).budget(Budget::calls(2)));
        let made = Arc::new(Made::default());
        let call = |scope: &Scope| {
            let (scope, made) = (scope.clone(), made.clone());
            thread::spawn(move || (0..2).for_each(|_| made.call(&scope)))
        };
        let threads = [&outer, &outer.agent("a"), &inner, &inner.agent("b")].map(call);
        made.check(&inner);
        made.check(&outer);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        made.check(&outer);
        check_end(&inner, &outer.budgets());
        check_end(&outer, &[]);
        assert_eq!(known(&outer), Usd::from_cents(made.cents.load(Ordering::SeqCst)));
    });
}

#[test]
fn tasks_beside_each_other_share_the_budget_of_their_rule_and_all_of_it() {
    in_many_orders(|| {
        let ledger = ledger();
        let threads = [4, 4, 1, 3].map(|cents| {
            let ledger = ledger.clone();
            thread::spawn(move || {
                let task = ledger.task(TaskSpec::new("t"));
                let made = open(&task, cents).map(|call| call.settle(record(cents))).is_ok();
                task.finish();
                if made { cents } else { 0 }
            })
        });
        let spent: i64 = threads.map(|thread| thread.join().unwrap()).iter().sum();
        let task = ledger.task(TaskSpec::new("t"));
        // Of calls for 4, 4, 1 and 3 cents, no order leaves more than one cent of eight.
        assert!((7..=8).contains(&spent), "{spent} cents of 8");
        assert!(open(&task, 8 - spent).is_ok() && open(&task, 9 - spent).is_err());
    });
}

#[test]
fn a_call_that_settles_or_ends_after_its_task_was_closed_over_it_leaves_nothing_reserved() {
    in_many_orders(|| {
        let ledger = ledger();
        let task = ledger.task(TaskSpec::new("t").budget(Usd::from_cents(8)));
        let (settled, dropped) = (open(&task, 3).unwrap(), open(&task, 3).unwrap());
        let settle = thread::spawn(move || settled.settle(record(3)));
        let give_up = thread::spawn(move || drop(dropped));
        task.finish();
        ledger.close_overdue();
        settle.join().unwrap();
        give_up.join().unwrap();
        let status = task.budgets()[0];
        assert!(status.spent == Usd::from_cents(3) && status.reserved == Usd::ZERO, "{status:?}");
        assert!(task.is_late(), "it is closed");
    });
}

#[test]
fn once_a_stop_has_returned_no_call_of_the_task_or_inside_it_is_let_through() {
    in_many_orders(|| {
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
                        Err(why) => assert!(matches!(why, Refusal::Stopped(_)), "{why}"),
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
        check_reserved_nothing(&outer);
    });
}

fn check_reserved_nothing(task: &Scope) {
    assert!(task.budgets().iter().all(|status| units(status.reserved) == 0), "{:?}", task.budgets());
}

/// What another process says of a run of this work.
fn receipt(remote: RemoteId, cents: i64) -> Receipt {
    let caller = Caller::new("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), "t").remote(remote);
    let there = Ledger::builder().clock(Still).build().task(TaskSpec::new("there").caller(caller));
    there.charge("x", Charge::external(Usd::from_cents(cents)));
    there.finish();
    there.receipt()
}

#[test]
fn a_receipt_counts_once_whoever_else_delivers_it_gives_it_up_or_closes_its_task() {
    in_many_orders(|| {
        let ledger = Ledger::builder().clock(Still).late_limit(Duration::ZERO).build();
        let task = ledger.task(TaskSpec::new("t").budget(Usd::from_dollars(1)));
        let tool = task.step(StepKind::Tool, "ask");
        let remote = Arc::new(tool.open_remote("worker"));
        let runs = [receipt(remote.id(), 3), receipt(remote.id(), 5)];
        let deliveries = [&runs[0], &runs[0], &runs[1]].map(|receipt| {
            let (remote, receipt) = (remote.clone(), receipt.clone());
            thread::spawn(move || remote.receive(&receipt))
        });
        let given_up = remote.clone();
        let gives_up = thread::spawn(move || given_up.lose());
        let (ends, ended) = (ledger.clone(), (tool.clone(), task.clone()));
        let closes = thread::spawn(move || {
            ended.0.finish();
            ended.1.finish();
            ends.close_overdue();
        });
        let [one, again, other] = deliveries.map(|delivery| delivery.join().unwrap());
        gives_up.join().unwrap();
        closes.join().unwrap();
        // The ledger's own thread may be at it.
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
        // Nothing came, and that is said: the sum is not all.
        let missing = totals.lost_receipts() + totals.pending_receipts();
        assert_eq!(missing, u64::from(joined.is_zero()), "{totals:?}");
        assert_eq!(totals.cost().usd().is_none(), joined.is_zero());
    });
}
