//! Mistral text completion. The bodies have no token counts. Only the headers report them.

use serde_json::{Value, json};

use super::turn::Turn;

pub(super) fn body(turn: &Turn<'_>) -> Value {
    output(turn, &turn.message.all_text(), true)
}

pub(super) fn chunks(turn: &Turn<'_>) -> Vec<Value> {
    turn.text_pieces().into_iter().map(|(piece, last)| output(turn, &piece, last)).collect()
}

fn output(turn: &Turn<'_>, text: &str, last: bool) -> Value {
    let reason = last.then(|| turn.stop_reason("stop", "length", "stop"));
    json!({"outputs": [{"text": text, "stop_reason": reason}]})
}
