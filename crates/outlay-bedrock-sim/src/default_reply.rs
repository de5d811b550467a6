//! The replies to requests without a scripted reply.

mod async_invoke;
mod guardrail_reply;
mod speech_session;

use serde_json::{Value, json};

use crate::operation::Operation;
use crate::recorded::Recorded;
use crate::reply::Reply;
use crate::tokens::Tokens;

/// Returns the default reply to a request.
pub(crate) fn default_reply(request: &Recorded) -> Reply {
    match request.operation {
        Operation::CountTokens => Reply::json(json!({"inputTokens": estimate_tokens(request.body.len())})),
        Operation::ApplyGuardrail => guardrail_reply::apply(&request.json()),
        Operation::InvokeGuardrailChecks => guardrail_reply::run_checks(&request.json()),
        Operation::StartAsyncInvoke => async_invoke::start(&request.json()),
        Operation::GetAsyncInvoke => async_invoke::get(&request.model_id),
        Operation::ListAsyncInvokes => Reply::json(json!({"asyncInvokeSummaries": []})),
        Operation::InvokeModelWithBidirectionalStream => speech_session::session(),
        Operation::InvokeModel if makes_images(&request.model_id) => images(&request.json()),
        Operation::InvokeModel if request.model_id.contains("rerank") => ranking(&request.json()),
        _ => echo(request),
    }
}

/// Returns a turn that echoes the last user text, with usage estimated from the lengths of the request and the text.
fn echo(request: &Recorded) -> Reply {
    let text = format!("echo: {}", last_text(&request.json()).unwrap_or_default());
    let tokens = Tokens::new(estimate_tokens(request.body.len()), estimate_tokens(text.len()));
    Reply::message().text(text).usage(tokens).into()
}

fn makes_images(model_id: &str) -> bool {
    ["titan-image", "nova-canvas", "stability."].iter().any(|part| model_id.contains(part))
}

/// Returns the requested number of images, of one byte each.
fn images(body: &Value) -> Reply {
    let count = body["imageGenerationConfig"]["numberOfImages"].as_u64().unwrap_or(1);
    Reply::json(json!({"images": vec!["AA=="; count.min(16) as usize]}))
}

/// Ranks the documents in the order of the request.
fn ranking(body: &Value) -> Reply {
    let documents = body["documents"].as_array().map_or(0, Vec::len);
    let results = (0..documents).map(|index| json!({"index": index, "relevance_score": 0.5}));
    Reply::json(json!({"results": results.collect::<Vec<_>>()}))
}

/// Estimates the tokens in this many bytes, at four bytes a token.
fn estimate_tokens(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(4)
}

/// Returns the last user text, which families have under `messages`, `prompt`, `inputText` or `message`.
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
