//! Measures what budgets and stops add to a call in the ledger, from open to settle.
//!
//! `cargo bench -p outlay-benches --bench budget`
#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use outlay_benches::{median, paired, rounds};
use outlay_ledger::{
    Ask, Budget, BudgetRule, CallRecord, Dimension, Dimensions, Ledger, LedgerBuilder, Period, Scope, StopTarget,
    TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};

const PAIRS: usize = 15;
const THREADS: usize = 16;
const STOPS: usize = 1_000;

fn count() -> usize {
    rounds(20_000)
}

fn main() {
    println!("a call opened and settled                 ns a call      vs. none");
    let none = task(Ledger::builder(), None);
    row("no budget", &none, &none);
    row("1 budget: the task's, in dollars", &task(Ledger::builder(), dollars()), &none);
    row("3 budgets: + team per day, + each call", &task(with_rules(), dollars()), &none);
    row("1,000 stops for other teams", &task_with_stops(), &none);
    compare_threads("no budget", None);
    compare_threads("1 budget", dollars());
}

fn row(what: &str, task: &Scope, baseline: &Scope) {
    let model: Arc<str> = "m".into();
    let times = paired(PAIRS, || calls(task, &model, count()), || calls(baseline, &model, count()));
    let nanos = |seconds: f64| seconds / count() as f64 * 1e9;
    let adds = nanos(times.median_of(|budgets, none| budgets - none));
    println!("  {what:<38}  {:8.1}     {adds:+8.1}", nanos(median(times.a)));
}

/// Compares calls by many concurrent threads, each with its own agent, to the same calls by one thread.
fn compare_threads(what: &str, budget: Option<Budget>) {
    let task = task(Ledger::builder(), budget);
    let agents: Vec<Scope> = (0..THREADS).map(|_| task.agent("a")).collect();
    let model: Arc<str> = "m".into();
    let times = paired(
        PAIRS,
        || {
            thread::scope(|threads| {
                for agent in &agents {
                    let model = Arc::<str>::from("m");
                    threads.spawn(move || calls(agent, &model, count() / THREADS));
                }
            });
        },
        || agents.iter().for_each(|agent| calls(agent, &model, count() / THREADS)),
    );
    let nanos = |seconds: f64| seconds / count() as f64 * 1e9;
    let ratio = times.median_of(|many, one| many / one);
    let [many, one] = [times.a, times.b].map(|seconds| nanos(median(seconds)));
    println!("{what}: {THREADS} threads {many:.1} ns a call, one thread {one:.1} ns: {ratio:.2} x the time");
}

fn calls(scope: &Scope, model: &Arc<str>, count: usize) {
    let ask = Ask {
        model,
        input: 1_000,
        max_output: Some(500),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(Usd::from_micros(5)),
    };
    for _ in 0..count {
        let open = scope.open_call(black_box(&ask)).expect("the call fits the budget");
        black_box(open.settle(record(model)));
    }
}

fn record(model: &Arc<str>) -> CallRecord {
    let usage = Usage::new().with_uncached_input(1_000).with_output(300);
    let charge = Charge::external(Usd::from_micros(4));
    CallRecord { ends_turn: false, ..CallRecord::answered(model.clone(), usage, charge, SystemTime::UNIX_EPOCH) }
}

/// Returns a budget that the benchmark does not exhaust.
fn dollars() -> Option<Budget> {
    Some(Budget::new(Usd::from_dollars(1_000_000)))
}

fn task(ledger: LedgerBuilder, budget: Option<Budget>) -> Scope {
    let spec = match budget {
        Some(budget) => spec().budget(budget),
        None => spec(),
    };
    ledger.report_records(0).build().task(spec)
}

fn spec() -> TaskSpec {
    let mut dimensions = Dimensions::default();
    dimensions.set(Dimension::Team, "search");
    TaskSpec::new("bench").dimensions(dimensions)
}

fn with_rules() -> LedgerBuilder {
    let limit = Usd::from_dollars(1_000_000);
    Ledger::builder()
        .budget_rule(BudgetRule::new("team", limit).per("team").every(Period::Day))
        .budget_rule(BudgetRule::each_call("each", limit))
}

/// Returns a task, with stops that do not apply to it.
fn task_with_stops() -> Scope {
    let ledger = Ledger::builder().report_records(0).build();
    for number in 0..STOPS {
        ledger.stop(&StopTarget::dimension("team", &format!("other-{number}")), "a benchmark");
    }
    ledger.task(spec())
}
