//! Operations that AWS does not bill. They have spans but do not count as calls in the ledger.

use aws_sdk_bedrockruntime::types::{ConverseTokensRequest, CountTokensInput};
use bedrock_sim::Reply;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, user};

use super::cost;

#[tokio::test]
async fn free_operations_have_spans_and_cost_nothing() {
    let h = Harness::new().await;
    // A budget of zero admits them.
    let task = h.outlay.task("t").budget(Usd::ZERO).start();
    task.run(async {
        let request = ConverseTokensRequest::builder().messages(user("hello")).build();
        let count = h.client.count_tokens().model_id(HAIKU).input(CountTokensInput::Converse(request));
        assert!(count.send().await.unwrap().input_tokens > 0);
        h.client.list_async_invokes().send().await.unwrap();
        h.client.get_async_invoke().invocation_arn("arn:aws:bedrock:us-east-1:1:async-invoke/x").send().await.unwrap();
    })
    .await;
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().calls(), 0);
    assert_eq!(report.totals().cost().to_string(), "$0.000000 exact");
    let spans = h.spans();
    spans.assert_conserved();
    let root = spans.one("invoke_workflow t");
    for name in [
        format!("count_tokens {HAIKU}"),
        "list_async_invokes async-invoke".to_owned(),
        "get_async_invoke async-invoke".to_owned(),
    ] {
        let call = spans.one(&name);
        assert_eq!(cost(call), (Some(0), "exact"), "{name}");
        assert_eq!(spans.parent(call).unwrap().id(), root.id(), "{name}");
    }
    assert!(h.metrics().iter().all(|point| point.name != "outlay.cost"), "nothing was spent");
}

#[tokio::test]
async fn a_failed_free_operation_is_an_error_and_costs_nothing() {
    let h = Harness::new().await;
    h.sim.push_times(3, Reply::throttled());
    let task = h.outlay.task("t").start();
    task.run(h.client.list_async_invokes().send()).await.unwrap_err();
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().failed_calls()), (0, 0));
    let spans = h.spans();
    let call = spans.one("list_async_invokes async-invoke");
    assert!(call.is_error());
    assert_eq!(cost(call), (Some(0), "exact"));
}

#[tokio::test]
async fn a_recorded_free_operation_is_no_call() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run_sync(|| outlay::call(HAIKU).operation(outlay::otel::Operation::CountTokens).record());
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().cost().to_string()), (0, "$0.000000 exact".to_owned()));
    assert!(h.spans().one(&format!("count_tokens {HAIKU}")).text("outlay.task.id").is_some());
}

#[tokio::test]
async fn a_recorded_guardrail_is_named_by_the_text_in_place_of_the_model() {
    let h = Harness::new().await;
    h.outlay.task("t").start().run_sync(|| {
        outlay::call("gr-abc").operation(outlay::otel::Operation::ApplyGuardrail).record();
    });
    let spans = h.spans();
    assert_eq!(spans.starting("apply_guardrail")[0].text("aws.bedrock.guardrail.id"), Some("gr-abc"));
}
