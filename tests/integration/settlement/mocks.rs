//! The SDK's mocks, which supply an output without a response from the wire.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::operation::apply_guardrail::ApplyGuardrailOutput;
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::operation::count_tokens::CountTokensOutput;
use aws_sdk_bedrockruntime::operation::invoke_model::InvokeModelOutput;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::{
    CacheDetail, CacheTtl, ContentBlock, ConversationRole, ConverseOutput as OutputContent, ConverseTrace,
    CountTokensInput, GuardrailAction, GuardrailContentBlock, GuardrailContentSource, GuardrailTextBlock,
    GuardrailUsage, InvokeModelTokensRequest, Message, PromptRouterTrace, ServiceTier, ServiceTierType, StopReason,
    TokenUsage,
};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client, mock};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message as Frame};
use outlay::bedrock::Metered as _;
use outlay::{CostStatus, Outcome};
use outlay_tests::{HAIKU, HELLO_TOKENS, Harness, NATIVE_BODY, SONNET, client_config, haiku, user};

/// Returns a metered client that only this rule answers.
fn client(h: &Harness, rule: &Rule) -> Client {
    // Like `mock_client!`, with the configuration of these tests.
    let mocks = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny).with_rule(rule);
    let config = client_config("http://127.0.0.1:9").http_client(create_mock_http_client()).interceptor(mocks);
    Client::from_conf(config.build()).metered(&h.outlay)
}

fn content(text: &str) -> OutputContent {
    let message = Message::builder().role(ConversationRole::Assistant).content(ContentBlock::Text(text.to_owned()));
    OutputContent::Message(message.build().unwrap())
}

fn answer(usage: Option<TokenUsage>) -> ConverseOutput {
    let output = ConverseOutput::builder().output(content("found")).stop_reason(StopReason::EndTurn);
    output.set_usage(usage).build().unwrap()
}

fn usage(input: i32, output: i32) -> TokenUsage {
    TokenUsage::builder().input_tokens(input).output_tokens(output).total_tokens(input + output).build().unwrap()
}

#[tokio::test]
async fn a_mocked_output_is_charged_by_its_usage() {
    let h = Harness::new().await;
    let rule = mock!(Client::converse).then_output(|| answer(Some(usage(2_000, 100))));
    let task = h.outlay.task("t").start();
    task.run(haiku(&client(&h, &rule)).send()).await.unwrap();
    // 2,000 input tokens at $1.10 and 100 output tokens at $5.50 per million.
    assert_eq!(task.finish(Outcome::success()).totals().cost().to_string(), "$0.002750 exact");
    h.spans().assert_conserved();
}

#[tokio::test]
async fn cache_router_and_tier_of_a_mocked_output_are_read() {
    let h = Harness::new().await;
    let rule = mock!(Client::converse).then_output(|| {
        let ttl = |ttl, tokens| CacheDetail::builder().ttl(ttl).input_tokens(tokens).build().unwrap();
        let usage = TokenUsage::builder().input_tokens(1_000).output_tokens(500).total_tokens(25_500);
        let usage = usage.cache_read_input_tokens(20_000).cache_write_input_tokens(4_000);
        let usage = usage.cache_details(ttl(CacheTtl::OneHour, 3_000)).cache_details(ttl(CacheTtl::FiveMinutes, 1_000));
        let router = PromptRouterTrace::builder().invoked_model_id(SONNET).build();
        let mut output = answer(Some(usage.build().unwrap()));
        output.trace = Some(ConverseTrace::builder().prompt_router(router).build());
        output.service_tier = Some(ServiceTier::builder().r#type(ServiceTierType::Default).build().unwrap());
        output
    });
    let task = h.outlay.task("t").start();
    task.run(haiku(&client(&h, &rule)).send()).await.unwrap();
    assert_eq!(task.totals().cost().to_string(), "$0.042075 exact");
}

#[tokio::test]
async fn a_mocked_output_without_usage_is_never_free() {
    for usage_field in [None, Some(usage(0, 0))] {
        let h = Harness::new().await;
        let has_usage = usage_field.is_some();
        let rule = mock!(Client::converse).then_output(move || answer(usage_field.clone()));
        let task = h.outlay.task("t").start();
        task.run(haiku(&client(&h, &rule)).send()).await.unwrap();
        let cost = task.totals().cost();
        assert_eq!(cost.status(), if has_usage { CostStatus::Estimated } else { CostStatus::Bounded });
        assert!(cost.usd().is_some_and(|usd| usd.picos() > 0), "{cost}");
        if !has_usage {
            assert_eq!(cost.usd().unwrap().picos(), i128::from(HELLO_TOKENS * 1_100_000 + 4_096 * 5_500_000));
        }
    }
}

#[tokio::test]
async fn a_mocked_body_is_read_like_a_real_one() {
    let h = Harness::new().await;
    let rule = mock!(Client::invoke_model).then_output(|| {
        let body = r#"{"type":"message","content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":2000,"output_tokens":100}}"#;
        InvokeModelOutput::builder().body(Blob::new(body)).content_type("application/json").build().unwrap()
    });
    let task = h.outlay.task("t").start();
    let client = client(&h, &rule);
    task.run(client.invoke_model().model_id(HAIKU).body(Blob::new(NATIVE_BODY)).send()).await.unwrap();
    assert_eq!(task.totals().cost().to_string(), "$0.002750 exact");
}

#[tokio::test]
async fn a_mocked_guardrail_is_charged_by_its_units_and_a_mocked_token_count_is_free() {
    let h = Harness::new().await;
    let rule = mock!(Client::apply_guardrail).then_output(|| {
        let usage = GuardrailUsage::builder().topic_policy_units(1).content_policy_units(1).word_policy_units(0);
        let usage = usage.sensitive_information_policy_units(0).sensitive_information_policy_free_units(0);
        let usage = usage.contextual_grounding_policy_units(0).build().unwrap();
        let output = ApplyGuardrailOutput::builder().usage(usage).action(GuardrailAction::None);
        output.set_outputs(Some(Vec::new())).set_assessments(Some(Vec::new())).build().unwrap()
    });
    let task = h.outlay.task("t").start();
    let text = GuardrailContentBlock::Text(GuardrailTextBlock::builder().text("hello").build().unwrap());
    let call = client(&h, &rule).apply_guardrail().guardrail_identifier("g").guardrail_version("1");
    task.run(call.source(GuardrailContentSource::Input).content(text).send()).await.unwrap();
    assert_eq!(task.totals().cost().to_string(), "$0.000300 exact");

    let rule =
        mock!(Client::count_tokens).then_output(|| CountTokensOutput::builder().input_tokens(9).build().unwrap());
    let body = InvokeModelTokensRequest::builder().body(Blob::new(NATIVE_BODY)).build().unwrap();
    let input = CountTokensInput::InvokeModel(body);
    task.run(client(&h, &rule).count_tokens().model_id(HAIKU).input(input).send()).await.unwrap();
    assert_eq!(task.totals().cost().to_string(), "$0.000300 exact");
}

#[tokio::test]
async fn a_mocked_error_is_a_failed_call_that_costs_nothing() {
    let h = Harness::new().await;
    let rule = mock!(Client::converse).then_error(|| ConverseError::unhandled("no"));
    let task = h.outlay.task("t").start();
    task.run(haiku(&client(&h, &rule)).send()).await.unwrap_err();
    let totals = task.finish(Outcome::failure()).totals().clone();
    assert_eq!((totals.cost().to_string(), totals.failed_calls()), ("$0.000000 exact".to_owned(), 1));
}

fn frame(event: &str, payload: &str) -> Vec<u8> {
    let header = |name: &str, value: &str| Header::new(name.to_owned(), HeaderValue::String(value.to_owned().into()));
    let message = Frame::new(payload.as_bytes().to_vec())
        .add_header(header(":message-type", "event"))
        .add_header(header(":event-type", event))
        .add_header(header(":content-type", "application/json"));
    let mut bytes = Vec::new();
    aws_smithy_eventstream::frame::write_message_to(&message, &mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn a_mocked_stream_is_metered() {
    let h = Harness::new().await;
    let rule = mock!(Client::converse_stream).then_http_response(|| {
        let body = [
            frame("messageStart", r#"{"role":"assistant"}"#),
            frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"hello"}}"#),
            frame("messageStop", r#"{"stopReason":"end_turn"}"#),
            frame("metadata", r#"{"usage":{"inputTokens":2000,"outputTokens":100,"totalTokens":2100}}"#),
        ];
        HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body.concat()))
    });
    let task = h.outlay.task("t").start();
    let client = client(&h, &rule);
    task.run(async {
        let call = client.converse_stream().model_id(HAIKU).messages(user("hello"));
        let mut stream = call.send().await.unwrap().stream;
        while stream.recv().await.unwrap().is_some() {}
    })
    .await;
    assert_eq!(task.finish(Outcome::success()).totals().cost().to_string(), "$0.002750 exact");
}
