//! OpenAI-style chat completions. Their `prompt_tokens` include the cache tokens.

use serde_json::{Value, json};

use super::turn::Turn;

pub(super) fn body(turn: &Turn<'_>) -> Value {
    let mut message = json!({"role": "assistant", "content": turn.message.all_text()});
    let reasoning = turn.message.all_reasoning();
    if !reasoning.is_empty() {
        message["reasoning_content"] = json!(reasoning);
    }
    let calls: Vec<Value> =
        turn.message.tool_uses().map(|(id, name, input)| tool_call(id, name, &input.to_string())).collect();
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    let mut body = envelope(turn, "chat.completion", json!({"index": 0, "message": message}), finish_reason(turn));
    add_usage(&mut body, turn);
    body
}

pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    let chunk = |delta: Value, reason: Option<&str>| {
        envelope(turn, "chat.completion.chunk", json!({"index": 0, "delta": delta}), reason)
    };
    let mut chunks = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
    for piece in turn.message.pieces(&turn.message.all_reasoning()) {
        chunks.push(chunk(json!({"reasoning_content": piece}), None));
    }
    for piece in turn.message.pieces(&turn.message.all_text()) {
        chunks.push(chunk(json!({"content": piece}), None));
    }
    for (index, (id, name, input)) in turn.message.tool_uses().enumerate() {
        let mut call = tool_call(id, name, &input.to_string());
        call["index"] = json!(index);
        chunks.push(chunk(json!({"tool_calls": [call]}), None));
    }
    chunks.push(chunk(json!({}), finish_reason(turn)));
    let mut last = chunk(json!({}), None);
    last["choices"] = json!([]);
    add_usage(&mut last, turn);
    chunks.push(last);
    chunks
}

fn finish_reason(turn: &Turn<'_>) -> Option<&'static str> {
    Some(turn.stop_reason("stop", "length", "tool_calls"))
}

fn envelope(turn: &Turn<'_>, object: &str, mut choice: Value, reason: Option<&str>) -> Value {
    choice["finish_reason"] = json!(reason);
    json!({
        "id": "chatcmpl-simulated-0001",
        "object": object,
        "created": 1_767_225_600,
        "model": turn.model_id,
        "choices": [choice],
    })
}

fn tool_call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn add_usage(body: &mut Value, turn: &Turn<'_>) {
    let Some(tokens) = turn.tokens else { return };
    let mut usage = json!({
        "prompt_tokens": tokens.whole_input(),
        "completion_tokens": tokens.output,
        "total_tokens": tokens.whole_input() + tokens.output,
    });
    if let Some(cached) = tokens.cache_read {
        usage["prompt_tokens_details"] = json!({"cached_tokens": cached});
    }
    if let Some(reasoning) = tokens.reasoning {
        usage["completion_tokens_details"] = json!({"reasoning_tokens": reasoning});
    }
    body["usage"] = usage;
}
