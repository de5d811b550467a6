//! Tests of the ledger's memory use.
#![allow(missing_docs)]

use allocation_counter::measure;
use outlay_ledger::{Budget, BudgetRule, CallRecord, Ledger, Period, Scope, StepKind, TaskSpec};
use outlay_price::{Charge, Usage, Usd};
use std::time::SystemTime;

fn call(model: &std::sync::Arc<str>) -> CallRecord {
    CallRecord::answered(
        model.clone(),
        Usage::new().with_uncached_input(1_000),
        Charge::external(Usd::from_micros(5)),
        SystemTime::UNIX_EPOCH,
    )
}

#[test]
fn an_open_scope_uses_at_most_one_kibibyte() {
    let ledger = Ledger::builder().report_records(0).build();
    let task = ledger.task(TaskSpec::new("t"));
    let agent = task.agent("a");
    let model = std::sync::Arc::from("m");
    let mut step = None;
    let used = measure(|| {
        let open = agent.step(StepKind::Act, "draft the reply");
        open.open_call_unchecked().settle(call(&model));
        step = Some(open);
    });
    assert!(used.bytes_current <= 1_024, "{} bytes", used.bytes_current);
    drop(step);
}

#[test]
fn a_finished_task_leaves_no_memory_allocated() {
    let ledger = Ledger::default();
    let model = std::sync::Arc::from("m");
    let run = || {
        let task = ledger.task(TaskSpec::new("t"));
        let agent = task.agent("a");
        let step = agent.step(StepKind::Plan, "p");
        for _ in 0..10 {
            step.open_call_unchecked().settle(call(&model));
            step.charge("search", Charge::external(Usd::from_micros(5)));
        }
        for scope in [&step, &agent, &task] {
            Scope::finish(scope);
        }
    };
    run();
    let used = measure(|| (0..1_000).for_each(|_| run()));
    assert_eq!(used.bytes_current, 0);
}

#[test]
fn a_second_charge_in_a_scope_allocates_only_its_name() {
    let ledger = Ledger::builder().report_records(0).build();
    let task = ledger.task(TaskSpec::new("t"));
    let step = task.agent("a").step(StepKind::Act, "s");
    step.charge("search", Charge::external(Usd::from_micros(5)));
    let used = measure(|| (0..100).for_each(|_| drop(step.charge("search", Charge::external(Usd::from_micros(5))))));
    assert!(used.count_total <= 2 * 100, "{} allocations", used.count_total);
    assert_eq!(used.bytes_current, 0);
}

#[test]
fn a_kept_budget_of_a_rule_uses_at_most_half_a_kibibyte() {
    let rule = BudgetRule::new("talk", Budget::new(Usd::from_dollars(1))).per("conversation").every(Period::Month);
    let ledger = Ledger::builder().budget_rule(rule).build();
    let model = std::sync::Arc::from("m");
    let spend = |number: u32| {
        let task = ledger.task(TaskSpec::new("t").conversation(&format!("conversation {number:016}")));
        task.open_call_unchecked().settle(call(&model));
        task.charge("search", Charge::external(Usd::from_micros(5)));
        task.finish();
    };
    spend(0);
    const BUDGETS: u32 = 14_000;
    let used = measure(|| (1..=BUDGETS).for_each(spend));
    let each = used.bytes_current / i64::from(BUDGETS);
    assert!((200..=512).contains(&each), "{each} bytes");
}
