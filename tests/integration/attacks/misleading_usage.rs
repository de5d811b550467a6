//! Prompts with more tokens than bytes, clients metered twice, and misleading usage data.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, DocumentBlock, DocumentFormat, DocumentSource, Message, S3Location,
};
use bedrock_sim::{Fault, Operation, Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, call_spans, client_config, haiku, read_stream};

/// Returns a prompt whose document is in S3: the request has a few hundred bytes but may mean any number of tokens.
fn with_a_document_in_s3() -> Message {
    let location = S3Location::builder().uri("s3://bucket/report.pdf").build().expect("all required fields are set");
    let document = DocumentBlock::builder()
        .name("report")
        .format(DocumentFormat::Pdf)
        .source(DocumentSource::S3Location(location))
        .build()
        .expect("all required fields are set");
    Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Document(document))
        .build()
        .expect("all required fields are set")
}

#[tokio::test]
async fn a_lost_call_settles_at_no_less_than_its_reservation() {
    let h = Harness::new().await;
    let dollar = Usd::from_dollars(1);
    // The smallest budget in cents that admits the call shows the library's bound.
    let mut reserved = Usd::ZERO;
    for cents in 1..100 {
        let task = h.outlay.task("t").budget(Usd::from_cents(cents)).start();
        let response = task.run(h.client.converse().model_id(HAIKU).messages(with_a_document_in_s3()).send()).await;
        if response.is_ok() {
            reserved = Usd::from_cents(cents - 1);
            break;
        }
    }
    assert!(reserved > Usd::ZERO && reserved < dollar);
    h.sim.push_times(3, Reply::reset());
    let task = h.outlay.task("lost").start();
    let no_retry = aws_sdk_bedrockruntime::config::retry::RetryConfig::disabled();
    let client = Client::from_conf(client_config(&h.sim.url()).retry_config(no_retry).build()).metered(&h.outlay);
    task.run(client.converse().model_id(HAIKU).messages(with_a_document_in_s3()).send()).await.unwrap_err();
    let settled = task.totals().bounded();
    assert!(settled >= reserved, "a bound of {settled} for a call that reserves over {reserved}");
}

#[tokio::test]
async fn a_client_metered_several_times_counts_each_call_once() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::message().usage(Tokens::new(1_000, 0)));
    let client = h.client.clone().metered(&h.outlay).metered(&h.outlay);
    let task = h.outlay.task("t").start();
    task.run(async {
        haiku(&client).customize().metered(&h.outlay).send().await.unwrap();
        let again = Client::from_conf(client.config().to_builder().metered(&h.outlay).build());
        assert_eq!(read_stream(&again, Operation::ConverseStream, HAIKU).await.error, None);
    })
    .await;
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!((totals.calls(), totals.attempts()), (2, 2));
    assert_eq!(call_spans(&h.spans()).len(), 2);
}

#[tokio::test]
async fn text_after_the_final_counts_makes_the_cost_estimated() {
    let h = Harness::new().await;
    let usage =
        |input: u64| serde_json::json!({"usage": {"inputTokens": input, "outputTokens": 1, "totalTokens": input + 1}});
    h.sim.push(Reply::events([
        ("messageStart", serde_json::json!({"role": "assistant"})),
        ("messageStop", serde_json::json!({"stopReason": "end_turn"})),
        ("metadata", usage(1_000)),
        ("contentBlockDelta", serde_json::json!({"contentBlockIndex": 0, "delta": {"text": "x"}})),
    ]));
    let task = h.outlay.task("t").start();
    task.run(read_stream(&h.client, Operation::ConverseStream, HAIKU)).await;
    assert_eq!(task.totals().cost().to_string(), "$0.001106 estimated");
}

#[tokio::test]
async fn tool_json_that_looks_like_usage_is_ignored() {
    let h = Harness::new().await;
    let input =
        serde_json::json!({"usage": {"inputTokens": 9, "outputTokens": 9, "input_tokens": 9}, "stop_reason": "x"});
    let reply = Reply::message().tool_use("t", "f", input).usage(Tokens::new(1_000, 10));
    let task = h.outlay.task("t").start();
    task.run(async {
        for operation in [Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
            h.sim.push(reply.clone());
            read_stream(&h.client, operation, HAIKU).await;
        }
        h.sim.push(reply.clone());
        haiku(&h.client).send().await.unwrap();
    })
    .await;
    assert_eq!(task.totals().cost().to_string(), "$0.003465 exact");
}

#[tokio::test]
async fn tool_json_in_a_broken_stream_is_not_read_as_usage() {
    let h = Harness::new().await;
    let input = serde_json::json!({"usage": {"output_tokens": 0}, "stop_reason": "end_turn", "type": "message_stop"});
    let reply = Reply::message().tool_use("t", "f", input).deltas(500).usage(Tokens::new(1_000, 100));
    h.sim.push(reply.fault(Fault::TruncateAfterFrames(3)));
    let task = h.outlay.task("t").start();
    task.run(read_stream(&h.client, Operation::InvokeModelWithResponseStream, HAIKU)).await;
    assert_eq!(task.totals().cost().status(), outlay::CostStatus::Bounded);
}
