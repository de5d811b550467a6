//! The scripts beside the ledger's own budgets: whatever is asked of both, both say the same.

use std::sync::Arc;

use outlay_ledger::{Ask, BudgetExceeded, BudgetRule, Ledger, PendingCall, Refusal, Scope, TaskSpec};
use outlay_price::{Charge, Usd};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::calls::{dollars, ledger, record, settings, task};
use crate::server::Server;

#[derive(Clone, Debug)]
enum Step {
    Open(i128),
    /// Which of the open ones, and what it comes to.
    Settle(usize, i128),
    Drop(usize),
    Charge(i128),
}

/// From single pico-dollars to amounts far beyond 64 bits, and around what a double still holds.
fn amount() -> impl Strategy<Value = i128> {
    let around = |center: i128| (center - 3)..(center + 3);
    prop_oneof![0_i128..20, around(1 << 53), around(999_999_999_999), around(1 << 63), around(1 << 80)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => amount().prop_map(Step::Open),
        3 => (any::<usize>(), amount()).prop_map(|(which, cost)| Step::Settle(which, cost)),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => amount().prop_map(Step::Charge),
    ];
    proptest::collection::vec(step, 1..30)
}

#[test]
fn a_budget_on_redis_admits_and_refuses_what_one_in_the_process_does_with_the_same_figures() {
    let Some(server) = Server::start(&[]) else { return };
    let runtime = Runtime::new().unwrap();
    let budgets = runtime.block_on(settings(&server).connect()).unwrap();
    let case = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let same = runner.run(&(steps(), amount(), amount()), |(steps, limit, more)| {
        case.set(case.get() + 1);
        let rule = BudgetRule::new(&format!("case {}", case.get()), dollars(limit + more));
        let in_process = Ledger::builder().report_records(0).budget_rule(rule.clone()).build().task(TaskSpec::new("t"));
        let on_redis = task(ledger(&budgets, rule));
        let (mut mine, mut others): (Vec<PendingCall>, Vec<PendingCall>) = Default::default();
        for step in steps {
            match step {
                Step::Open(most) => {
                    let expected = open(&in_process, dollars(most));
                    let found = runtime.block_on(crate::calls::open(&on_redis, dollars(most)));
                    match (expected, found) {
                        (Ok(expected), Ok(found)) => {
                            mine.push(expected);
                            others.push(found);
                        }
                        (Err(expected), Err(found)) => {
                            prop_assert_eq!((expected.spent(), expected.reserved()), (found.spent(), found.reserved()));
                            prop_assert_eq!(expected.reason(), found.reason());
                        }
                        (expected, found) => prop_assert!(false, "{expected:?} in the process, {found:?} on Redis"),
                    }
                }
                Step::Settle(which, cost) if !mine.is_empty() => {
                    let which = which % mine.len();
                    mine.swap_remove(which).settle(record(dollars(cost)));
                    others.swap_remove(which).settle(record(dollars(cost)));
                }
                Step::Drop(which) if !mine.is_empty() => {
                    let which = which % mine.len();
                    drop((mine.swap_remove(which), others.swap_remove(which)));
                }
                Step::Settle(..) | Step::Drop(_) => {}
                Step::Charge(cost) => {
                    for scope in [&in_process, &on_redis] {
                        scope.charge("c", Charge::external(dollars(cost)));
                    }
                }
            }
            // What is settled in the background is there for the next.
            prop_assert!(runtime.block_on(budgets.flush(std::time::Duration::from_secs(10))));
        }
        Ok(())
    });
    same.unwrap();
}

fn open(scope: &Scope, most: Usd) -> Result<PendingCall, BudgetExceeded> {
    let model: Arc<str> = "m".into();
    let ask = Ask {
        model: &model,
        input: 0,
        max_output: Some(1),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(most),
    };
    scope.open_call(&ask).map_err(|why| match why {
        Refusal::Budget(why) => why,
        other => panic!("{other}"),
    })
}
