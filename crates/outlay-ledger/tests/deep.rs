//! Tests of very deep and very wide trees.
#![allow(missing_docs, clippy::unwrap_used, reason = "a panic fails the test")]
#![allow(clippy::disallowed_methods, reason = "the test compares durations")]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use outlay_ledger::{CallRecord, Ledger, Outcome, Record, Scope, ScopeRecord, StepKind, TaskSpec};
use outlay_price::{Charge, Usage, Usd};

const DEPTH: usize = 20_000;

fn call() -> CallRecord {
    let charge = Charge::external(Usd::from_cents(1));
    CallRecord::answered(Arc::from("m"), Usage::new().with_output(5), charge, SystemTime::UNIX_EPOCH)
}

/// Runs the test on a stack with room for only a few hundred nested calls.
fn on_a_small_stack(test: fn()) {
    thread::Builder::new().stack_size(256 << 10).spawn(test).unwrap().join().unwrap();
}

/// Opens a chain of `depth` scopes below a task, with a call in each.
fn chain(task: &Scope, depth: usize, below: impl Fn(&Scope) -> Scope) -> Vec<Scope> {
    let mut scopes = vec![task.clone()];
    for _ in 0..depth {
        let scope = below(scopes.last().unwrap());
        scope.open_call_unchecked().settle(call());
        scopes.push(scope);
    }
    scopes
}

fn depth(record: &ScopeRecord) -> usize {
    let below = record.children.iter().filter_map(|child| match child {
        Record::Scope(scope) => Some(depth(scope)),
        _ => None,
    });
    1 + below.max().unwrap_or(0)
}

fn check_totals(task: &Scope, calls: usize) {
    let totals = task.totals();
    assert_eq!((totals.calls(), totals.exact()), (calls as u64, Usd::from_cents(calls as i64)));
    let record = task.record();
    assert_eq!(record.totals.calls(), calls as u64);
    assert_eq!(depth(&record), 128, "deeper scopes are left out");
}

#[test]
fn a_chain_of_agents_is_read_and_closed_from_the_innermost() {
    on_a_small_stack(|| {
        let task = Ledger::builder().report_records(u32::MAX).build().task(TaskSpec::new("t"));
        let scopes = chain(&task, DEPTH, |parent| parent.agent("a"));
        scopes[DEPTH / 2].fail("half of the work failed");
        check_totals(&task, DEPTH);
        let failed_cost = Usd::from_cents((DEPTH / 2) as i64 + 1);
        assert_eq!(task.totals().failed_cost(), failed_cost);
        scopes.iter().rev().for_each(Scope::finish);
        assert!(task.is_closed());
        check_totals(&task, DEPTH);
        assert_eq!(task.totals().failed_cost(), failed_cost);
    });
}

#[test]
fn a_chain_of_agents_is_closed_from_the_outermost() {
    on_a_small_stack(|| {
        let ledger = Ledger::builder().late_limit(Duration::ZERO).build();
        let task = ledger.task(TaskSpec::new("t"));
        let scopes = chain(&task, DEPTH, |parent| parent.agent("a"));
        task.set_outcome(Outcome::success());
        task.finish();
        ledger.close_overdue();
        assert!(scopes.iter().all(Scope::is_closed));
        assert_eq!(task.totals().calls(), DEPTH as u64);
        assert_eq!(depth(&task.record()), 128);
    });
}

#[test]
fn a_chain_of_tasks_has_one_record_of_each_and_can_be_dropped() {
    on_a_small_stack(|| {
        let task = Ledger::builder().report_records(u32::MAX).build().task(TaskSpec::new("t"));
        let scopes = chain(&task, 2_000, |parent| parent.task(TaskSpec::new("inner")));
        check_totals(&task, 2_000);
        scopes.iter().rev().for_each(Scope::finish);
        check_totals(&task, 2_000);
        // Only the innermost task keeps the others alive.
        let innermost = scopes.into_iter().next_back().unwrap();
        drop(task);
        drop(innermost);
    });
}

#[test]
fn records_of_nested_tasks_are_shared_and_not_copied() {
    let task = Ledger::builder().report_records(u32::MAX).build().task(TaskSpec::new("t"));
    let mut scopes = vec![task];
    for _ in 0..100 {
        scopes.push(scopes.last().unwrap().task(TaskSpec::new("inner")));
    }
    let innermost = scopes.last().unwrap();
    for _ in 0..1_000 {
        innermost.open_call_unchecked().settle(call());
    }
    let used = allocation_counter::measure(|| scopes.iter().rev().for_each(Scope::finish));
    assert!(used.count_total < 5_000, "{} allocations for 101 tasks around 1,000 calls", used.count_total);
}

/// Returns how long it takes to close this many steps of one task, the newest first.
fn closing(siblings: usize) -> Duration {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let steps: Vec<Scope> = (0..siblings).map(|_| task.step(StepKind::Tool, "s")).collect();
    let started = Instant::now();
    steps.iter().rev().for_each(Scope::finish);
    let took = started.elapsed();
    assert_eq!(task.record().children.len(), siblings.min(1_000));
    took
}

#[test]
fn closing_siblings_takes_linear_time() {
    let least = |siblings| (0..5).map(|_| closing(siblings)).min().unwrap();
    let (few, many) = (least(2_000), least(64_000));
    // Quadratic growth would take a thousand times as long.
    assert!(many < few * 32 * 8, "2,000 in {few:?}, 64,000 in {many:?}");
}

#[test]
fn closed_siblings_are_reported_in_closing_order_and_open_ones_in_starting_order() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let steps: Vec<Scope> = (0..6).map(|number| task.step(StepKind::Tool, &number.to_string())).collect();
    [4, 0, 2].iter().for_each(|&at: &usize| steps[at].finish());
    let names = |record: ScopeRecord| -> Vec<String> {
        let name = |child: &Record| match child {
            Record::Scope(scope) => scope.name.to_string(),
            _ => String::new(),
        };
        record.children.iter().map(name).collect()
    };
    assert_eq!(names(task.record()), ["4", "0", "2", "1", "3", "5"]);
}
