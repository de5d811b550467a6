use outlay_bedrock_sim::{BedrockSim, Operation, Reply, Tokens};
use serde_json::{Value, json};

use crate::client::{ask, header, payload};

fn turn() -> outlay_bedrock_sim::Message {
    Reply::message()
        .reasoning("Thinking.")
        .text("The answer.")
        .tool_use("tooluse_1", "weather", json!({"city": "Wien"}))
        .usage(Tokens::new(1_000, 200).cache_read(8_192).cache_write_5m(300).cache_write_1h(40))
        .latency_ms(321)
        .service_tier("flex")
        .latency_mode("optimized")
        .trace(json!({"promptRouter": {"invokedModelId": "m"}}))
        .additional_fields(json!({"stop_sequence": "###"}))
        .deltas(4)
}

fn usage() -> Value {
    json!({
        "inputTokens": 1_000, "outputTokens": 200, "totalTokens": 9_732,
        "cacheReadInputTokens": 8_192, "cacheWriteInputTokens": 340,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 300}, {"ttl": "1h", "inputTokens": 40}],
    })
}

#[tokio::test]
async fn converse_returns_the_whole_turn() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(turn());
    let answer = ask(&bedrock, Operation::Converse).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("x-amzn-requestid"), Some("00000000-0000-4000-8000-000000000000"));
    assert_eq!(
        answer.json(),
        json!({
            "output": {"message": {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "Thinking.", "signature": "c2ltdWxhdGVk"}}},
                {"text": "The answer."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Wien"}}},
            ]}},
            "stopReason": "tool_use",
            "usage": usage(),
            "metrics": {"latencyMs": 321},
            "trace": {"promptRouter": {"invokedModelId": "m"}},
            "performanceConfig": {"latency": "optimized"},
            "serviceTier": {"type": "flex"},
            "additionalModelResponseFields": {"stop_sequence": "###"},
        })
    );
}

#[tokio::test]
async fn converse_stream_returns_the_same_turn_in_events() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(turn());
    let answer = ask(&bedrock, Operation::ConverseStream).await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.amazon.eventstream"));
    assert_eq!(answer.header("content-length"), None);

    let events: Vec<(String, Value)> = answer
        .messages()
        .iter()
        .map(|message| {
            assert_eq!(header(message, ":message-type"), Some("event"));
            assert_eq!(header(message, ":content-type"), Some("application/json"));
            let mut payload = payload(message);
            assert!(payload.as_object_mut().unwrap().remove("p").is_some(), "padding");
            (header(message, ":event-type").unwrap().to_owned(), payload)
        })
        .collect();
    let delta = |index: usize, delta: Value| {
        ("contentBlockDelta".to_owned(), json!({"contentBlockIndex": index, "delta": delta}))
    };
    let stop = |index: usize| ("contentBlockStop".to_owned(), json!({"contentBlockIndex": index}));
    let tool = json!({"toolUse": {"toolUseId": "tooluse_1", "name": "weather"}});
    assert_eq!(
        events,
        [
            ("messageStart".to_owned(), json!({"role": "assistant"})),
            delta(0, json!({"reasoningContent": {"text": "Thin"}})),
            delta(0, json!({"reasoningContent": {"text": "king"}})),
            delta(0, json!({"reasoningContent": {"text": "."}})),
            delta(0, json!({"reasoningContent": {"signature": "c2ltdWxhdGVk"}})),
            stop(0),
            delta(1, json!({"text": "The "})),
            delta(1, json!({"text": "answ"})),
            delta(1, json!({"text": "er."})),
            stop(1),
            ("contentBlockStart".to_owned(), json!({"contentBlockIndex": 2, "start": tool})),
            delta(2, json!({"toolUse": {"input": "{\"ci"}})),
            delta(2, json!({"toolUse": {"input": "ty\":"}})),
            delta(2, json!({"toolUse": {"input": "\"Wie"}})),
            delta(2, json!({"toolUse": {"input": "n\"}"}})),
            stop(2),
            (
                "messageStop".to_owned(),
                json!({"stopReason": "tool_use", "additionalModelResponseFields": {"stop_sequence": "###"}})
            ),
            (
                "metadata".to_owned(),
                json!({
                    "usage": usage(),
                    "metrics": {"latencyMs": 321},
                    "trace": {"promptRouter": {"invokedModelId": "m"}},
                    "performanceConfig": {"latency": "optimized"},
                    "serviceTier": {"type": "flex"},
                })
            ),
        ]
    );
}

#[tokio::test]
async fn usage_is_omitted_on_request_and_estimated_by_default() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::message().text("x").without_usage()).push(Reply::message().text("eight ch"));
    assert_eq!(ask(&bedrock, Operation::Converse).await.json().get("usage"), None);
    let usage = &ask(&bedrock, Operation::Converse).await.json()["usage"];
    assert_eq!(*usage, json!({"inputTokens": 10, "outputTokens": 2, "totalTokens": 12}));
}

#[tokio::test]
async fn raw_events_and_json_are_sent_unchanged() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::events([("metadata", json!({"usage": {"inputTokens": "7"}}))])).push(Reply::json(json!([1])));
    let messages = ask(&bedrock, Operation::ConverseStream).await.messages();
    assert_eq!(header(&messages[0], ":event-type"), Some("metadata"));
    assert_eq!(payload(&messages[0]), json!({"usage": {"inputTokens": "7"}}));
    assert_eq!(ask(&bedrock, Operation::Converse).await.json(), json!([1]));
}

#[tokio::test]
async fn a_reply_that_does_not_fit_the_operation_is_reported() {
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.push(Reply::events([("metadata", json!({}))]));
    let answer = ask(&bedrock, Operation::InvokeModelWithResponseStream).await;
    assert_eq!(answer.status, 501);
    assert!(answer.body().starts_with(b"bedrock-sim: the scripted reply does not fit InvokeModelWithResponseStream"));
}
