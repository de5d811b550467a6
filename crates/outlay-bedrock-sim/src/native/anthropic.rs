//! Anthropic Messages.
//!
//! A stream reports the input tokens in `message_start` and the final output tokens in `message_delta`.

use serde_json::{Value, json};

use super::turn::Turn;
use crate::content_block::{ContentBlock, SIGNATURE};

pub(super) fn body(turn: &Turn<'_>) -> Value {
    let content: Vec<Value> = turn.message.content.iter().map(block).collect();
    let mut body = envelope(turn, content);
    body["stop_reason"] = json!(turn.message.stop_reason_or_default());
    if let Some(tokens) = turn.tokens {
        body["usage"] = usage(turn, tokens.output);
    }
    body
}

pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    let mut start = envelope(turn, Vec::new());
    if turn.tokens.is_some() {
        // `message_start` reports the one output token that was generated so far.
        start["usage"] = usage(turn, 1);
    }
    let mut chunks = vec![json!({"type": "message_start", "message": start})];
    for (index, block) in turn.message.content.iter().enumerate() {
        add_block(&mut chunks, turn, index, block);
    }
    let mut delta = json!({
        "type": "message_delta",
        "delta": {"stop_reason": turn.message.stop_reason_or_default(), "stop_sequence": null},
    });
    if let Some(tokens) = turn.tokens {
        delta["usage"] = json!({"output_tokens": tokens.output});
    }
    chunks.push(delta);
    chunks.push(json!({"type": "message_stop"}));
    chunks
}

fn envelope(turn: &Turn<'_>, content: Vec<Value>) -> Value {
    json!({
        "id": "msg_bdrk_01SimulatedSimulated0001",
        "type": "message",
        "role": "assistant",
        "model": turn.model_id,
        "content": content,
        "stop_reason": null,
        "stop_sequence": null,
    })
}

fn usage(turn: &Turn<'_>, output: u64) -> Value {
    let tokens = turn.tokens.unwrap_or_default();
    let mut usage = json!({
        "input_tokens": tokens.input,
        "cache_creation_input_tokens": tokens.all_cache_writes().unwrap_or(0),
        "cache_read_input_tokens": tokens.cache_read.unwrap_or(0),
        "output_tokens": output,
    });
    if tokens.cache_write_5m.is_some() || tokens.cache_write_1h.is_some() {
        usage["cache_creation"] = json!({
            "ephemeral_5m_input_tokens": tokens.cache_write_5m.unwrap_or(0),
            "ephemeral_1h_input_tokens": tokens.cache_write_1h.unwrap_or(0),
        });
    }
    usage
}

fn block(block: &ContentBlock) -> Value {
    match block {
        ContentBlock::Text(text) => json!({"type": "text", "text": text}),
        ContentBlock::Reasoning(text) => {
            json!({"type": "thinking", "thinking": text, "signature": SIGNATURE})
        }
        ContentBlock::ToolUse { id, name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": input})
        }
    }
}

fn add_block(chunks: &mut Vec<Value>, turn: &Turn<'_>, index: usize, block: &ContentBlock) {
    let (start, deltas) = match block {
        ContentBlock::Text(text) => {
            let deltas = turn.message.pieces(text).into_iter();
            let deltas = deltas.map(|piece| json!({"type": "text_delta", "text": piece})).collect::<Vec<_>>();
            (json!({"type": "text", "text": ""}), deltas)
        }
        ContentBlock::Reasoning(text) => {
            let deltas = turn.message.pieces(text).into_iter();
            let deltas = deltas.map(|piece| json!({"type": "thinking_delta", "thinking": piece}));
            let signature = json!({"type": "signature_delta", "signature": SIGNATURE});
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas.chain([signature]).collect())
        }
        ContentBlock::ToolUse { id, name, input } => {
            let deltas = turn.message.pieces(&input.to_string()).into_iter();
            let deltas = deltas.map(|piece| json!({"type": "input_json_delta", "partial_json": piece})).collect();
            (json!({"type": "tool_use", "id": id, "name": name, "input": {}}), deltas)
        }
    };
    chunks.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
    for delta in deltas {
        chunks.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
    }
    chunks.push(json!({"type": "content_block_stop", "index": index}));
}
