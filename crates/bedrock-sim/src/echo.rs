//! The reply where no script has one.

mod guardrail;
mod job;
mod speech;

use serde_json::{Value, json};

use crate::operation::Operation;
use crate::reply::Reply;
use crate::request::Recorded;
use crate::tokens::Tokens;

pub(crate) fn echo(request: &Recorded) -> Reply {
    match request.operation {
        Operation::CountTokens => Reply::json(json!({"inputTokens": tokens_of(request.body.len())})),
        Operation::ApplyGuardrail => guardrail::apply(&request.json()),
        Operation::InvokeGuardrailChecks => guardrail::checks(&request.json()),
        Operation::StartAsyncInvoke => job::start(&request.json()),
        Operation::GetAsyncInvoke => job::get(&request.model_id),
        Operation::ListAsyncInvokes => Reply::json(json!({"asyncInvokeSummaries": []})),
        Operation::InvokeModelWithBidirectionalStream => speech::session(),
        Operation::InvokeModel if makes_images(&request.model_id) => images(&request.json()),
        Operation::InvokeModel if request.model_id.contains("rerank") => ranking(&request.json()),
        _ => turn(request),
    }
}

/// The last user text again, with usage from the lengths of the two.
fn turn(request: &Recorded) -> Reply {
    let text = format!("echo: {}", last_text(&request.json()).unwrap_or_default());
    let tokens = Tokens::new(tokens_of(request.body.len()), tokens_of(text.len()));
    Reply::message().text(text).usage(tokens).into()
}

fn makes_images(model_id: &str) -> bool {
    ["titan-image", "nova-canvas", "stability."].iter().any(|part| model_id.contains(part))
}

/// As many images as were asked for, of one byte each.
fn images(body: &Value) -> Reply {
    let asked = body["imageGenerationConfig"]["numberOfImages"].as_u64().unwrap_or(1);
    Reply::json(json!({"images": vec!["AA=="; asked.min(16) as usize]}))
}

/// The documents in the order in which they came.
fn ranking(body: &Value) -> Reply {
    let documents = body["documents"].as_array().map_or(0, Vec::len);
    let results = (0..documents).map(|index| json!({"index": index, "relevance_score": 0.5}));
    Reply::json(json!({"results": results.collect::<Vec<_>>()}))
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
