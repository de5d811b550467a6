//! Meta Llama.
//!
//! Only the first chunk of a stream reports the prompt tokens. Every chunk reports the tokens generated so far.

use serde_json::{Value, json};

use super::turn::Turn;

pub(super) fn body(turn: &Turn<'_>) -> Value {
    json!({
        "generation": turn.message.all_text(),
        "prompt_token_count": turn.tokens.map(|tokens| tokens.input),
        "generation_token_count": turn.tokens.map(|tokens| tokens.output),
        "stop_reason": turn.stop_reason("stop", "length", "stop"),
    })
}

pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    let pieces = turn.text_pieces();
    let count = pieces.len();
    let chunk = |(index, (piece, last)): (usize, (String, bool))| {
        json!({
            "generation": piece,
            "prompt_token_count": turn.tokens.filter(|_| index == 0).map(|tokens| tokens.input),
            "generation_token_count": turn.output_after(index + 1, count),
            "stop_reason": last.then(|| turn.stop_reason("stop", "length", "stop")),
        })
    };
    pieces.into_iter().enumerate().map(chunk).collect()
}
