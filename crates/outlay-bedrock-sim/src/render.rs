//! Renders replies in the wire format.

mod converse;
mod fault_injection;
mod invoke;

use http::StatusCode;

use crate::error_kind::ErrorKind;
use crate::fault::Fault;
use crate::frame;
use crate::message::Message;
use crate::operation::Operation;
use crate::rendered::{Ending, Rendered, set_header};
use crate::reply::{Kind, Reply};

/// Renders a reply to a request for `operation` on `model_id`, without a server.
///
/// The fault of the reply is applied. Its delays and its split are not, because they are up to the server.
///
/// ```
/// use outlay_bedrock_sim::{Operation, Reply, Tokens, render};
///
/// let reply = Reply::message().text("x".repeat(10_000)).deltas(1).usage(Tokens::new(12, 10_000));
/// let rendered = render(&reply.into(), Operation::ConverseStream, "amazon.nova-pro-v1:0");
/// // messageStart, the deltas, contentBlockStop, messageStop, metadata
/// assert_eq!(rendered.frames.len(), 10_004);
/// ```
#[must_use]
pub fn render(reply: &Reply, operation: Operation, model_id: &str) -> Rendered {
    let mut rendered = match &reply.kind {
        Kind::Message(message) => render_message(reply, message, operation, model_id),
        Kind::Body { content_type, bytes } => {
            let mut rendered = Rendered::whole(StatusCode::OK, content_type, bytes.clone());
            if let Some(tokens) = reply.token_headers.resolve(None) {
                invoke::add_token_headers(&mut rendered.headers, &tokens);
            }
            rendered
        }
        Kind::Chunks(chunks) if operation.is_stream() && operation != Operation::ConverseStream => {
            invoke::stream_of(chunks.iter().map(frame::chunk).collect())
        }
        Kind::Events(events) if operation == Operation::ConverseStream => {
            Rendered::stream(events.iter().map(|(name, payload)| frame::event(name, payload)).collect())
        }
        Kind::Chunks(_) | Kind::Events(_) => misfit(operation),
        Kind::Error { kind, message } => error(*kind, message.as_deref()),
        Kind::Status(status) => {
            Rendered::whole(*status, "text/html", format!("<html><body>{status}</body></html>\r\n"))
        }
        Kind::Reset => Rendered::nothing(Ending::ResetBeforeHead),
        Kind::Hang => Rendered::nothing(Ending::Silence),
        Kind::ResetAfterHeaders => reset_after_headers(reply, operation, model_id),
    };
    for (name, value) in &reply.headers {
        rendered.headers.insert(name, value.clone());
    }
    match reply.fault {
        Some(fault) if fault.needs_frames() && !rendered.is_stream() => misfit(operation),
        Some(fault) => {
            fault_injection::inject(fault, &mut rendered);
            rendered
        }
        None => rendered,
    }
}

fn render_message(reply: &Reply, message: &Message, operation: Operation, model_id: &str) -> Rendered {
    let metadata = reply.fault != Some(Fault::NoMetadata);
    match operation {
        Operation::Converse => converse::whole_turn(message),
        Operation::ConverseStream => converse::streamed_turn(message, metadata),
        Operation::InvokeModel => invoke::whole_turn(message, reply.token_headers, model_id),
        Operation::InvokeModelWithResponseStream => invoke::streamed_turn(message, metadata, model_id),
        _ => misfit(operation),
    }
}

/// Returns an error response.
///
/// As in the real service, the error type is followed by a colon and a namespace, which clients must strip.
fn error(kind: ErrorKind, message: Option<&str>) -> Rendered {
    let mut rendered = Rendered::whole(kind.status(), "application/json", kind.body(message).to_string());
    let error_type = format!("{}:http://internal.amazon.com/coral/com.amazon.bedrock/", kind.name());
    set_header(&mut rendered.headers, "x-amzn-errortype", &error_type);
    rendered
}

/// Returns the response for a reply that the operation cannot return, which is a mistake in the script.
///
/// SDKs do not retry its status, so the message reaches the author of the script.
fn misfit(operation: Operation) -> Rendered {
    let message = format!("bedrock-sim: the scripted reply does not fit {operation}");
    Rendered::whole(StatusCode::NOT_IMPLEMENTED, "text/plain", message)
}

fn reset_after_headers(reply: &Reply, operation: Operation, model_id: &str) -> Rendered {
    let message = Message::default().text("never sent");
    let mut rendered = render_message(reply, &message, operation, model_id);
    rendered.frames.clear();
    rendered.ending = Ending::Reset;
    rendered
}
