use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::error_kind::ErrorKind;
use crate::fault::Fault;
use crate::message::Message;
use crate::tokens::Stated;

/// What the simulator answers, and how it delivers it.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) kind: Kind,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) token_headers: Stated,
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

/// When the parts of a reply are sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timing {
    pub(crate) before_head: Duration,
    pub(crate) before_body: Duration,
    pub(crate) between_frames: Duration,
}

impl Reply {
    /// An assistant turn, for any of [`Operation::TURNS`](crate::Operation::TURNS).
    #[must_use]
    pub fn message() -> Message {
        Message::default()
    }

    /// A JSON body, as it is. Token headers only where [`token_headers`](Self::token_headers) asks
    /// for them.
    #[must_use]
    pub fn json(value: Value) -> Self {
        Self::bytes("application/json", value.to_string())
    }

    /// A body of any type, as it is.
    #[must_use]
    pub fn bytes(content_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self::of(Kind::Body { content_type: content_type.into(), bytes: bytes.into() })
    }

    /// The chunks of an InvokeModel stream, or of a speech session, as they are.
    #[must_use]
    pub fn chunks(chunks: impl IntoIterator<Item = Value>) -> Self {
        Self::of(Kind::Chunks(chunks.into_iter().collect()))
    }

    /// The events of a ConverseStream, as they are: `(":event-type", payload)`.
    #[must_use]
    pub fn events<N: Into<String>>(events: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::of(Kind::Events(events.into_iter().map(|(name, payload)| (name.into(), payload)).collect()))
    }

    /// A modelled error in place of a reply.
    #[must_use]
    pub fn error(kind: ErrorKind) -> Self {
        Self::of(Kind::Error { kind, message: None })
    }

    /// A modelled error with a message of its own.
    #[must_use]
    pub fn error_saying(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::of(Kind::Error { kind, message: Some(message.into()) })
    }

    /// `ThrottlingException`, which the SDKs retry.
    #[must_use]
    pub fn throttled() -> Self {
        Self::error(ErrorKind::Throttling)
    }

    /// A status with an HTML body and no error shape, as a proxy would answer.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self::of(Kind::Status(status))
    }

    /// The connection is reset before any byte of a reply.
    #[must_use]
    pub fn reset() -> Self {
        Self::of(Kind::Reset)
    }

    /// The connection is reset after the head of a reply that looks good.
    #[must_use]
    pub fn reset_after_headers() -> Self {
        Self::of(Kind::ResetAfterHeaders)
    }

    /// No answer until the client leaves.
    #[must_use]
    pub fn hang() -> Self {
        Self::of(Kind::Hang)
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            headers: Vec::new(),
            token_headers: Stated::ByDefault,
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
