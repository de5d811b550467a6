//! Amazon Nova. Its bodies resemble those of Converse but have other names for the cache tokens.

use serde_json::{Value, json};

use super::turn::Turn;
use crate::content_block::ContentBlock;

pub(super) fn body(turn: &Turn<'_>) -> Value {
    let content: Vec<Value> = turn.message.content.iter().map(ContentBlock::to_converse).collect();
    let mut body = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": turn.message.stop_reason_or_default(),
    });
    add_usage(&mut body, turn);
    body
}

pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    let mut chunks = vec![json!({"messageStart": {"role": "assistant"}})];
    for (index, block) in turn.message.content.iter().enumerate() {
        add_block(&mut chunks, turn, index, block);
    }
    chunks.push(json!({"messageStop": {"stopReason": turn.message.stop_reason_or_default()}}));
    let mut metadata = json!({"metrics": {}, "trace": {}});
    add_usage(&mut metadata, turn);
    chunks.push(json!({"metadata": metadata}));
    chunks
}

fn add_block(chunks: &mut Vec<Value>, turn: &Turn<'_>, index: usize, block: &ContentBlock) {
    let (pieces, delta): (_, fn(String) -> Value) = match block {
        ContentBlock::Text(text) => (turn.message.pieces(text), |piece| json!({"text": piece})),
        ContentBlock::Reasoning(text) => {
            (turn.message.pieces(text), |piece| json!({"reasoningContent": {"text": piece}}))
        }
        ContentBlock::ToolUse { id, name, input } => {
            let start = json!({"toolUse": {"toolUseId": id, "name": name}});
            chunks.push(json!({"contentBlockStart": {"start": start, "contentBlockIndex": index}}));
            (turn.message.pieces(&input.to_string()), |piece| json!({"toolUse": {"input": piece}}))
        }
    };
    for piece in pieces {
        chunks.push(json!({"contentBlockDelta": {"delta": delta(piece), "contentBlockIndex": index}}));
    }
    chunks.push(json!({"contentBlockStop": {"contentBlockIndex": index}}));
}

fn add_usage(body: &mut Value, turn: &Turn<'_>) {
    if let Some(tokens) = turn.tokens {
        body["usage"] = json!({
            "inputTokens": tokens.input,
            "outputTokens": tokens.output,
            "totalTokens": tokens.whole_input() + tokens.output,
            "cacheReadInputTokenCount": tokens.cache_read.unwrap_or(0),
            "cacheWriteInputTokenCount": tokens.all_cache_writes().unwrap_or(0),
        });
    }
}
