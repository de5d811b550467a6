//! Encodes event-stream messages.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use crate::error_kind::ErrorKind;

/// Encodes an event with this `:event-type`.
pub(crate) fn event(event_type: &str, payload: &Value) -> Bytes {
    encode(
        &[(":event-type", event_type), (":content-type", "application/json"), (":message-type", "event")],
        payload.to_string(),
    )
}

/// Encodes a `chunk` event of an InvokeModel stream, which contains the native JSON in base64.
pub(crate) fn chunk(native: &Value) -> Bytes {
    let bytes = STANDARD.encode(native.to_string());
    event("chunk", &json!({"p": padding(bytes.len()), "bytes": bytes}))
}

/// Returns the padding that the service adds to its events as `p` to hide their length.
pub(crate) fn padding(seed: usize) -> &'static str {
    const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    &PADDING[..1 + seed % (PADDING.len() - 1)]
}

/// Encodes a modeled exception.
pub(crate) fn exception(kind: ErrorKind) -> Bytes {
    encode(
        &[
            (":exception-type", &kind.event_name()),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ],
        kind.body(None).to_string(),
    )
}

/// Encodes an error that is not in the service model.
pub(crate) fn unmodeled_error() -> Bytes {
    encode(
        &[
            (":error-code", "InternalFailure"),
            (":error-message", "The stream ended unexpectedly."),
            (":message-type", "error"),
        ],
        String::new(),
    )
}

fn encode(headers: &[(&'static str, &str)], payload: String) -> Bytes {
    let message = headers.iter().fold(Message::new(payload), |message, (name, value)| {
        message.add_header(Header::new(*name, HeaderValue::String((*value).to_owned().into())))
    });
    let mut buffer = BytesMut::new();
    // Fails only for headers over 32 KiB or a payload over 4 GiB, which no useful script contains.
    write_message_to(&message, &mut buffer).expect("headers and payload should fit in an event-stream message");
    buffer.freeze()
}
