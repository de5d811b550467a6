//! Guardrail units of a separate guardrail call and of a guardrail around a model call.

use aws_sdk_bedrockruntime::operation::apply_guardrail::builders::ApplyGuardrailFluentBuilder;
use aws_sdk_bedrockruntime::operation::invoke_guardrail_checks::builders::InvokeGuardrailChecksFluentBuilder;
use aws_sdk_bedrockruntime::types::{
    GuardrailChecksConfig, GuardrailChecksContentBlock, GuardrailChecksContentFilterCategory,
    GuardrailChecksContentFilterCategoryConfig, GuardrailChecksContentFilterConfig, GuardrailChecksMessage,
    GuardrailChecksRole, GuardrailConfiguration, GuardrailContentBlock, GuardrailContentSource,
    GuardrailStreamConfiguration, GuardrailTextBlock,
};
use bedrock_sim::{Message, Operation, Reply, Tokens};
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, call_spans, haiku, invoke, user};
use serde_json::{Value, json};

use super::{cost, finished};

/// The cost of 1,000 input and 100 output tokens at the `us.` price of Haiku, in pico-dollars.
const INFERENCE: i64 = 1_000 * 1_100_000 + 100 * 5_500_000;
/// The price of a unit of denied topics or of content filters, in pico-dollars.
const UNIT: i64 = 150_000_000;

fn apply(h: &Harness, text: &str) -> ApplyGuardrailFluentBuilder {
    let text = GuardrailTextBlock::builder().text(text).build().unwrap();
    h.client
        .apply_guardrail()
        .guardrail_identifier("gr-1")
        .guardrail_version("1")
        .source(GuardrailContentSource::Input)
        .content(GuardrailContentBlock::Text(text))
}

#[tokio::test]
async fn a_separate_guardrail_call_is_charged_by_its_units() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    // 2,500 characters are three text units each of content filters and of denied topics.
    task.run(apply(&h, &"é".repeat(2_500)).send()).await.unwrap();
    let spans = finished(&h, &task);
    let call = spans.one("apply_guardrail gr-1");
    assert_eq!(cost(call), (Some(6 * UNIT), "exact"));
    assert_eq!(call.double("outlay.cost.other.usd"), Some(0.0009));
    assert_eq!(call.text("gen_ai.operation.name"), Some("apply_guardrail"));
    assert_eq!(call.text("aws.bedrock.guardrail.id"), Some("gr-1"));
    assert!(!call.has("gen_ai.request.model") && !call.has("gen_ai.usage.input_tokens"));
    assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(6 * UNIT));
}

#[tokio::test]
async fn a_throttled_guardrail_costs_nothing_and_an_unanswered_one_is_bounded() {
    let h = Harness::new().await;
    h.sim.push_times(3, Reply::throttled());
    let task = h.outlay.task("t").start();
    task.run(apply(&h, "hello").send()).await.unwrap_err();
    let spans = finished(&h, &task);
    assert_eq!(cost(spans.one("apply_guardrail gr-1")), (Some(0), "exact"));

    let h = Harness::new().await;
    h.sim.push(Reply::hang());
    let task = h.outlay.task("t").start();
    task.run(async {
        let call = apply(&h, "hello").send();
        tokio::select! {
            _ = call => panic!("the simulator answered"),
            _ = h.sim.wait_for(1) => {}
        }
    })
    .await;
    let spans = finished(&h, &task);
    let (picos, status) = cost(spans.one("apply_guardrail gr-1"));
    assert_eq!(status, "bounded");
    assert!(picos >= Some(2 * UNIT), "{picos:?}");
}

#[tokio::test]
async fn a_guardrail_answer_without_usage_is_bounded_and_an_unknown_policy_is_unpriced() {
    for (usage, expected) in [(json!(null), "bounded"), (json!({"fresheningPolicyUnits": 2}), "unpriced")] {
        let h = Harness::new().await;
        h.sim.push(Reply::json(json!({"usage": usage, "action": "NONE", "outputs": [], "assessments": []})));
        let task = h.outlay.task("t").start();
        let _ = task.run(apply(&h, "hello").send()).await;
        assert_eq!(cost(finished(&h, &task).one("apply_guardrail gr-1")).1, expected);
    }
}

#[tokio::test]
async fn a_budget_refuses_a_guardrail_that_may_exceed_it() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Usd::from_micros(100)).start();
    let error = task.run(apply(&h, &"x".repeat(100_000)).send()).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some(), "{error:?}");
    assert!(h.sim.requests().is_empty());
    let task = h.outlay.task("t").budget(Usd::from_cents(1)).start();
    task.run(apply(&h, "hello").send()).await.unwrap();
    assert_eq!(task.finish(Outcome::success()).budget().unwrap().reserved, Usd::ZERO);
}

#[tokio::test]
async fn guardrail_checks_are_unpriced() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(check(&h, "hello").send()).await.unwrap();
    assert_eq!(cost(finished(&h, &task).one("apply_guardrail checks")), (None, "unpriced"));
}

#[tokio::test]
async fn guardrail_checks_are_charged_by_the_unit_price_of_a_price_file() {
    let h = Harness::new().await;
    // A row replaces the whole bundled row, for every policy.
    let text = "[[price]]\nmodel = \"guardrails\"\nunits = { \"guardrail_unit[contentFilter]\" = \"0.0002\" }";
    h.outlay.set_prices(outlay::Prices::from_toml(text).unwrap());
    let task = h.outlay.task("t").start();
    task.run(check(&h, &"x".repeat(2_500)).send()).await.unwrap();
    assert_eq!(cost(finished(&h, &task).one("apply_guardrail checks")), (Some(600_000_000), "exact"));
}

/// Returns a check for violence.
fn check(h: &Harness, text: &str) -> InvokeGuardrailChecksFluentBuilder {
    let category = GuardrailChecksContentFilterCategoryConfig::builder()
        .category(GuardrailChecksContentFilterCategory::Violence)
        .build()
        .unwrap();
    let filter = GuardrailChecksContentFilterConfig::builder().categories(category).build().unwrap();
    let message = GuardrailChecksMessage::builder()
        .role(GuardrailChecksRole::User)
        .content(GuardrailChecksContentBlock::Text(text.to_owned()))
        .build()
        .unwrap();
    let checks = GuardrailChecksConfig::builder().content_filter(filter).build();
    h.client.invoke_guardrail_checks().messages(message).checks(checks)
}

fn assessment(units: u64) -> Value {
    let usage = json!({"topicPolicyUnits": units, "contentPolicyUnits": units, "wordPolicyUnits": units});
    json!({"invocationMetrics": {"guardrailProcessingLatency": 10, "usage": usage}})
}

/// Returns a trace in the form of the operation's answer.
fn trace(operation: Operation, input: Option<u64>, outputs: &[u64]) -> Value {
    let inputs = input.map_or_else(|| json!({}), |units| json!({"gr-1": assessment(units)}));
    let outputs = outputs.iter().map(|units| assessment(*units));
    match operation {
        Operation::Converse | Operation::ConverseStream => {
            let outputs: Vec<_> = outputs.collect();
            let outputs = if outputs.is_empty() { json!({}) } else { json!({"gr-1": outputs}) };
            json!({"guardrail": {"inputAssessment": inputs, "outputAssessments": outputs}})
        }
        _ => {
            let outputs: Vec<_> = outputs.map(|assessment| json!({"gr-1": assessment})).collect();
            json!({"guardrail": {"input": inputs, "outputs": outputs}})
        }
    }
}

fn answer() -> Message {
    Reply::message().text("ok").usage(Tokens::new(1_000, 100))
}

/// Makes a call with a guardrail and reads it to its end.
async fn call_with_guardrail(h: &Harness, operation: Operation) {
    let guardrail = GuardrailConfiguration::builder().guardrail_identifier("gr-1").guardrail_version("1").build();
    match operation {
        Operation::Converse => drop(haiku(&h.client).guardrail_config(guardrail).send().await.unwrap()),
        Operation::ConverseStream => {
            let guardrail = GuardrailStreamConfiguration::builder().guardrail_identifier("gr-1").guardrail_version("1");
            let call = h.client.converse_stream().model_id(HAIKU).messages(user("hello"));
            let mut stream = call.guardrail_config(guardrail.build()).send().await.unwrap().stream;
            while stream.recv().await.unwrap().is_some() {}
        }
        Operation::InvokeModel => {
            let call = invoke(&h.client, HAIKU).guardrail_identifier("gr-1").guardrail_version("1");
            drop(call.send().await.unwrap());
        }
        _ => {
            let call = h.client.invoke_model_with_response_stream().model_id(HAIKU);
            let call = call.guardrail_identifier("gr-1").guardrail_version("1");
            let body = aws_sdk_bedrockruntime::primitives::Blob::new(outlay_tests::NATIVE_BODY);
            let mut stream = call.body(body).send().await.unwrap().body;
            while stream.recv().await.unwrap().is_some() {}
        }
    }
}

/// Returns the cost and status of a guarded call with this reply, and whether its counts are marked as doubtful.
async fn cost_of(operation: Operation, reply: impl Into<Reply>) -> (Option<i64>, String, bool) {
    let h = Harness::new().await;
    h.sim.push(reply);
    let task = h.outlay.task("t").start();
    task.run(call_with_guardrail(&h, operation)).await;
    let spans = finished(&h, &task);
    let call = call_spans(&spans)[0];
    assert_eq!(call.text("aws.bedrock.guardrail.id"), Some("gr-1"));
    let (picos, status) = cost(call);
    (picos, status.to_owned(), call.has("outlay.usage.doubt"))
}

#[tokio::test]
async fn the_units_in_a_trace_are_charged_in_addition_to_the_tokens() {
    for operation in Operation::TURNS {
        let reply = answer().trace(trace(operation, Some(1), &[2, 1]));
        let expected = (Some(INFERENCE + 8 * UNIT), "exact".to_owned(), false);
        assert_eq!(cost_of(operation, reply).await, expected, "{operation}");
    }
}

#[tokio::test]
async fn a_guardrail_that_blocks_the_input_is_charged_without_inference() {
    for operation in Operation::TURNS {
        for (usage, status) in [(Tokens::new(0, 0), "exact"), (Tokens::new(1_000, 100), "estimated")] {
            let reply = Reply::message().text("blocked").usage(usage).stop_reason("guardrail_intervened");
            let reply = reply.trace(trace(operation, Some(3), &[]));
            let expected = (Some(6 * UNIT), status.to_owned(), status == "estimated");
            assert_eq!(cost_of(operation, reply).await, expected, "{operation}");
        }
    }
}

#[tokio::test]
async fn without_a_trace_zero_counts_of_a_blocked_input_are_not_doubted() {
    for operation in [Operation::Converse, Operation::ConverseStream] {
        let reply = Reply::message().text("blocked").usage(Tokens::new(0, 0)).stop_reason("guardrail_intervened");
        let (picos, status, is_doubted) = cost_of(operation, reply).await;
        assert_eq!((&*status, is_doubted), ("bounded", false), "{operation}: the units of the guardrail are unknown");
        assert!(picos > Some(0), "{operation}");
    }
}

#[tokio::test]
async fn a_guardrail_that_blocks_the_output_is_charged_twice_and_with_the_inference() {
    for operation in Operation::TURNS {
        let reply = answer().stop_reason("guardrail_intervened").trace(trace(operation, Some(1), &[1]));
        let expected = (Some(INFERENCE + 4 * UNIT), "exact".to_owned(), false);
        assert_eq!(cost_of(operation, reply).await, expected, "{operation}");
    }
}

#[tokio::test]
async fn without_a_trace_a_guardrail_is_bounded() {
    for operation in Operation::TURNS {
        for reply in [answer(), answer().trace(json!({"guardrail": {"inputAssessment": {"gr-1": {}}}}))] {
            let (picos, status, _) = cost_of(operation, reply).await;
            assert_eq!(status, "bounded", "{operation}");
            assert!(picos >= Some(INFERENCE + 4 * UNIT), "{operation}: {picos:?}");
        }
    }
}

#[tokio::test]
async fn a_guardrail_missing_from_the_request_is_bounded_if_it_intervened() {
    for operation in Operation::TURNS {
        for usage in [Tokens::new(0, 0), Tokens::new(1_000, 100)] {
            let h = Harness::new().await;
            h.sim.push(Reply::message().text("blocked").usage(usage).stop_reason("guardrail_intervened"));
            let task = h.outlay.task("t").start();
            task.run(async {
                match operation {
                    Operation::Converse => drop(haiku(&h.client).send().await),
                    Operation::InvokeModel => drop(invoke(&h.client, HAIKU).send().await),
                    _ => drop(outlay_tests::read_stream(&h.client, operation, HAIKU).await),
                }
            })
            .await;
            let spans = finished(&h, &task);
            let (picos, status) = cost(call_spans(&spans)[0]);
            assert!(picos > Some(0), "{operation}");
            assert_eq!(status, "bounded", "{operation}");
        }
    }
}

#[tokio::test]
async fn a_masked_input_is_charged_with_inference_and_a_blocked_one_without() {
    for (action, expected) in [("ANONYMIZED", Some(INFERENCE + 2 * UNIT)), ("BLOCKED", Some(2 * UNIT))] {
        let mut trace = trace(Operation::Converse, Some(1), &[]);
        trace["guardrail"]["inputAssessment"]["gr-1"]["sensitiveInformationPolicy"] =
            json!({"piiEntities": [{"type": "EMAIL", "action": action}, {"type": "NAME", "action": "NONE"}]});
        let reply = answer().stop_reason("guardrail_intervened").trace(trace);
        assert_eq!(cost_of(Operation::Converse, reply).await.0, expected, "{action}");
    }
}

#[tokio::test]
async fn a_throttled_call_is_charged_no_guardrail_units() {
    let h = Harness::new().await;
    h.sim.push_times(3, Reply::throttled());
    let guardrail = GuardrailConfiguration::builder().guardrail_identifier("gr-1").guardrail_version("1").build();
    let task = h.outlay.task("t").start();
    task.run(haiku(&h.client).guardrail_config(guardrail).send()).await.unwrap_err();
    assert_eq!(cost(finished(&h, &task).one(&format!("chat {HAIKU}"))), (Some(0), "exact"));
}
