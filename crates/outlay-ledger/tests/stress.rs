//! Ten thousand calls at once on one budget.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a test that says what it measured")]

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

/// Numbers that look random and are the same in each run: xorshift64*.
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

/// What the calls came to, beside what the books say.
#[derive(Debug, Default)]
struct Made {
    settled: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
    cost: AtomicU64,
    /// What settled calls came to beyond their own bounds: by so much the limit may be passed.
    beyond: AtomicU64,
}

impl Made {
    /// Asks for a call, holds it open for a moment beside others, and settles or drops it.
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
        // One of four comes to more than its bound.
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
        let beyond_rule = over.saturating_sub(read(&self.beyond));
        println!(
            "{what}: {settled} calls settled, {dropped} dropped, {refused} refused; {spent} of {limit} pico-dollars \
             spent: {over} over the limit, {beyond_rule} beyond what calls came to beyond their own bounds"
        );
        assert_eq!(beyond_rule, 0);
        assert!(status.reserved == Usd::ZERO, "left reserved: {status:?}");
        assert_eq!(settled + dropped + refused, CALLS);
        assert!(refused > 0 && dropped > 0, "the limit is met");
        assert_eq!((spent, task.totals().calls()), (read(&self.cost), settled));
        assert_eq!(task.totals().cost().usd(), status.spent.usd());
    }
}

fn picos(usd: Usd) -> u64 {
    u64::try_from(usd.picos().max(0)).unwrap()
}

/// Runs the calls on many threads, each in a scope of its own.
fn at_once(made: &Made, scope_of: impl Fn(u64) -> Scope + Sync) {
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
fn ten_thousand_calls_at_once_pass_the_limit_by_no_more_than_what_they_came_to_beyond_their_bounds() {
    let task = ledger().task(TaskSpec::new("t").budget(Budget::new(Usd::from_dollars(3))));
    let made = Made::default();
    at_once(&made, |_| task.step(StepKind::Act, "a"));
    made.check(&task, "one task");
}

#[test]
fn ten_thousand_calls_of_tasks_in_a_task_are_all_held_by_the_outer_budget() {
    let task = ledger().task(TaskSpec::new("t").budget(Budget::new(Usd::from_dollars(3))));
    let made = Made::default();
    let inner: Vec<Scope> =
        (0..THREADS).map(|number| task.task(TaskSpec::new("inner").budget(Budget::calls(100 + 50 * number)))).collect();
    at_once(&made, |number| inner[usize::try_from(number).unwrap()].agent("a").task(TaskSpec::new("innermost")));
    made.check(&task, "tasks in a task");
    for status in inner.iter().flat_map(Scope::budgets) {
        assert!(!status.is_exceeded() && status.reserved == Amount::Calls(0), "{status:?}");
    }
}
