//! Stress tests of ten thousand concurrent calls on one budget.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "the test prints its measurements")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use outlay_ledger::{Amount, Ask, Budget, CallRecord, Ledger, PendingCall, Refusal, Scope, StepKind, TaskSpec};
use outlay_price::{Charge, Usage, Usd};

const THREADS: u64 = 16;
const CALLS: u64 = 10_000;

fn open(scope: &Scope, most: Usd) -> Result<PendingCall, Refusal> {
    let model = "m".into();
    let bound = |_| Some(most);
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

fn record(cost: Usd) -> CallRecord {
    CallRecord::answered(Arc::from("m"), Usage::new().with_output(1), Charge::external(cost), SystemTime::UNIX_EPOCH)
}

/// A pseudorandom generator with the same numbers in each run: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    fn micros(&mut self, end: u64) -> Usd {
        Usd::from_micros(self.below(end).try_into().unwrap())
    }
}

/// The actual sums of the calls, to compare with the ledger.
#[derive(Debug, Default)]
struct Made {
    settled: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
    cost: AtomicU64,
    /// The cost of settled calls beyond their own bounds, by which the limit may be exceeded.
    beyond: AtomicU64,
}

impl Made {
    /// Opens a call, keeps it open for a moment beside others, and settles or drops it.
    fn call(&self, scope: &Scope, random: &mut Random) {
        let bound = random.micros(2_000);
        let Ok(call) = open(scope, bound) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        thread::yield_now();
        if random.below(5) == 0 {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // One of four costs up to 0.002 dollars more than its bound.
        let cost = match random.below(4) {
            0 => bound.saturating_add(random.micros(2_000)),
            _ => Usd::from_picos(bound.picos() * i128::from(random.below(101)) / 100),
        };
        self.settled.fetch_add(1, Ordering::Relaxed);
        self.cost.fetch_add(picos(cost), Ordering::Relaxed);
        self.beyond.fetch_add(picos(cost.saturating_sub(bound)), Ordering::Relaxed);
        call.settle(record(cost));
    }

    fn check(&self, task: &Scope, what: &str) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (settled, dropped, refused) = (read(&self.settled), read(&self.dropped), read(&self.refused));
        let status = task.budget().unwrap();
        let (spent, limit) = (picos(status.spent.usd().unwrap()), picos(status.limit.usd().unwrap()));
        let over = spent.saturating_sub(limit);
        let unexplained = over.saturating_sub(read(&self.beyond));
        println!(
            "{what}: {settled} calls settled, {dropped} dropped, {refused} refused; {spent} of {limit} pico-dollars \
             spent: {over} over the limit, {unexplained} of it not explained by costs beyond bounds"
        );
        assert_eq!(unexplained, 0);
        assert!(status.reserved == Usd::ZERO, "left reserved: {status:?}");
        assert_eq!(settled + dropped + refused, CALLS);
        assert!(refused > 0 && dropped > 0, "the limit is reached");
        assert_eq!((spent, task.totals().calls()), (read(&self.cost), settled));
        assert_eq!(task.totals().cost().usd(), status.spent.usd());
    }
}

fn picos(usd: Usd) -> u64 {
    u64::try_from(usd.picos().max(0)).unwrap()
}

/// Runs the calls on many threads, each in its own scope.
fn run_concurrently(made: &Made, scope_of: impl Fn(u64) -> Scope + Sync) {
    thread::scope(|threads| {
        for number in 0..THREADS {
            let (made, scope_of) = (&made, &scope_of);
            threads.spawn(move || {
                let (scope, mut random) = (scope_of(number), Random(number + 1));
                (0..CALLS / THREADS).for_each(|_| made.call(&scope, &mut random));
                scope.finish();
            });
        }
    });
}

fn ledger() -> Ledger {
    Ledger::builder().report_records(0).late_limit(Duration::from_secs(60)).build()
}

#[test]
fn concurrent_calls_exceed_the_limit_only_by_their_costs_beyond_bounds() {
    let task = ledger().task(TaskSpec::new("t").budget(Budget::new(Usd::from_dollars(3))));
    let made = Made::default();
    run_concurrently(&made, |_| task.step(StepKind::Act, "a"));
    made.check(&task, "one task");
}

#[test]
fn the_outer_budget_applies_to_concurrent_calls_of_nested_tasks() {
    let task = ledger().task(TaskSpec::new("t").budget(Budget::new(Usd::from_dollars(3))));
    let made = Made::default();
    let inner: Vec<Scope> =
        (0..THREADS).map(|number| task.task(TaskSpec::new("inner").budget(Budget::calls(100 + 50 * number)))).collect();
    run_concurrently(&made, |number| {
        inner[usize::try_from(number).unwrap()].agent("a").task(TaskSpec::new("innermost"))
    });
    made.check(&task, "nested tasks");
    for status in inner.iter().flat_map(Scope::budgets) {
        assert!(!status.is_exceeded() && status.reserved == Amount::Calls(0), "{status:?}");
    }
}
