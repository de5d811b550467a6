//! The maximum cost of a call: the amount that a budget reserves and at which an unanswered call settles.

use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, GuardrailConfiguration, GuardrailContentBlock, GuardrailContentSource,
    GuardrailTextBlock, ImageBlock, ImageFormat, ImageSource, Message,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::{Document, Number};
use bedrock_sim::{Fault, Operation, Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay::budget::{Amount, BudgetRule, Reserve};
use outlay::{Budget, CostStatus, Outcome, Usd};
use outlay_tests::{
    HAIKU, HELLO_TOKENS, Harness, SONNET, SharedBudgets, Streamed, call_spans, client_config, converse, haiku, user,
};

use super::at_most;

/// The maximum number of tokens of an image.
const IMAGE: i64 = 6_000;
/// The size of a photo of 3.75 MB.
const PHOTO: usize = 3_750_000;

fn photo() -> Message {
    let image = ImageBlock::builder().format(ImageFormat::Png).source(ImageSource::Bytes(Blob::new(vec![7; PHOTO])));
    Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Image(image.build().unwrap()))
        .content(ContentBlock::Text("hello".to_owned()))
        .build()
        .unwrap()
}

/// Returns a native Claude body with that photo.
fn native_photo() -> String {
    let data = "A".repeat(PHOTO.div_ceil(3) * 4);
    format!(
        r#"{{"max_tokens":200,"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}},{{"type":"text","text":"hello"}}]}}]}}"#
    )
}

async fn poll_and_drop<T>(call: impl Future<Output = T>) {
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err(), "the simulator answered");
}

#[tokio::test]
async fn a_photo_is_bounded_as_an_image_and_not_by_its_bytes_in_each_operation() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::hang());
    let task = h.outlay.task("t").budget(Usd::from_dollars(5)).start();
    let call = h.client.converse().model_id(SONNET).messages(photo()).inference_config(at_most(200));
    task.run(poll_and_drop(call.send())).await;
    let body = native_photo();
    let text = i64::try_from(body.len() - PHOTO.div_ceil(3) * 4).unwrap();
    let call = h.client.invoke_model().model_id(SONNET).body(Blob::new(body));
    task.run(poll_and_drop(call.send())).await;
    let spans = h.spans();
    let costs: Vec<_> = call_spans(&spans).iter().map(|call| call.int("outlay.cost.picousd").unwrap()).collect();
    let output = 200 * 16_500_000;
    assert_eq!(costs, [(HELLO_TOKENS + 16 + IMAGE) * 3_300_000 + output, (1_024 + text + IMAGE) * 3_300_000 + output]);
    let report = task.finish(Outcome::abandoned());
    assert_eq!(report.budget().unwrap().spent, Usd::from_picos(costs.iter().map(|cost| i128::from(*cost)).sum()));
}

#[tokio::test]
async fn a_vision_call_is_not_refused_because_of_the_bytes_of_its_photo() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::message().text("a cat").usage(Tokens::new(1_600, 50)));
    let task = h.outlay.task("t").budget(Usd::from_cents(5)).start();
    let call = h.client.invoke_model().model_id(SONNET).body(Blob::new(native_photo()));
    task.run(call.send()).await.expect("its actual cost is $0.006");
    let call = h.client.converse().model_id(SONNET).messages(photo()).inference_config(at_most(200));
    task.run(call.send()).await.expect("it costs the same with Converse");
}

/// An interceptor that replaces the serialized body, as the signers of gateways do.
#[derive(Debug)]
struct ReplaceBody(&'static str);

#[dyn_dispatch_hint]
impl Intercept for ReplaceBody {
    fn name(&self) -> &'static str {
        "ReplaceBody"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *context.request_mut().body_mut() = SdkBody::from(self.0);
        Ok(())
    }
}

#[tokio::test]
async fn a_replaced_body_is_bounded_by_its_own_content() {
    let h = Harness::new().await;
    h.sim.push(Reply::hang());
    let other: &'static str =
        format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{}"}}]}}]}}"#, "x".repeat(9_000)).leak();
    let call = haiku(&h.client).inference_config(at_most(10)).customize().interceptor(ReplaceBody(other));
    let task = h.outlay.task("t").start();
    task.run(poll_and_drop(call.send())).await;
    let bound = (1_024 + i64::try_from(other.len()).unwrap()) * 1_100_000 + 10 * 5_500_000;
    assert_eq!(call_spans(&h.spans())[0].int("outlay.cost.picousd"), Some(bound));
}

#[derive(Debug)]
struct RaiseMaxTokens;

#[dyn_dispatch_hint]
impl Intercept for RaiseMaxTokens {
    fn name(&self) -> &'static str {
        "RaiseMaxTokens"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input: &mut ConverseInput = context.input_mut().downcast_mut().expect("the call is a Converse call");
        input.inference_config = Some(at_most(5_000));
        Ok(())
    }
}

#[tokio::test]
async fn a_limit_raised_by_an_interceptor_sets_the_bound() {
    for downgrades in [false, true] {
        // If refused calls may be downgraded, the input is read before other interceptors change it.
        let h = Harness::with(|builder| if downgrades { builder.on_refusal(|_| None) } else { builder }).await;
        h.sim.push(Reply::hang());
        let call = haiku(&h.client).inference_config(at_most(10)).customize().interceptor(RaiseMaxTokens);
        let task = h.outlay.task("t").start();
        task.run(poll_and_drop(call.send())).await;
        let cost = call_spans(&h.spans())[0].int("outlay.cost.picousd").unwrap();
        assert!((5_000 * 5_500_000..5_500 * 5_500_000).contains(&cost), "{downgrades}: {cost}");
    }
}

#[tokio::test]
async fn the_bound_counts_the_maximum_of_each_requested_answer() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::hang());
    let task = h.outlay.task("t").start();
    for (limits, output) in [
        (r#""max_tokens":100,"n":3"#, 300),
        (r#""max_tokens":100,"num_generations":2"#, 200),
        (r#""max_tokens":100"#, 100),
        (r#""n":2"#, 2 * 4_096),
        // The greater of two limits applies, and each candidate is generated in full.
        (r#""max_tokens":10,"max_completion_tokens":50000"#, 50_000),
        (r#""max_tokens":100,"n":1,"best_of":5"#, 500),
        (r#""max_tokens":10,"max_tokens":60000"#, 60_000),
    ] {
        let body = format!(r#"{{{limits},"messages":[]}}"#);
        let bytes = i64::try_from(body.len()).unwrap();
        task.run(poll_and_drop(h.client.invoke_model().model_id(HAIKU).body(Blob::new(body)).send())).await;
        let spans = h.spans();
        let cost = call_spans(&spans).last().unwrap().int("outlay.cost.picousd");
        assert_eq!(cost, Some((1_024 + bytes) * 1_100_000 + output * 5_500_000), "{limits}");
    }
}

#[tokio::test]
async fn a_limit_in_additional_model_request_fields_sets_the_bound() {
    let h = Harness::new().await;
    h.sim.push(Reply::hang());
    let field = |name: &str, count| (name.to_owned(), Document::Number(Number::PosInt(count)));
    let fields = Document::Object([field("max_tokens", 50_000), field("n", 4)].into_iter().collect());
    let call = haiku(&h.client).inference_config(at_most(10)).additional_model_request_fields(fields);
    let task = h.outlay.task("t").start();
    task.run(poll_and_drop(call.send())).await;
    let cost = call_spans(&h.spans())[0].int("outlay.cost.picousd").unwrap();
    assert!((200_000 * 5_500_000..201_000 * 5_500_000).contains(&cost), "4 answers of 50,000 tokens: {cost}");
}

#[tokio::test]
async fn a_broken_stream_settles_at_the_output_that_its_budget_assumed() {
    for (budget, output) in [
        (Some(Budget::new(Usd::from_dollars(100)).assume_output(64_000)), 64_000),
        (Some(Budget::new(Usd::from_dollars(100)).assume_output(200)), 200),
        (Some(Budget::calls(5).assume_output(9)), 4_096),
        (None, 4_096),
    ] {
        let h = Harness::new().await;
        h.sim.push(Reply::message().text("hello").usage(Tokens::new(10, 10)).fault(Fault::TruncateAfterFrames(1)));
        let task = h.outlay.task("t");
        let task = match budget {
            Some(budget) => task.budget(budget).start(),
            None => task.start(),
        };
        task.run(outlay_tests::read_stream(&h.client, Operation::ConverseStream, HAIKU)).await;
        let cost = call_spans(&h.spans())[0].int("outlay.cost.picousd");
        assert_eq!(cost, Some(HELLO_TOKENS * 1_100_000 + output * 5_500_000), "{budget:?}");
    }
}

#[tokio::test]
async fn a_bounded_call_spends_the_tokens_of_its_bound() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::message().text("hello").usage(Tokens::new(10, 10)).fault(Fault::TruncateAfterFrames(2)));
    let task = h.outlay.task("t").budget(Budget::tokens(12_000)).start();
    let mut sent = 0;
    for _ in 0..20 {
        let call = h.client.converse_stream().model_id(HAIKU).messages(user("hello")).inference_config(at_most(4_000));
        if let Ok(mut out) = task.run(call.send()).await {
            sent += 1;
            task.run(async { while let Ok(Some(_)) = out.stream.recv().await {} }).await;
        }
    }
    assert_eq!(sent, 2, "each may have used {} tokens", HELLO_TOKENS + 4_000);
    let spent = task.finish(Outcome::failure()).budget().unwrap().spent;
    assert_eq!(spent, Amount::Tokens(2 * (HELLO_TOKENS as u64 + 4_000)));
}

#[tokio::test]
async fn a_lost_attempt_counts_against_a_token_budget() {
    let h = Harness::new().await;
    h.sim.push(Reply::reset());
    h.sim.push(Reply::message().text("hello").usage(Tokens::new(900, 10)));
    let task = h.outlay.task("t").budget(Budget::tokens(100_000)).start();
    task.run(haiku(&h.client).inference_config(at_most(500)).send()).await.unwrap();
    let spent = task.finish(Outcome::success()).budget().unwrap().spent;
    assert_eq!(spent, Amount::Tokens(910 + HELLO_TOKENS as u64 + 500));
}

/// The price of a unit of denied topics or of content filters, in pico-dollars.
const UNIT: i64 = 150_000_000;

#[tokio::test]
async fn a_lost_attempt_of_a_guardrail_is_bounded_by_its_units() {
    let h = Harness::new().await;
    h.sim.push(Reply::reset());
    let task = h.outlay.task("t").start();
    let text = GuardrailContentBlock::Text(GuardrailTextBlock::builder().text("hello").build().unwrap());
    let call = h.client.apply_guardrail().guardrail_identifier("g").guardrail_version("1");
    task.run(call.source(GuardrailContentSource::Input).content(text).send()).await.unwrap();
    let cost = task.totals().cost();
    assert_eq!(cost.status(), CostStatus::Bounded);
    assert!(cost.usd().unwrap().picos() >= i128::from(4 * UNIT), "{cost}");
}

#[tokio::test]
async fn a_lost_attempt_of_a_guarded_call_adds_the_units_of_its_guardrail() {
    let cost = async |guarded: bool| {
        let h = Harness::new().await;
        let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let client = Client::from_conf(client_config(&h.sim.url()).retry_config(retry).build()).metered(&h.outlay);
        h.sim.push(Reply::reset());
        let trace = serde_json::json!({"guardrail": {"inputAssessment": {"g": {"invocationMetrics": {"usage":
            {"topicPolicyUnits": 0}}}}, "outputAssessments": {"g": [{"invocationMetrics": {"usage": {"topicPolicyUnits": 0}}}]}}});
        h.sim.push(Reply::message().text("hello").usage(Tokens::new(10, 10)).trace(trace));
        let guardrail = GuardrailConfiguration::builder().guardrail_identifier("g").guardrail_version("1").build();
        let task = h.outlay.task("t").start();
        let call = haiku(&client).inference_config(at_most(100)).set_guardrail_config(guarded.then_some(guardrail));
        task.run(call.send()).await.unwrap();
        task.totals().cost().usd().unwrap()
    };
    let (bare, guarded) = (cost(false).await, cost(true).await);
    assert!(guarded - bare >= Usd::from_picos(i128::from(4 * UNIT)), "{bare} and {guarded}");
}

/// Returns 40,000 characters of English. They are about 11,440 tokens of Haiku; the bound counts one token per character.
fn long_prompt() -> String {
    "word ".repeat(8_000)
}

#[tokio::test]
async fn a_budget_that_reserves_the_expected_cost_admits_more_concurrent_calls() {
    for (reserve, at_once) in [(Reserve::Bound, 2), (Reserve::Expected, 6)] {
        let h = Harness::new().await;
        h.sim.otherwise(|_| Reply::hang());
        let task = h.outlay.task("t").budget(Budget::new(Usd::from_cents(10)).reserve(reserve)).start();
        let call = || h.client.converse().model_id(HAIKU).messages(user(&long_prompt())).inference_config(at_most(10));
        let mut open = Vec::new();
        for _ in 0..8 {
            let mut call = Box::pin(task.run(call().send()));
            // A refused call is ready at once.
            if tokio::time::timeout(Duration::from_millis(20), &mut call).await.is_err() {
                open.push(call);
            }
        }
        assert_eq!(open.len(), at_once, "{reserve:?}");
        drop(open);
    }
}

#[tokio::test]
async fn the_expected_cost_follows_measured_usage_and_never_exceeds_the_bound() {
    let h = Harness::new().await;
    let smallest_budget = async |h: &Harness| {
        for tokens in (1_000..45_000).step_by(100) {
            let budget = Budget::tokens(tokens).reserve(Reserve::Expected);
            let task = h.outlay.task("probe").budget(budget).start();
            h.sim.push(Reply::hang());
            let call = h.client.converse().model_id(HAIKU).messages(user(&long_prompt())).inference_config(at_most(1));
            if tokio::time::timeout(Duration::from_millis(20), task.run(call.send())).await.is_err() {
                return tokens;
            }
        }
        u64::MAX
    };
    let first = smallest_budget(&h).await;
    // The vendor's estimate for the text plus a quarter.
    assert!((14_000..15_000).contains(&first), "{first}");
    let h = Harness::new().await;
    // More tokens per character than English, as in languages of other scripts.
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(30_000, 2)));
    converse(&h.client, HAIKU).set_messages(Some(vec![user(&long_prompt())])).send().await.unwrap();
    let second = smallest_budget(&h).await;
    assert!((37_000..38_500).contains(&second), "{second}");
    let h = Harness::new().await;
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(400_000, 2)));
    converse(&h.client, HAIKU).set_messages(Some(vec![user(&long_prompt())])).send().await.unwrap();
    let bound = smallest_budget(&h).await;
    assert!((41_000..41_200).contains(&bound), "{bound}");
}

#[tokio::test]
async fn a_shared_budget_reserves_the_expected_cost() {
    let reserved = async |reserve| {
        let store = SharedBudgets::default();
        let rule = BudgetRule::new("fleet", Budget::new(Usd::from_dollars(1)).reserve(reserve));
        let shared = store.clone();
        let h = Harness::with(|builder| builder.budget_store(shared).budget_rule(rule)).await;
        h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(10, 10)));
        let task = h.outlay.task("t").budget(Usd::from_cents(100)).start();
        let call = h.client.converse().model_id(HAIKU).messages(user(&long_prompt())).inference_config(at_most(1));
        task.run(call.send()).await.unwrap();
        store.first_reserved()
    };
    let (bound, expected) = (reserved(Reserve::Bound).await, reserved(Reserve::Expected).await);
    assert!(expected.units() * 2 < bound.units(), "{expected} of {bound}");
}

#[tokio::test]
async fn a_dropped_stream_with_a_guardrail_is_drained_to_its_trace() {
    let h = Harness::with(|builder| builder.on_dropped_stream(outlay::bedrock::DroppedStream::Drain)).await;
    let assessment = serde_json::json!({"invocationMetrics": {"usage": {"contentPolicyUnits": 1}}});
    let chunks = [
        serde_json::json!({"type": "message_start", "message": {"usage": {"input_tokens": 1_000, "output_tokens": 1}}}),
        serde_json::json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}}),
        serde_json::json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 500}}),
        serde_json::json!({"type": "message_stop", "amazon-bedrock-trace": {"guardrail": {"input": {"g": assessment},
            "outputs": [{"g": assessment}]}}, "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1_000, "outputTokenCount": 500}}),
    ];
    h.sim.push(Reply::chunks(chunks).pace(Duration::from_millis(10)));
    let task = h.outlay.task("t").start();
    let call = h.client.invoke_model_with_response_stream().model_id(HAIKU).guardrail_identifier("g");
    let out = task.run(call.guardrail_version("1").body(Blob::new("{}")).send()).await.unwrap();
    let mut stream = Streamed::Invoke(Box::new(out));
    // The counts have arrived, the guardrail's trace has not.
    stream.read(3).await;
    drop(stream);
    outlay_tests::eventually("the drain ends", || task.totals().pending_calls() == 0).await;
    let expected = 1_000 * 1_100_000 + 500 * 5_500_000 + 2 * UNIT;
    assert_eq!(task.totals().cost().usd(), Some(Usd::from_picos(expected.into())));
    assert_eq!(task.totals().cost().status(), CostStatus::Exact);
}
