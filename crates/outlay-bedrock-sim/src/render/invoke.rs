//! The responses of InvokeModel and InvokeModelWithResponseStream.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::frame;
use crate::message::Message;
use crate::native;
use crate::rendered::{Rendered, set_header};
use crate::tokens::{ReportedTokens, Tokens};

pub(super) fn whole_turn(message: &Message, token_headers: ReportedTokens, model_id: &str) -> Rendered {
    let mut body = native::body(message, model_id);
    if let Some(trace) = &message.trace {
        body["amazon-bedrock-trace"] = trace.clone();
        body["amazon-bedrock-guardrailAction"] = guardrail_action(message);
    }
    let mut rendered = Rendered::whole(StatusCode::OK, "application/json", body.to_string());
    let headers = &mut rendered.headers;
    if let Some(tokens) = token_headers.resolve(message.tokens()) {
        add_token_headers(headers, &tokens);
        set_header(headers, "x-amzn-bedrock-invocation-latency", &message.latency_or_default().to_string());
    }
    add_served(headers, message);
    rendered
}

/// Renders a streamed turn.
///
/// The response head has no token headers, because the counts are not known when the service sends it.
pub(super) fn streamed_turn(message: &Message, with_metadata: bool, model_id: &str) -> Rendered {
    let mut chunks = native::chunks(message, model_id);
    if let Some(last) = chunks.last_mut() {
        if let Some(trace) = &message.trace {
            last["amazon-bedrock-trace"] = trace.clone();
            last["amazon-bedrock-guardrailAction"] = guardrail_action(message);
        }
        if with_metadata && let Some(tokens) = message.invocation_metrics.resolve(message.tokens()) {
            last["amazon-bedrock-invocationMetrics"] = tokens.invocation_metrics(message.latency_or_default());
        }
    }
    let mut rendered = stream_of(chunks.iter().map(frame::chunk).collect());
    add_served(&mut rendered.headers, message);
    rendered
}

/// Returns an InvokeModel stream of these frames.
pub(super) fn stream_of(frames: Vec<Bytes>) -> Rendered {
    let mut rendered = Rendered::stream(frames);
    set_header(&mut rendered.headers, "x-amzn-bedrock-content-type", "application/json");
    rendered
}

pub(super) fn add_token_headers(headers: &mut HeaderMap, tokens: &Tokens) {
    for (name, count) in [
        ("x-amzn-bedrock-input-token-count", Some(tokens.input)),
        ("x-amzn-bedrock-output-token-count", Some(tokens.output)),
        ("x-amzn-bedrock-cache-read-input-token-count", tokens.cache_read),
        ("x-amzn-bedrock-cache-write-input-token-count", tokens.all_cache_writes()),
    ] {
        if let Some(count) = count {
            set_header(headers, name, &count.to_string());
        }
    }
}

fn add_served(headers: &mut HeaderMap, message: &Message) {
    if let Some(tier) = &message.service_tier {
        set_header(headers, "x-amzn-bedrock-service-tier", tier);
    }
    if let Some(mode) = &message.latency_mode {
        set_header(headers, "x-amzn-bedrock-performanceconfig-latency", mode);
    }
}

fn guardrail_action(message: &Message) -> Value {
    let intervened = message.stop_reason_or_default() == "guardrail_intervened";
    json!(if intervened { "INTERVENED" } else { "NONE" })
}
