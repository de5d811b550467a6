//! What a call is held to.
#![allow(missing_docs)]

use outlay_ledger::{Amount, Ask, Budget, BudgetRule, Ledger, TaskSpec};

#[test]
fn a_rule_that_is_given_twice_holds_a_call_once() {
    let rule = BudgetRule::new("all", Budget::calls(1));
    let task = Ledger::builder().budget_rule(rule.clone()).budget_rule(rule).build().task(TaskSpec::new("t"));
    let model = "m".into();
    let ask = Ask {
        model: &model,
        input: 0,
        max_output: None,
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| None,
    };
    let open = task.open_call(&ask).expect("there is room for one");
    let refused = task.open_call(&ask).expect_err("and for no other").to_string();
    assert!(refused.contains(&format!("{} is reserved", Amount::Calls(1))), "{refused}");
    drop(open);
}
