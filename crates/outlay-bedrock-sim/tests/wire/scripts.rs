use outlay_bedrock_sim::{BedrockSim, Operation, Script};
use serde_json::json;

use crate::client::{Client, HAIKU, header};

#[tokio::test]
async fn a_script_supports_all_kinds_of_replies() {
    let script = r#"[
        {"reply": {"error": {"kind": "throttling", "message": "slow down"}}, "headers": {"retry-after": "1"}},
        {"match": {"model": "haiku", "operation": "Converse", "body": "{"},
         "reply": {"message": {
            "content": [{"reasoning": "Hm."}, {"text": "hi"}, {"tool_use": {"id": "1", "name": "t", "input": {}}}],
            "usage": {"input": 8, "output": 1, "cache_read": 3, "cache_write_1h": 2, "total": 99},
            "service_tier": "flex", "stop_reason": "max_tokens"}}},
        {"reply": {"message": {"content": [{"text": "x"}], "without_usage": true}}, "times": 2, "delay_ms": 1},
        {"reply": {"status": 502}},
        {"reply": {"json": {"a": 1}}, "token_headers": {"input": 3, "output": 4}},
        {"reply": {"events": [["messageStart", {"role": "assistant"}]]}, "split": 3, "pace_ms": 1},
        {"reply": {"message": {"content": [{"text": "x"}]}}, "fault": {"exception_at": [1, "model_stream_error"]}},
        {"reply": {"message": {"content": [{"text": "x"}]}}, "fault": "no_metadata"},
        {"reply": "reset"}
    ]"#;
    let bedrock = BedrockSim::start().await.unwrap();
    let script = Script::parse("replies.json", script).unwrap();
    assert_eq!(script.len(), 10);
    bedrock.load(script);
    let mut client = Client::connect(&bedrock).await;

    let matched = client.ask(Operation::Converse, HAIKU).await.json();
    assert_eq!(matched["stopReason"], "max_tokens");
    assert_eq!(matched["serviceTier"]["type"], "flex");
    assert_eq!(matched["usage"]["totalTokens"], 99);
    assert_eq!(matched["usage"]["cacheDetails"], json!([{"ttl": "1h", "inputTokens": 2}]));

    let throttled = client.ask(Operation::Converse, "m").await;
    assert_eq!((throttled.status.as_u16(), throttled.header("retry-after")), (429, Some("1")));
    assert_eq!(throttled.json(), json!({"message": "slow down"}));
    for _ in 0..2 {
        assert_eq!(client.ask(Operation::Converse, "m").await.json().get("usage"), None);
    }
    assert_eq!(client.ask(Operation::Converse, "m").await.status, 502);
    let raw = client.ask(Operation::InvokeModel, "m").await;
    assert_eq!((raw.json(), raw.header("x-amzn-bedrock-output-token-count")), (json!({"a": 1}), Some("4")));
    assert_eq!(client.ask(Operation::ConverseStream, "m").await.messages().len(), 1);
    let messages = client.ask(Operation::ConverseStream, "m").await.messages();
    assert_eq!(header(&messages[1], ":exception-type"), Some("modelStreamErrorException"));
    let messages = client.ask(Operation::ConverseStream, "m").await.messages();
    assert_eq!(header(messages.last().unwrap(), ":event-type"), Some("messageStop"));
    assert!(client.try_to_ask(Operation::Converse, "m").await.is_err());
    assert_eq!(bedrock.pending(), 0);
}

#[test]
fn errors_name_file_line_column_and_field() {
    for (script, message) in [
        ("[\n{\"reply\": {\"status\": 7}}]", "r.json:2:23: in `status`: 7 is not an HTTP status"),
        ("[\n{\"reply\": \"sing\"}]", "r.json:2:16: in `reply`: unknown variant `sing`, expected one of"),
        ("[{\"reply\": \"hang\", \"tims\": 1}]", "in `reply`: unknown field `tims`, expected one of"),
        ("[{\"times\": 1}]", "in `times`: missing field `reply`"),
        ("[{\"match\": {\"operation\": \"Sing\"},\n\"reply\": \"hang\"}]", "in `operation`: unknown operation `Sing`"),
        (
            "[{\"reply\": {\"message\": {\"usage\": {\"input\": 1,\n \"output\": -1}}}}]",
            "r.json:2:13: in `output`: invalid value: integer `-1`, expected u64",
        ),
        ("[{\"reply\": \"hang\", \"headers\": {\"a b\": \"c\"}}]", "`a b: c` is not a header"),
        ("{}", "r.json:1:0: in `the script`: invalid type: map, expected a sequence"),
        ("[", "r.json:1:1: in `the script`: EOF while parsing a list"),
    ] {
        let error = Script::parse("r.json", script).unwrap_err().to_string();
        assert!(error.contains(message), "{error}\nshould contain\n{message}");
    }
}

#[test]
fn an_unreadable_file_is_named() {
    let error = Script::read("no/such/script.json").unwrap_err();
    assert_eq!(error.to_string(), "no/such/script.json: cannot be read");
}
