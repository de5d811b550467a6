//! DeepSeek R1 text completion.

use serde_json::{Value, json};

use super::turn::Turn;

pub(super) fn body(turn: &Turn<'_>) -> Value {
    let mut body = choice(turn, &turn.message.all_text(), true);
    add_counts(&mut body, turn);
    body
}

pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    let pieces = turn.text_pieces().into_iter();
    pieces
        .map(|(piece, last)| {
            let mut chunk = choice(turn, &piece, last);
            if last {
                add_counts(&mut chunk, turn);
            }
            chunk
        })
        .collect()
}

fn choice(turn: &Turn<'_>, text: &str, last: bool) -> Value {
    let reason = last.then(|| turn.stop_reason("stop", "length", "stop"));
    json!({"choices": [{"text": text, "stop_reason": reason}]})
}

fn add_counts(body: &mut Value, turn: &Turn<'_>) {
    if let Some(tokens) = turn.tokens {
        body["prompt_token_count"] = json!(tokens.input);
        body["generation_token_count"] = json!(tokens.output);
    }
}
