//! From a reply to the bytes that carry it.

mod converse;
mod invoke;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::error_kind::ErrorKind;
use crate::fault::Fault;
use crate::frame;
use crate::message::Message;
use crate::operation::Operation;
use crate::reply::{Kind, Reply};

const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// A reply as it goes on the wire, but for the request id and what HTTP itself adds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rendered {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers. Only a body that is not a stream has a `content-length`.
    pub headers: HeaderMap,
    /// The body: one entry for each event-stream frame, or one entry for all of it.
    pub frames: Vec<Bytes>,
    /// What happens after the last frame.
    pub ending: Ending,
}

impl Rendered {
    /// The whole body in one piece.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.frames.concat().into()
    }

    fn is_stream(&self) -> bool {
        self.headers.get(CONTENT_TYPE).is_some_and(|value| value == EVENT_STREAM)
    }
}

/// What happens after the last frame of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The body ends.
    Complete,
    /// The connection is reset.
    Reset,
    /// Nothing follows, and the connection stays open.
    Stall,
    /// The connection is reset before the head.
    ResetBeforeHead,
    /// There is never a head.
    Silence,
}

/// The bytes that answer `operation` on `model_id`, without a server.
///
/// Timing and splitting are the server's; faults are applied here.
///
/// ```
/// use bedrock_sim::{Operation, Reply, Tokens, render};
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
            let mut rendered = whole(StatusCode::OK, content_type, bytes.clone());
            if let Some(tokens) = reply.token_headers.or(None) {
                invoke::add_token_headers(&mut rendered.headers, &tokens);
            }
            rendered
        }
        Kind::Chunks(chunks) if operation.is_stream() && operation != Operation::ConverseStream => {
            invoke::stream_of(chunks.iter().map(frame::chunk).collect())
        }
        Kind::Events(events) if operation == Operation::ConverseStream => {
            stream(events.iter().map(|(name, payload)| frame::event(name, payload)).collect())
        }
        Kind::Chunks(_) | Kind::Events(_) => misfit(operation),
        Kind::Error { kind, message } => error(*kind, message.as_deref()),
        Kind::Status(status) => whole(*status, "text/html", format!("<html><body>{status}</body></html>\r\n")),
        Kind::Reset => nothing(Ending::ResetBeforeHead),
        Kind::Hang => nothing(Ending::Silence),
        Kind::ResetAfterHeaders => reset_after_headers(reply, operation, model_id),
    };
    for (name, value) in &reply.headers {
        rendered.headers.insert(name, value.clone());
    }
    match reply.fault {
        Some(fault) if fault.needs_frames() && !rendered.is_stream() => misfit(operation),
        Some(fault) => {
            fault.apply(&mut rendered);
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

/// An error shape, as the service sends it: the type has a namespace behind a colon, which clients
/// must cut off.
pub(crate) fn error(kind: ErrorKind, message: Option<&str>) -> Rendered {
    let mut rendered = whole(kind.status(), "application/json", kind.body(message).to_string());
    let error_type = format!("{}:http://internal.amazon.com/coral/com.amazon.bedrock/", kind.name());
    set(&mut rendered.headers, "x-amzn-errortype", &error_type);
    rendered
}

/// A reply that the operation cannot carry: a mistake in the script, told where it will be read and
/// not retried.
fn misfit(operation: Operation) -> Rendered {
    let told = format!("bedrock-sim: the scripted reply does not fit {operation}");
    whole(StatusCode::NOT_IMPLEMENTED, "text/plain", told)
}

fn reset_after_headers(reply: &Reply, operation: Operation, model_id: &str) -> Rendered {
    let message = Message::default().text("never sent");
    let mut rendered = render_message(reply, &message, operation, model_id);
    rendered.frames.clear();
    rendered.ending = Ending::Reset;
    rendered
}

fn nothing(ending: Ending) -> Rendered {
    Rendered { status: StatusCode::OK, headers: HeaderMap::new(), frames: Vec::new(), ending }
}

fn whole(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Rendered {
    let body = body.into();
    let mut headers = HeaderMap::new();
    set(&mut headers, CONTENT_TYPE.as_str(), content_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Rendered { status, headers, frames: vec![body], ending: Ending::Complete }
}

fn stream(frames: Vec<Bytes>) -> Rendered {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    Rendered { status: StatusCode::OK, headers, frames, ending: Ending::Complete }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // A script's own text that no header can hold is left out, as a server could not send it
    // either.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
