//! The responses of Converse and ConverseStream.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::content_block::{ContentBlock, SIGNATURE};
use crate::frame;
use crate::message::Message;
use crate::rendered::Rendered;

pub(super) fn whole_turn(message: &Message) -> Rendered {
    let content: Vec<Value> = message.content.iter().map(ContentBlock::to_converse).collect();
    let mut body = Map::new();
    body.insert("output".into(), json!({"message": {"role": "assistant", "content": content}}));
    body.insert("stopReason".into(), json!(message.stop_reason_or_default()));
    if let Some(fields) = &message.additional_fields {
        body.insert("additionalModelResponseFields".into(), fields.clone());
    }
    add_metadata(&mut body, message);
    Rendered::whole(StatusCode::OK, "application/json", Value::Object(body).to_string())
}

pub(super) fn streamed_turn(message: &Message, with_metadata: bool) -> Rendered {
    let mut events = Events::default();
    events.push("messageStart", json!({"role": "assistant"}));
    for (index, block) in message.content.iter().enumerate() {
        add_block(&mut events, message, index, block);
    }
    let mut stop = json!({"stopReason": message.stop_reason_or_default()});
    if let Some(fields) = &message.additional_fields {
        stop["additionalModelResponseFields"] = fields.clone();
    }
    events.push("messageStop", stop);
    if with_metadata {
        let mut metadata = Map::new();
        add_metadata(&mut metadata, message);
        events.push("metadata", Value::Object(metadata));
    }
    Rendered::stream(events.frames)
}

/// Adds the events of a content block.
///
/// Only a tool call has a start event, because the service model defines none for text or reasoning.
fn add_block(events: &mut Events, message: &Message, index: usize, block: &ContentBlock) {
    let mut delta = |delta: Value| {
        events.push("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}));
    };
    match block {
        ContentBlock::Text(text) => {
            for piece in message.pieces(text) {
                delta(json!({"text": piece}));
            }
        }
        ContentBlock::Reasoning(text) => {
            for piece in message.pieces(text) {
                delta(json!({"reasoningContent": {"text": piece}}));
            }
            delta(json!({"reasoningContent": {"signature": SIGNATURE}}));
        }
        ContentBlock::ToolUse { id, name, input } => {
            let start = json!({"toolUse": {"toolUseId": id, "name": name}});
            events.push("contentBlockStart", json!({"contentBlockIndex": index, "start": start}));
            for piece in message.pieces(&input.to_string()) {
                let delta = json!({"toolUse": {"input": piece}});
                events.push("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}));
            }
        }
    }
    events.push("contentBlockStop", json!({"contentBlockIndex": index}));
}

/// Adds the fields that Converse returns beside the message and ConverseStream in its `metadata` event.
fn add_metadata(body: &mut Map<String, Value>, message: &Message) {
    if let Some(tokens) = message.tokens() {
        body.insert("usage".into(), tokens.converse_usage());
    }
    body.insert("metrics".into(), json!({"latencyMs": message.latency_or_default()}));
    if let Some(trace) = &message.trace {
        body.insert("trace".into(), trace.clone());
    }
    if let Some(mode) = &message.latency_mode {
        body.insert("performanceConfig".into(), json!({"latency": mode}));
    }
    if let Some(tier) = &message.service_tier {
        body.insert("serviceTier".into(), json!({"type": tier}));
    }
}

#[derive(Default)]
struct Events {
    frames: Vec<Bytes>,
}

impl Events {
    fn push(&mut self, name: &str, mut payload: Value) {
        payload["p"] = json!(frame::padding(self.frames.len()));
        self.frames.push(frame::event(name, &payload));
    }
}
