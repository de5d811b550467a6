//! Amazon Titan Text.

use serde_json::{Value, json};

use super::turn::Turn;

pub(super) fn body(turn: &Turn<'_>) -> Value {
    json!({
        "inputTextTokenCount": turn.tokens.map(|tokens| tokens.input),
        "results": [{
            "tokenCount": turn.tokens.map(|tokens| tokens.output),
            "outputText": turn.message.all_text(),
            "completionReason": turn.stop_reason("FINISH", "LENGTH", "FINISH"),
        }],
    })
}

/// Returns the chunks of a stream. Only the last one has token counts.
pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    let chunk = |(piece, last): (String, bool)| {
        let tokens = turn.tokens.filter(|_| last);
        json!({
            "outputText": piece,
            "index": 0,
            "inputTextTokenCount": tokens.map(|tokens| tokens.input),
            "totalOutputTextTokenCount": tokens.map(|tokens| tokens.output),
            "completionReason": last.then(|| turn.stop_reason("FINISH", "LENGTH", "FINISH")),
        })
    };
    turn.text_pieces().into_iter().map(chunk).collect()
}
