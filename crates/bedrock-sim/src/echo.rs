use serde_json::Value;

use crate::reply::Reply;
use crate::request::Recorded;
use crate::tokens::Tokens;

/// The reply where no script has one: the last user text again, with usage from the lengths of the
/// two.
pub(crate) fn echo(request: &Recorded) -> Reply {
    let text = format!("echo: {}", last_text(&request.json()).unwrap_or_default());
    let tokens = Tokens::new(tokens_of(request.body.len()), tokens_of(text.len()));
    Reply::message().text(text).usage(tokens).into()
}

/// About four bytes to a token.
fn tokens_of(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

/// The text that the families have under `messages`, `prompt`, `inputText` or `message`.
fn last_text(body: &Value) -> Option<String> {
    for key in ["prompt", "inputText", "message"] {
        if let Some(text) = body[key].as_str() {
            return Some(text.to_owned());
        }
    }
    let content = &body["messages"].as_array()?.last()?["content"];
    let text = content.as_str().or_else(|| content.as_array()?.iter().rev().find_map(|block| block["text"].as_str()));
    text.map(str::to_owned)
}
