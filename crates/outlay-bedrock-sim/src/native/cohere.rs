//! Cohere Command R.

use serde_json::{Value, json};

use super::turn::Turn;

const ID: &str = "00000000-0000-4000-8000-000000000001";

pub(super) fn body(turn: &Turn<'_>) -> Value {
    let mut body = json!({
        "response_id": ID,
        "generation_id": ID,
        "text": turn.message.all_text(),
        "finish_reason": turn.stop_reason("COMPLETE", "MAX_TOKENS", "COMPLETE"),
    });
    let calls: Vec<Value> =
        turn.message.tool_uses().map(|(_, name, input)| json!({"name": name, "parameters": input})).collect();
    if !calls.is_empty() {
        body["tool_calls"] = Value::Array(calls);
    }
    if let Some(tokens) = turn.tokens {
        body["meta"] = json!({
            "api_version": {"version": "1"},
            "billed_units": {"input_tokens": tokens.input, "output_tokens": tokens.output},
        });
    }
    body
}

pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    let mut chunks = vec![json!({"event_type": "stream-start", "is_finished": false, "generation_id": ID})];
    for (piece, _) in turn.text_pieces() {
        chunks.push(json!({"event_type": "text-generation", "is_finished": false, "text": piece}));
    }
    let whole = body(turn);
    chunks.push(json!({
        "event_type": "stream-end",
        "is_finished": true,
        "finish_reason": whole["finish_reason"],
        "response": whole,
    }));
    chunks
}
