use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::error_kind::ErrorKind;
use crate::fault::Fault;
use crate::message::Message;
use crate::tokens::{Stated, Tokens};

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

    /// Sets a header, over whatever the reply would have there.
    ///
    /// # Panics
    ///
    /// Where the name or the value cannot be in an HTTP header: the script is wrong.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap_or_else(|_| panic!("`{name}` is not a header name"));
        let value = HeaderValue::try_from(value).unwrap_or_else(|_| panic!("`{value}` is not a header value"));
        self.headers.push((name, value));
        self
    }

    /// What the `X-Amzn-Bedrock-*-Token-Count` headers of InvokeModel say. Defaults to the usage of
    /// a [`Message`], and to no headers on any other reply.
    #[must_use]
    pub fn token_headers(mut self, tokens: Tokens) -> Self {
        self.token_headers = Stated::As(tokens);
        self
    }

    /// Leaves the token headers out, as some families do.
    #[must_use]
    pub fn without_token_headers(mut self) -> Self {
        self.token_headers = Stated::Not;
        self
    }

    /// Waits before the head.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.timing.before_head = delay;
        self
    }

    /// Waits between the head and the first byte of the body.
    #[must_use]
    pub fn first_byte_delay(mut self, delay: Duration) -> Self {
        self.timing.before_body = delay;
        self
    }

    /// Waits between any two frames of a stream.
    #[must_use]
    pub fn pace(mut self, pause: Duration) -> Self {
        self.timing.between_frames = pause;
        self
    }

    /// Sends the body in pieces of so many bytes, each flushed, so that frames are cut anywhere.
    /// Zero means one.
    #[must_use]
    pub fn split(mut self, bytes: usize) -> Self {
        self.split = Some(bytes.max(1));
        self
    }

    /// Breaks the body. The last fault given holds.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        Self::of(Kind::Message(Box::new(message)))
    }
}
