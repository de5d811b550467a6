//! Amounts that are unknown, bounds or very small.

use outlay_ledger::{CallRecord, Outcome, StepKind};
use outlay_price::{Charge, CostStatus, Usage, Usd};
use outlay_report::Style;

use crate::fixture::{Fixture, HAIKU, SONNET, UNICODE, call, error, report, usage, with_status};

#[test]
fn an_empty_task_is_reported_as_empty() {
    let fixture = Fixture::new();
    let task = fixture.task("nothing");
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    nothing  abandoned  $0.000000  exact   0 calls   0.0 s

    nothing was called and nothing charged
    ");
}

#[test]
fn a_cost_without_a_price_is_never_zero() {
    let fixture = Fixture::new();
    let task = fixture.task("all unknown");
    let step = task.step(StepKind::Tool, "own model");
    fixture.call(&step, 100, call("custom.my-model-v1:0", usage(1_000, 50)));
    fixture.call(
        &step,
        100,
        CallRecord {
            failed: true,
            attempts: vec![error(None, "timeout")],
            ..call("custom.my-model-v1:0", Usage::new())
        },
    );
    step.charge("a favour", Charge::unpriced());
    step.finish();
    let other = task.agent("second");
    fixture.call(&other, 100, call("custom.my-model-v1:0", usage(7, 7)));
    other.finish();
    task.set_outcome(Outcome::failure());
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    all unknown  failure  unpriced   3 calls   0.3 s

                                       cost  share  in tok  read  out   time
    task all unknown               unpriced          1,007     0   57   0.3s
    ├─ tool   own model            unpriced          1,000     0   50   0.2s
    │  ├─ chat my-model            unpriced          1,000     0   50   no price
    │  ├─ chat my-model  ✗ failed  unpriced              ?     ?    ?   timeout  usage unknown
    │  └─ charge a favour          unpriced                             no price
    └─ agent  second               unpriced              7     0    7   0.1s
       └─ chat my-model            unpriced              7     0    7   no price

    by model      my-model unpriced
    wasted        unpriced in 1 failed call
    sure of       exact $0   estimated $0   bounded $0   unpriced 3 calls
    ");
}

#[test]
fn bounds_are_marked() {
    let fixture = Fixture::new();
    let task = fixture.task("half known");
    let step = task.step(StepKind::Act, "a broken stream");
    let broken = CallRecord {
        streamed: true,
        failed: true,
        attempts: vec![error(Some(200), "StreamReset")],
        ..call(SONNET, usage(1_000, 4_096))
    };
    fixture.call(&step, 900, with_status(broken, CostStatus::Bounded));
    step.finish();
    let step = task.step(StepKind::Act, "left early");
    fixture.call(&step, 900, with_status(call(SONNET, usage(1_000, 40)), CostStatus::Estimated));
    step.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    half known  running  ≤$0.074844  bounded   2 calls

                                                    cost  share  in tok    out   time
    task half known                           ≤$0.074844   100%   2,000  4,136   running
    ├─ act  a broken stream                    ≤0.070884  94.7%   1,000  4,096   0.9s
    │  └─ chat us.claude-sonnet-4-5  ✗ failed  ≤0.070884  94.7%   1,000  4,096   StreamReset  bounded…
    └─ act  left early                          0.003960   5.3%   1,000     40   0.9s
       └─ chat us.claude-sonnet-4-5             0.003960   5.3%   1,000     40   estimated

    by model      sonnet-4-5 $0.074844 (100%)
    by direction  output 91%   input 9%
    wasted        ≤$0.070884 (95%) in 1 failed call
    sure of       exact $0   estimated $0.003960   bounded $0.070884   unpriced 0 calls
                  prices 2026-11-28
    ");

    let step = task.step(StepKind::Tool, "images");
    fixture.call(&step, 900, with_status(call(HAIKU, usage(1_000, 40)), CostStatus::Unpriced));
    fixture.call(&step, 900, call("stability.nobody-knows-v1:0", usage(0, 0)));
    step.finish();
    task.set_outcome(Outcome::success().value(Usd::from_cents(250)));
    task.finish();
    insta::assert_snapshot!(report(&task).render(Style::plain()), @r"
    half known  success worth $2.50  ~$0.076164  2 calls unpriced   4 calls   3.6 s

                                                     cost  share  in tok    out   time
    task half known                            ~$0.076164   100%   3,000  4,176   3.6s
    |- act   a broken stream                   <=0.070884  93.1%   1,000  4,096   0.9s
    |  `- chat us.claude-sonnet-4-5  x failed  <=0.070884  93.1%   1,000  4,096   StreamReset...
    |- act   left early                          0.003960   5.2%   1,000     40   0.9s
    |  `- chat us.claude-sonnet-4-5              0.003960   5.2%   1,000     40   estimated
    `- tool  images                            >=0.001320   1.7%   1,000     40   1.8s
       |- chat us.claude-haiku-4-5             >=0.001320   1.7%   1,000     40   partly unpriced
       `- chat nobody-knows                      unpriced              ?      ?   usage unknown

    by model      sonnet-4-5 $0.074844 (98%)   haiku-4-5 >=$0.001320 (2%)   nobody-knows unpriced
    by direction  output 90%   input 10%
    wasted        <=$0.070884 (93%) in 1 failed call
    sure of       exact $0   estimated $0.003960   bounded $0.070884
                  unpriced 2 calls ($0.001320 of it known)   prices 2026-11-28
    ");
}

#[test]
fn amounts_too_small_to_show_still_add_up() {
    let fixture = Fixture::new();
    let task = fixture.task("pennies");
    for i in 0..3 {
        task.charge(&format!("lookup {i}"), Charge::external(Usd::from_picos(333_333)));
    }
    task.charge("refund", Charge::external(Usd::from_picos(-1)));
    task.finish();
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    pennies  abandoned  $0.000001  exact   0 calls   0.0 s

                             cost  share  in tok  read  out   time
    task pennies        $0.000001   100%                      0.0s
    ├─ charge lookup 0   0.000001  33.4%
    ├─ charge lookup 1  <0.000001  33.3%
    ├─ charge lookup 2  <0.000001  33.3%
    └─ charge refund    <0.000001  <0.1%

    by model      external $0.000001 (100%)
    by direction  external 100%
    sure of       exact $0.000001   estimated $0   bounded $0   unpriced 0 calls
    ");
}

#[test]
fn open_calls_are_pending() {
    let fixture = Fixture::new();
    let task = fixture.task("live");
    let agent = task.agent("researcher");
    fixture.call(&agent, 700, call(HAIKU, usage(2_000, 100)));
    let step = agent.step(StepKind::Retrieve, "pages");
    let open = (step.open_call_unchecked(), agent.open_call_unchecked());
    insta::assert_snapshot!(report(&task).render(UNICODE), @r"
    live  running  ≥$0.002750  2 calls pending   1 call

                                      cost  share  in tok  read  out   time
    agent researcher            ≥$0.002750   100%   2,000     0  100   running  1 call pending
    ├─ chat us.claude-haiku-4-5   0.002750   100%   2,000     0  100
    └─ retrieve  pages             pending                             running  1 call pending

    by model      haiku-4-5 $0.002750 (100%)
    by direction  input 80%   output 20%
    sure of       exact $0.002750   estimated $0   bounded $0   unpriced 0 calls   prices 2026-11-28
    pending       2 calls have not ended: their cost is not in these figures
    ");
    drop(open);
}
