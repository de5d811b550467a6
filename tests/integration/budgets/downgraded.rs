//! Calls that a budget refuses and that are downgraded: sent to a cheaper model or with fewer tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use bedrock_sim::{Reply, Tokens};
use outlay::budget::{Amount, BudgetExceeded, BudgetRule, Downgrade};
use outlay::policy::{Policy, PolicyRule, StopTarget};
use outlay::{Budget, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, call_spans, converse, haiku, invoke, user};
use serde_json::json;

use super::at_most;

const NOVA: &str = "us.amazon.nova-micro-v1:0";

async fn downgrading(
    decide: impl Fn(&BudgetExceeded) -> Option<Downgrade> + Send + Sync + 'static,
) -> (Harness, Arc<AtomicU32>) {
    let decisions = Arc::new(AtomicU32::new(0));
    let counter = decisions.clone();
    let decide = move |refused: &BudgetExceeded| {
        counter.fetch_add(1, Ordering::SeqCst);
        decide(refused)
    };
    let h = Harness::with(|builder| builder.on_refusal(decide)).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(100, 10)));
    (h, decisions)
}

/// Returns the model and the body of each request.
fn requests(h: &Harness) -> Vec<(String, serde_json::Value)> {
    h.sim.requests().iter().map(|request| (request.model_id.clone(), request.json())).collect()
}

#[tokio::test]
async fn a_refused_call_goes_to_a_cheaper_model_and_is_charged_at_its_price() {
    let (h, decisions) = downgrading(|refused| (refused.model() == HAIKU).then(|| Downgrade::to_model(NOVA))).await;
    // 1,000 output tokens cost $0.0055 with Haiku and $0.00014 with Nova Micro.
    let task = h.outlay.task("t").budget(Usd::from_micros(4_000)).start();
    task.run(haiku(&h.client).inference_config(at_most(100)).send()).await.unwrap();
    task.run(haiku(&h.client).inference_config(at_most(1_000)).send()).await.unwrap();
    let stream = h.client.converse_stream().model_id(HAIKU).messages(user("hello")).inference_config(at_most(1_000));
    let mut stream = task.run(stream.send()).await.unwrap().stream;
    while stream.recv().await.unwrap().is_some() {}

    assert_eq!(decisions.load(Ordering::SeqCst), 2);
    let requests = requests(&h);
    assert_eq!(requests.iter().map(|(model, _)| &**model).collect::<Vec<_>>(), [HAIKU, NOVA, NOVA]);
    let report = task.finish(Outcome::success());
    assert_eq!(report.refusals().len(), 0, "the downgraded call was sent");
    assert_eq!(report.budget().unwrap().refused, 0);
    let spans = h.spans();
    spans.assert_conserved();
    let models: Vec<_> = call_spans(&spans)
        .iter()
        .map(|span| (span.text("gen_ai.request.model").unwrap(), span.text("outlay.call.degraded_from")))
        .collect();
    assert_eq!(models, [(HAIKU, None), (NOVA, Some(HAIKU)), (NOVA, Some(HAIKU))]);
}

#[tokio::test]
async fn downgrading_lowers_max_tokens_and_never_raises_it() {
    let (h, _) = downgrading(|_| Some(Downgrade::to_max_tokens(200))).await;
    let task = h.outlay.task("t").budget(Usd::from_micros(4_000)).start();
    let config = InferenceConfiguration::builder().temperature(0.5).max_tokens(2_000).build();
    task.run(haiku(&h.client).inference_config(config).send()).await.unwrap();
    task.run(haiku(&h.client).send()).await.unwrap();
    let inference: Vec<_> = requests(&h).into_iter().map(|(_, body)| body["inferenceConfig"].clone()).collect();
    assert_eq!(inference, [json!({"maxTokens": 200, "temperature": 0.5}), json!({"maxTokens": 200})]);

    // A call that already has fewer tokens is refused.
    let task = h.outlay.task("t").budget(Usd::from_micros(1_500)).start();
    let error = task.run(haiku(&h.client).inference_config(at_most(150)).send()).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some());
    assert_eq!(task.finish(Outcome::failure()).refusals().len(), 1);
}

#[tokio::test]
async fn a_call_that_cannot_be_downgraded_is_refused_once() {
    // Each alternative is too expensive.
    let (h, decisions) = downgrading(|refused| {
        let other = if refused.model() == HAIKU { "us.anthropic.claude-sonnet-4-6" } else { HAIKU };
        Some(Downgrade::to_model(other))
    })
    .await;
    let task = h.outlay.task("t").budget(Usd::from_micros(10)).start();
    let error = task.run(haiku(&h.client).send()).await.unwrap_err();
    assert_eq!(outlay::budget_exceeded(&error).unwrap().limit(), Usd::from_micros(10));
    assert_eq!(decisions.load(Ordering::SeqCst), 3, "once for each downgrade that changes the call");
    // A native body is never changed.
    assert!(task.run(invoke(&h.client, HAIKU).send()).await.is_err());
    assert_eq!(decisions.load(Ordering::SeqCst), 3);
    assert!(h.sim.requests().is_empty());
    let report = task.finish(Outcome::failure());
    assert_eq!(report.refusals().len(), 2, "one refusal for each call");
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(call_spans(&spans).len(), 2);
    assert!(h.outlay.stop(StopTarget::workflow("w"), "enough"));
    let stopped = h.outlay.task("t").workflow("w").budget(Usd::from_micros(10)).start();
    let error = stopped.run(haiku(&h.client).send()).await.unwrap_err();
    assert!(outlay::stopped(&error).is_some());
    assert_eq!(stopped.non_budget_refusals().unwrap().calls, 1, "a stop is never downgraded");
    assert_eq!(decisions.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_observing_budget_counts_a_downgraded_call_once() {
    let (h, _) = downgrading(|refused| (refused.model() == HAIKU).then(|| Downgrade::to_model(NOVA))).await;
    let watched = BudgetRule::new("watched", Budget::tokens(1).observe());
    h.outlay.set_budget_rules(vec![watched, BudgetRule::new("hard", Usd::from_micros(4_000))]);
    let task = h.outlay.task("t").budget(Budget::calls(1).observe()).start();
    task.run(converse(&h.client, HAIKU).inference_config(at_most(1_000)).send()).await.unwrap();
    let status = task.finish(Outcome::success()).budget().unwrap();
    assert_eq!((status.would_refuse, status.refused), (0, 0));
    let metrics = h.metrics();
    let would_refuse = metrics.iter().find(|point| point.name == "outlay.budget.would_refuse").unwrap();
    assert_eq!((would_refuse.value, would_refuse.attribute("outlay.budget.name")), (1.0, Some("watched")));
}

#[tokio::test]
async fn a_config_override_does_not_make_a_call_count_twice_in_its_budget() {
    let (h, decisions) = downgrading(|_| Some(Downgrade::to_model(NOVA))).await;
    let task = h.outlay.task("t").budget(Budget::calls(1)).start();
    let call = haiku(&h.client).customize().config_override(h.client.config().to_builder());
    task.run(call.send()).await.unwrap();
    assert_eq!(decisions.load(Ordering::SeqCst), 0);
    assert_eq!(requests(&h)[0].0, HAIKU);
    assert_eq!(task.finish(Outcome::success()).budget().unwrap().refused, 0);
}

#[tokio::test]
async fn no_output_tokens_are_reserved_for_an_embedding() {
    let h = Harness::new().await;
    h.sim.push(Reply::json(json!({"embedding": [0.0], "inputTextTokenCount": 3})));
    let task = h.outlay.task("t").budget(Budget::tokens(2_000)).start();
    let body = Blob::new(br#"{"inputText":"hello"}"#);
    let call = h.client.invoke_model().model_id("amazon.titan-embed-text-v2:0").body(body);
    task.run(call.send()).await.unwrap();
    assert_eq!(task.finish(Outcome::success()).budget().unwrap().spent, Amount::Tokens(3));
}

#[tokio::test]
async fn a_refused_call_is_not_downgraded_to_a_forbidden_model() {
    let (h, decisions) = downgrading(|_| Some(Downgrade::to_model(NOVA))).await;
    h.outlay.set_policy(Policy::new().rule(PolicyRule::new("models").allow_model("anthropic.*").enforce()));
    let task = h.outlay.task("t").budget(Usd::from_micros(10)).start();
    let error = task.run(haiku(&h.client).send()).await.unwrap_err();
    assert_eq!(outlay::budget_exceeded(&error).map(BudgetExceeded::model), Some(HAIKU));
    assert_eq!(decisions.load(Ordering::SeqCst), 1);
    assert!(h.sim.requests().is_empty());
}
