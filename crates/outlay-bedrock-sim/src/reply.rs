use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::error_kind::ErrorKind;
use crate::fault::Fault;
use crate::message::Message;
use crate::tokens::ReportedTokens;

/// A reply of the simulator and how it is delivered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) kind: Kind,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) token_headers: ReportedTokens,
    pub(crate) timing: Timing,
    pub(crate) split: Option<usize>,
    pub(crate) fault: Option<Fault>,
}

/// The content of a reply.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Message(Box<Message>),
    Body { content_type: String, bytes: Bytes },
    Chunks(Vec<Value>),
    Events(Vec<(String, Value)>),
    Error { kind: ErrorKind, message: Option<String> },
    Status(StatusCode),
    Reset,
    ResetAfterHeaders,
    Hang,
}

/// The delays before the parts of a reply.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing {
    pub(crate) before_head: Duration,
    pub(crate) before_body: Duration,
    pub(crate) between_frames: Duration,
}

impl Reply {
    /// Returns an empty assistant turn, which fits any of [`Operation::TURNS`](crate::Operation::TURNS).
    #[must_use]
    pub fn message() -> Message {
        Message::default()
    }

    /// Returns a reply with this JSON body.
    ///
    /// It has token headers only if [`token_headers`](Self::token_headers) is called.
    #[must_use]
    pub fn json(value: Value) -> Self {
        Self::bytes("application/json", value.to_string())
    }

    /// Returns a reply with this body and content type.
    #[must_use]
    pub fn bytes(content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self::of(Kind::Body { content_type: content_type.into(), bytes: bytes.into() })
    }

    /// Returns a stream of these chunks, for an InvokeModel stream or a speech session.
    #[must_use]
    pub fn chunks(chunks: impl IntoIterator<Item = Value>) -> Self {
        Self::of(Kind::Chunks(chunks.into_iter().collect()))
    }

    /// Returns a stream of these events, for a ConverseStream. An event is a pair of its `:event-type` and payload.
    #[must_use]
    pub fn events<N: Into<String>>(events: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::of(Kind::Events(events.into_iter().map(|(name, payload)| (name.into(), payload)).collect()))
    }

    /// Returns a modeled error with its default message.
    #[must_use]
    pub fn error(kind: ErrorKind) -> Self {
        Self::of(Kind::Error { kind, message: None })
    }

    /// Returns a modeled error with this message.
    #[must_use]
    pub fn error_saying(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::of(Kind::Error { kind, message: Some(message.into()) })
    }

    /// Returns a `ThrottlingException`, which the SDKs retry.
    #[must_use]
    pub fn throttled() -> Self {
        Self::error(ErrorKind::Throttling)
    }

    /// Returns a bare HTTP status with an HTML body and no error shape, as a proxy would send it.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self::of(Kind::Status(status))
    }

    /// Returns a reply that resets the connection before any byte is sent.
    #[must_use]
    pub fn reset() -> Self {
        Self::of(Kind::Reset)
    }

    /// Returns a reply that resets the connection after a successful response head.
    #[must_use]
    pub fn reset_after_headers() -> Self {
        Self::of(Kind::ResetAfterHeaders)
    }

    /// Returns a reply that sends nothing until the client disconnects.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Kind::Hang)
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            headers: Vec::new(),
            token_headers: ReportedTokens::Default,
            timing: Timing::default(),
            split: None,
            fault: None,
        }
    }
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        Self::of(Kind::Message(Box::new(message)))
    }
}
