//! Measures a charge at depth 4 on one thread, and on two threads that charge different scopes of one task.
//!
//! `cargo bench -p outlay-benches --bench ledger`
#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints its results")]

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use outlay_benches::{median, paired, rounds};
use outlay_ledger::{Ledger, Scope, StepKind, TaskSpec};
use outlay_price::{Charge, Usd};

const PAIRS: usize = 15;

fn charges() -> usize {
    rounds(200_000)
}

fn main() {
    let ledger = Ledger::builder().report_records(0).build();
    let task = ledger.task(TaskSpec::new("bench"));
    let scope = || task.agent("a").agent("b").step(StepKind::Act, "c");
    let (one, two) = (scope(), scope());
    let times = paired(
        PAIRS,
        || charge(&one),
        || {
            thread::scope(|threads| {
                threads.spawn(|| charge(&one));
                threads.spawn(|| charge(&two));
            });
        },
    );
    let nanos = median(times.a.clone()) / charges() as f64 * 1e9;
    println!("a charge at depth 4 (bar: 200 ns)    {nanos:8.1} ns");
    // Perfect scaling would be 2.
    println!("two threads against one (bar: 1.30)  {:8.2} x", times.median_of(|one, two| 2.0 * one / two));
    finish_tasks(&ledger);
}

fn charge(scope: &Scope) {
    for _ in 0..charges() {
        black_box(scope.charge("search", Charge::external(Usd::from_micros(5))));
    }
}

/// Runs and finishes 100,000 tasks, and prints how much memory grows.
fn finish_tasks(ledger: &Ledger) {
    let run = |tasks: usize| {
        for _ in 0..tasks {
            let task = ledger.task(TaskSpec::new("t"));
            let step = task.agent("a").step(StepKind::Plan, "p");
            step.charge("search", Charge::external(Usd::from_micros(5)));
            step.finish();
            if let Some(agent) = step.parent() {
                agent.finish();
            }
            task.finish();
        }
    };
    run(rounds(1_000));
    let before = resident_kib();
    let start = Instant::now();
    let tasks = rounds(100_000);
    run(tasks);
    let each = start.elapsed().as_secs_f64() / tasks as f64 * 1e6;
    println!("a task, an agent, a step, a charge   {each:8.2} us");
    println!("memory after {tasks:7} tasks           {:+8} KiB", resident_kib() - before);
}

/// Returns the resident memory of this process, or 0 if the system does not report it.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0)
}
