//! Tasks with more records than a report has lines.

use outlay_ledger::{Outcome, StepKind};
use outlay_price::{Charge, Usd};

use crate::fixture::{Fixture, HAIKU, SONNET, UNICODE, call, report, usage};

#[test]
fn two_thousand_calls_fit_on_a_page() {
    let fixture = Fixture::with_records(10_000);
    let task = fixture.task("index-everything");
    let agent = task.agent("indexer");
    for batch in 0..20 {
        let step = agent.step(StepKind::Tool, &format!("batch {batch}"));
        for i in 0..100 {
            let model = if i % 10 == 0 { SONNET } else { HAIKU };
            fixture.call(&step, 30, call(model, usage(100 * (batch + 1), 10 + i)));
        }
        step.finish();
    }
    agent.finish();
    task.set_outcome(Outcome::success());
    task.finish();
    let text = report(&task).render(UNICODE);
    assert!(text.lines().count() <= 30);
    insta::assert_snapshot!(text, @r"
    index-everything  success  $3.547500  exact   2,000 calls   1m00s

                           cost  share     in tok  read      out   time
    agent indexer     $3.547500   100%  2,100,000     0  119,000   1m00s
    ├─ tool  batch 0   0.051975   1.5%     10,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 1   0.065175   1.8%     20,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 2   0.078375   2.2%     30,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 3   0.091575   2.6%     40,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 4   0.104775   3.0%     50,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 5   0.117975   3.3%     60,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 6   0.131175   3.7%     70,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 7   0.144375   4.1%     80,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 8   0.157575   4.4%     90,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 9   0.170775   4.8%    100,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 10  0.183975   5.2%    110,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 11  0.197175   5.6%    120,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 12  0.210375   5.9%    130,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 13  0.223575   6.3%    140,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 14  0.236775   6.7%    150,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 15  0.249975   7.0%    160,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 16  0.263175   7.4%    170,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 17  0.276375   7.8%    180,000     0    5,950   3.0s  (100 calls)
    ├─ tool  batch 18  0.289575   8.2%    190,000     0    5,950   3.0s  (100 calls)
    └─ tool  batch 19  0.302775   8.5%    200,000     0    5,950   3.0s  (100 calls)

    by model      haiku-4-5 $2.673000 (75%)   sonnet-4-5 $0.874500 (25%)
    by direction  input 78%   output 22%
    sure of       exact $3.547500   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
}

#[test]
fn a_flat_task_shows_its_most_expensive_calls_in_order() {
    let fixture = Fixture::new();
    let task = fixture.task("chat");
    for i in 0..2_000_u64 {
        fixture.call(&task, 30, call(HAIKU, usage(100 + i * 7_919 % 1_000, 50)));
        if i % 500 == 0 {
            task.charge("search", Charge::external(Usd::from_micros(700)));
        }
    }
    task.finish();
    let text = report(&task).render(UNICODE);
    insta::assert_snapshot!(text, @r"
    chat  abandoned  $1.871700  exact   2,000 calls   1m00s

                                     cost  share     in tok  read      out   time
    task chat                   $1.871700   100%  1,199,000     0  100,000   1m00s
    ├─ chat us.claude-haiku-4-5  0.001477   0.1%      1,093     0       50
    ├─ chat us.claude-haiku-4-5  0.001481   0.1%      1,096     0       50
    ├─ chat us.claude-haiku-4-5  0.001484   0.1%      1,099     0       50
    ├─ chat us.claude-haiku-4-5  0.001476  <0.1%      1,092     0       50
    ├─ chat us.claude-haiku-4-5  0.001479   0.1%      1,095     0       50
    ├─ chat us.claude-haiku-4-5  0.001483   0.1%      1,098     0       50
    ├─ chat us.claude-haiku-4-5  0.001478   0.1%      1,094     0       50
    ├─ chat us.claude-haiku-4-5  0.001482   0.1%      1,097     0       50
    └─ … 1,996 more              1.859860  99.3%  1,190,236     0   99,600   1,992 calls

    by model      haiku-4-5 $1.868900 (100%)   external $0.002800 (<1%)
    by direction  input 71%   output 29%   external <1%
    sure of       exact $1.871700   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
}

#[test]
fn a_deep_task_stays_within_the_page() {
    let fixture = Fixture::new();
    let task = fixture.task("recursion");
    let mut scope = task.agent("level 0");
    for level in 1..40 {
        scope = scope.agent(&format!("level {level}"));
    }
    fixture.call(&scope, 100, call(SONNET, usage(1_000, 100)));
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    recursion  running  $0.004950  exact   1 call

                                                cost  share  in tok  read  out   time
    agent level 0                          $0.004950   100%   1,000     0  100   running
    └─ agent  level 1                       0.004950   100%   1,000     0  100   running
       └─ agent  level 2                    0.004950   100%   1,000     0  100   running
          └─ agent  level 3                 0.004950   100%   1,000     0  100   running
             └─ agent  level 4              0.004950   100%   1,000     0  100   running
                └─ agent  level 5           0.004950   100%   1,000     0  100   running
                   └─ agent  level 6        0.004950   100%   1,000     0  100   running
                      └─ agent  level 7     0.004950   100%   1,000     0  100   running
                         └─ agent  level 8  0.004950   100%   1,000     0  100   running  (1 call)

    by model      sonnet-4-5 $0.004950 (100%)
    by direction  input 67%   output 33%
    sure of       exact $0.004950   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    ");
}

#[test]
fn many_models_share_a_line_and_add_up() {
    let fixture = Fixture::new();
    let task = fixture.task("comparison");
    for i in 0..30 {
        fixture.call(&task, 10, call(&format!("custom.model-{i}"), usage(10, 10)));
    }
    for (model, output) in [(SONNET, 100), (HAIKU, 100), ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", 90)] {
        fixture.call(&task, 10, call(model, usage(10, output)));
    }
    task.finish();
    let text = report(&task).render(UNICODE);
    let models: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("by model")).take(2).collect();
    insta::assert_snapshot!(models.join("\n"), @r"
    by model      us.claude-sonnet-4-5 $0.001683 (46%)   global.claude-sonnet-4-5 $0.001380 (38%)
                  haiku-4-5 $0.000561 (16%)   model-0 unpriced   model-1 unpriced   … 28 more unpriced
    ");
}

#[test]
fn elided_records_are_in_the_rest() {
    // The agent reserves its place when it opens, which leaves places for its records.
    let fixture = Fixture::with_records(5);
    let task = fixture.task("small memory");
    let agent = task.agent("worker");
    for _ in 0..6 {
        fixture.call(&agent, 10, call(HAIKU, usage(1_000, 10)));
    }
    fixture.call(&agent, 10, call("custom.my-model-v1:0", usage(1_000, 10)));
    agent.charge("search", Charge::external(Usd::from_micros(700)));
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    small memory  running  ≥$0.007630  1 call unpriced   7 calls

                                      cost  share  in tok  read  out   time
    agent worker                ≥$0.007630   100%   7,000     0   70   running
    ├─ chat us.claude-haiku-4-5   0.001155  15.2%   1,000     0   10
    ├─ chat us.claude-haiku-4-5   0.001155  15.1%   1,000     0   10
    ├─ chat us.claude-haiku-4-5   0.001155  15.1%   1,000     0   10
    ├─ chat us.claude-haiku-4-5   0.001155  15.1%   1,000     0   10
    └─ … 4 more                  ≥0.003010  39.5%   3,000     0   30   3 calls

    by model      haiku-4-5 $0.006930 (91%)   my-model unpriced   external $0.000700 (9%)
    by direction  input 87%   output 4%   external 9%
    sure of       exact $0.007630   estimated $0   bounded $0   unpriced 1 call   prices 2026-11-28
    ");
    agent.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    small memory  running  ≥$0.007630  1 call unpriced   7 calls

                                      cost  share  in tok  read  out   time
    agent worker                ≥$0.007630   100%   7,000     0   70   0.1s
    ├─ chat us.claude-haiku-4-5   0.001155  15.2%   1,000     0   10
    ├─ chat us.claude-haiku-4-5   0.001155  15.1%   1,000     0   10
    ├─ chat us.claude-haiku-4-5   0.001155  15.1%   1,000     0   10
    ├─ chat us.claude-haiku-4-5   0.001155  15.1%   1,000     0   10
    └─ … 4 more                  ≥0.003010  39.5%   3,000     0   30   3 calls

    by model      haiku-4-5 $0.006930 (91%)   my-model unpriced   external $0.000700 (9%)
    by direction  input 87%   output 4%   external 9%
    sure of       exact $0.007630   estimated $0   bounded $0   unpriced 1 call   prices 2026-11-28
    ");
}
