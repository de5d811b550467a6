//! A property test: the scripts and the ledger's own budgets give the same answers.

use outlay_ledger::{BudgetRule, Ledger, PendingCall, TaskSpec};
use outlay_price::Charge;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::calls::{begin, ledger, picos, record, settings, task};
use crate::server::Server;

#[derive(Clone, Debug)]
enum Step {
    Open(i128),
    /// The index of an open call, and its cost.
    Settle(usize, i128),
    Drop(usize),
    Charge(i128),
}

/// Generates amounts from single pico-dollars to far beyond 64 bits, including the range around 2^53.
fn amount() -> impl Strategy<Value = i128> {
    let around = |center: i128| (center - 3)..(center + 3);
    prop_oneof![0_i128..20, around(1 << 53), around(999_999_999_999), around(1 << 63), around(1 << 80)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => amount().prop_map(Step::Open),
        3 => (any::<usize>(), amount()).prop_map(|(index, cost)| Step::Settle(index, cost)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => amount().prop_map(Step::Charge),
    ];
    proptest::collection::vec(step, 1..30)
}

#[test]
fn a_budget_on_redis_answers_like_one_in_the_process() {
    let Some(server) = Server::start(&[]) else { return };
    let runtime = Runtime::new().unwrap();
    let budgets = runtime.block_on(settings(&server).connect()).unwrap();
    let case = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(steps(), amount(), amount()), |(steps, limit, more)| {
        case.set(case.get() + 1);
        let rule = BudgetRule::new(&format!("case {}", case.get()), picos(limit + more));
        let in_process = Ledger::builder().report_records(0).budget_rule(rule.clone()).build().task(TaskSpec::new("t"));
        let on_redis = task(ledger(&budgets, rule));
        let (mut in_process_calls, mut redis_calls): (Vec<PendingCall>, Vec<PendingCall>) = Default::default();
        for step in steps {
            match step {
                Step::Open(max) => {
                    let expected = begin(&in_process, &"m".into(), picos(max));
                    let found = runtime.block_on(crate::calls::open(&on_redis, picos(max)));
                    match (expected, found) {
                        (Ok(expected), Ok(found)) => {
                            in_process_calls.push(expected);
                            redis_calls.push(found);
                        }
                        (Err(expected), Err(found)) => {
                            prop_assert_eq!((expected.spent(), expected.reserved()), (found.spent(), found.reserved()));
                            prop_assert_eq!(expected.reason(), found.reason());
                        }
                        (expected, found) => prop_assert!(false, "{expected:?} in the process, {found:?} on Redis"),
                    }
                }
                Step::Settle(index, cost) if !in_process_calls.is_empty() => {
                    let index = index % in_process_calls.len();
                    in_process_calls.swap_remove(index).settle(record(picos(cost)));
                    redis_calls.swap_remove(index).settle(record(picos(cost)));
                }
                Step::Drop(index) if !in_process_calls.is_empty() => {
                    let index = index % in_process_calls.len();
                    drop((in_process_calls.swap_remove(index), redis_calls.swap_remove(index)));
                }
                Step::Settle(..) | Step::Drop(_) => {}
                Step::Charge(cost) => {
                    for scope in [&in_process, &on_redis] {
                        scope.charge("c", Charge::external(picos(cost)));
                    }
                }
            }
            // Waits until background settlements are written.
            prop_assert!(runtime.block_on(budgets.flush(std::time::Duration::from_secs(10))));
        }
        Ok(())
    });
    result.unwrap();
}
