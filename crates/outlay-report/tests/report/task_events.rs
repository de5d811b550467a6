//! Events of a task: budgets, nesting, failures, retries.

use std::sync::Arc;

use outlay_ledger::{Ask, Budget, CallRecord, Outcome, StepKind, TaskSpec};
use outlay_price::{CacheTtl, Charge, CostStatus, Usage, Usd};
use outlay_report::Style;

use crate::fixture::{Fixture, HAIKU, SONNET, UNICODE, attempt, call, error, report, usage, with_status};

#[test]
fn a_budget_reports_refusals_and_overspending() {
    let fixture = Fixture::new();
    let spec = TaskSpec::new("too dear").budget(Budget::new(Usd::from_cents(1)));
    let task = fixture.ledger.task(spec);
    let step = task.step(StepKind::Act, "write a book");
    fixture.call(&step, 9_000, call(SONNET, usage(1_000, 500)));
    for model in [SONNET, SONNET, HAIKU] {
        let model: Arc<str> = model.into();
        let bound = |output: u64| Some(Usd::from_picos(15_000_000).saturating_mul(output));
        let max_output = (&*model == HAIKU).then_some(64_000);
        step.open_call(&Ask {
            model: &model,
            input: 0,
            max_output,
            is_turn: true,
            has_model: true,
            is_trial: false,
            bound: &bound,
        })
        .unwrap_err();
    }
    let model: Arc<str> = "custom.my-model-v1:0".into();
    step.open_call(&Ask {
        model: &model,
        input: 0,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| None,
    })
    .unwrap_err();
    step.finish();
    task.set_outcome(Outcome::failure());
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    too dear  failure  $0.011550  exact   1 call   9.0 s   over budget, 116% of $0.01

                                      cost  share  in tok  read  out   time
    act write a book             $0.011550   100%   1,000     0  500   9.0s
    └─ chat us.claude-sonnet-4-5  0.011550   100%   1,000     0  500

    by model      sonnet-4-5 $0.011550 (100%)
    by direction  output 71%   input 29%
    sure of       exact $0.011550   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    refused       4 calls by the budget
                  sonnet-4-5 ×2 may cost $0.061440, $0 left (no max_tokens: 4,096 assumed)
                  haiku-4-5 ×1 may cost $0.960000, $0 left   my-model ×1 has no price
    ");

    let text = report(&task).render(Style { colour: true, ..UNICODE });
    assert!(text.contains("\x1b[31mover budget, 116% of $0.01\x1b[0m"), "{text}");
    assert!(text.contains("\x1b[31mfailure\x1b[0m"), "{text}");
}

#[test]
fn a_task_inside_a_task_is_a_branch() {
    let fixture = Fixture::new();
    let task = fixture.task("outer");
    fixture.call(&task, 100, call(HAIKU, usage(100, 10)));
    let inner = task.step(StepKind::Other("delegate".into()), "to the other team").task(TaskSpec::new("inner"));
    let agent = inner.agent("worker");
    fixture.call(&agent, 2_000, call(SONNET, usage(5_000, 100)));
    agent.finish();
    inner.set_outcome(Outcome::success());
    inner.finish();
    task.set_outcome(Outcome::success());
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    outer  success  $0.018315  exact   2 calls

                                               cost  share  in tok  read  out   time
    task outer                            $0.018315   100%   5,100     0  110   running
    ├─ chat us.claude-haiku-4-5            0.000165   0.9%     100     0   10
    └─ delegate  to the other team         0.018150  99.1%   5,000     0  100   running
       └─ task  inner                      0.018150  99.1%   5,000     0  100   2.0s
          └─ agent  worker                 0.018150  99.1%   5,000     0  100   2.0s
             └─ chat us.claude-sonnet-4-5  0.018150  99.1%   5,000     0  100

    by model      sonnet-4-5 $0.018150 (99%)   haiku-4-5 $0.000165 (1%)
    by direction  input 91%   output 9%
    sure of       exact $0.018315   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
    assert!(report(&inner).render(UNICODE).starts_with("inner  success  $0.018150  exact   1 call   2.0 s"));
}

#[test]
fn wasted_cost_is_listed_by_cause() {
    let fixture = Fixture::new();
    let task = fixture.task("unlucky");
    let agent = task.agent("a");
    let act = agent.step(StepKind::Act, "first try");
    fixture.call(&act, 100, call(SONNET, usage(3_000, 300)));
    act.fail("wrong\nlanguage");
    act.finish();
    let retry = agent.step(StepKind::Retry, "attempt 2");
    let throttled = || CallRecord {
        failed: true,
        attempts: vec![attempt(429), attempt(429), error(Some(429), "ThrottlingException")],
        charge: Charge::free(),
        ..call(SONNET, Usage::new())
    };
    fixture.call(&retry, 100, throttled());
    retry.fail("throttled");
    retry.finish();
    let verify = agent.step(StepKind::Verify, "facts");
    let reset =
        CallRecord { failed: true, attempts: vec![error(Some(200), "StreamReset")], ..call(HAIKU, usage(900, 700)) };
    fixture.call(&verify, 100, with_status(reset, CostStatus::Bounded));
    fixture.call(&verify, 100, throttled());
    verify.finish();
    agent.finish();
    task.set_outcome(Outcome::failure());
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    unlucky  failure  ≤$0.019690  bounded   4 calls, 8 attempts   0.4 s

                                                    cost  share  in tok    out   time
    agent a                                   ≤$0.019690   100%   3,900  1,000   0.4s
    ├─ act     first try  ✗ failed              0.014850  75.4%   3,000    300   0.1s  wrong language
    │  └─ chat us.claude-sonnet-4-5             0.014850  75.4%   3,000    300
    ├─ retry   attempt 2  ✗ failed              0.000000   0.0%       0      0   0.1s  throttled
    │  └─ chat us.claude-sonnet-4-5  ✗ failed   0.000000   0.0%       0      0   ThrottlingException…
    └─ verify  facts                           ≤0.004840  24.6%     900    700   0.2s
       ├─ chat us.claude-haiku-4-5  ✗ failed   ≤0.004840  24.6%     900    700   StreamReset  bounded
       └─ chat us.claude-sonnet-4-5  ✗ failed   0.000000   0.0%       0      0   ThrottlingException…

    by model      sonnet-4-5 $0.014850 (75%)   haiku-4-5 $0.004840 (25%)
    by direction  input 55%   output 45%
    wasted        ≤$0.019690 (100%)   $0.014850 under act first try, then asked again
                  ≤$0.004840 in 2 failed calls
    sure of       exact $0.014850   estimated $0   bounded $0.004840   unpriced 0 calls
                  prices 2026-11-28
    ");
}

#[test]
fn a_cache_that_costs_more_than_it_saves_is_reported() {
    let fixture = Fixture::new();
    let task = fixture.task("cold cache");
    fixture.call(&task, 10, call(SONNET, Usage::new().with_cache_write(CacheTtl::OneHour, 10_000)));
    task.finish();
    let text = report(&task).render(UNICODE);
    assert!(text.contains("caching       cost $0.033000 more than it saved"), "{text}");
    assert!(text.contains("by direction  cache write 100%"), "{text}");
}

#[test]
fn equal_attempts_in_a_row_are_counted() {
    let fixture = Fixture::new();
    let task = fixture.task("patience");
    for attempts in [&[429, 429, 200][..], &[429, 429, 429, 503, 200], &[500, 429, 500, 429, 500, 429, 500, 200]] {
        let attempts = attempts.iter().map(|status| attempt(*status)).collect();
        fixture.call(&task, 10, CallRecord { attempts, ..call(HAIKU, usage(1_000, 100)) });
    }
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    patience  abandoned  $0.004950  exact   3 calls, 16 attempts   30 ms

                                     cost  share  in tok  out   time
    task patience               $0.004950   100%   3,000  300   30ms
    ├─ chat us.claude-haiku-4-5  0.001650  33.4%   1,000  100   ↻ 3 attempts: 429, 429, 200
    ├─ chat us.claude-haiku-4-5  0.001650  33.3%   1,000  100   ↻ 5 attempts: 429 ×3, 503, 200
    └─ chat us.claude-haiku-4-5  0.001650  33.3%   1,000  100   ↻ 8 attempts: …, 500, 429, 500, 429…

    by model      haiku-4-5 $0.004950 (100%)
    by direction  input 67%   output 33%
    sure of       exact $0.004950   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
}

#[test]
fn a_refused_call_is_not_counted_and_shows_no_tokens() {
    let fixture = Fixture::new();
    let task = fixture.ledger.task(TaskSpec::new("t"));
    let refused = || {
        let mut refused = call(SONNET, Usage::new());
        (refused.refused, refused.failed, refused.attempts) = (true, true, Vec::new());
        refused
    };
    let plan = task.step(StepKind::Plan, "what next");
    fixture.call(&plan, 10, refused());
    plan.fail("returned an error");
    plan.finish();
    let act = task.step(StepKind::Act, "write");
    fixture.call(&act, 9_000, call(SONNET, usage(1_000, 500)));
    fixture.call(&act, 10, refused());
    act.finish();
    task.set_outcome(Outcome::success());
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    t  success  $0.011550  exact   1 call   9.0 s

                                         cost  share  in tok  read  out   time
    task t                          $0.011550   100%   1,000     0  500   9.0s
    ├─ plan  what next  ✗ failed     0.000000   0.0%                      10ms  returned an error
    │  └─ chat us.claude-sonnet-4-5  0.000000   0.0%                      refused
    └─ act   write                   0.011550   100%   1,000     0  500   9.0s
       ├─ chat us.claude-sonnet-4-5  0.011550   100%   1,000     0  500
       └─ chat us.claude-sonnet-4-5  0.000000   0.0%                      refused

    by model      sonnet-4-5 $0.011550 (100%)
    by direction  output 71%   input 29%
    sure of       exact $0.011550   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
    insta::assert_snapshot!(report(&task).render(Style { max_lines: 12, ..UNICODE }), @r"
    t  success  $0.011550  exact   1 call   9.0 s

                                         cost  share  in tok  read  out   time
    task t                          $0.011550   100%   1,000     0  500   9.0s
    ├─ plan  what next  ✗ failed     0.000000   0.0%                      10ms  returned an error
    │  └─ chat us.claude-sonnet-4-5  0.000000   0.0%                      refused
    └─ act   write                   0.011550   100%   1,000     0  500   9.0s  (1 call, 1 refused)

    by model      sonnet-4-5 $0.011550 (100%)
    by direction  output 71%   input 29%
    sure of       exact $0.011550   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
}
