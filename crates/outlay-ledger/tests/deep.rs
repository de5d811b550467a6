//! Trees that are very deep or very wide.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that panics has failed, as it should")]
#![allow(clippy::disallowed_methods, reason = "a ratio of times is what is tested")]

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

/// On a stack that holds no more than a few hundred calls.
fn on_a_small_stack(test: fn()) {
    thread::Builder::new().stack_size(256 << 10).spawn(test).unwrap().join().unwrap();
}

/// A chain of so many scopes below a task, with a call in each.
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

fn holds(task: &Scope, calls: usize) {
    let totals = task.totals();
    assert_eq!((totals.calls(), totals.exact()), (calls as u64, Usd::from_cents(calls as i64)));
    let record = task.record();
    assert_eq!(record.totals.calls(), calls as u64);
    assert_eq!(depth(&record), 128, "deeper than that nobody reads");
}

#[test]
fn a_chain_of_agents_is_read_and_closed_from_the_inside() {
    on_a_small_stack(|| {
        let task = Ledger::builder().report_records(u32::MAX).build().task(TaskSpec::new("t"));
        let scopes = chain(&task, DEPTH, |parent| parent.agent("a"));
        scopes[DEPTH / 2].fail("half of it was for nothing");
        holds(&task, DEPTH);
        let wasted = Usd::from_cents((DEPTH / 2) as i64 + 1);
        assert_eq!(task.totals().failed_cost(), wasted);
        scopes.iter().rev().for_each(Scope::finish);
        assert!(task.is_closed());
        holds(&task, DEPTH);
        assert_eq!(task.totals().failed_cost(), wasted);
    });
}

#[test]
fn a_chain_of_agents_is_closed_from_the_outside() {
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
fn a_chain_of_tasks_has_one_record_of_each_and_is_dropped_in_the_end() {
    on_a_small_stack(|| {
        let task = Ledger::builder().report_records(u32::MAX).build().task(TaskSpec::new("t"));
        let scopes = chain(&task, 2_000, |parent| parent.task(TaskSpec::new("inner")));
        holds(&task, 2_000);
        scopes.iter().rev().for_each(Scope::finish);
        holds(&task, 2_000);
        // The last one alone holds those around it.
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
    let begun = Instant::now();
    steps.iter().rev().for_each(Scope::finish);
    let took = begun.elapsed();
    assert_eq!(task.record().children.len(), siblings.min(1_000));
    took
}

#[test]
fn siblings_close_in_a_time_that_grows_as_they_do() {
    let least = |siblings| (0..5).map(|_| closing(siblings)).min().unwrap();
    let (few, many) = (least(2_000), least(64_000));
    // By the square it would be a thousand times as long.
    assert!(many < few * 32 * 8, "2,000 in {few:?}, 64,000 in {many:?}");
}

#[test]
fn siblings_are_reported_in_the_order_in_which_they_settled_and_open_ones_in_that_of_their_start() {
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
