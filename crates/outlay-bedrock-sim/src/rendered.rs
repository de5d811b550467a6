use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// A reply in the wire format, without the request id and the headers that HTTP itself adds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rendered {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers. Only a body that is not a stream has a `content-length`.
    pub headers: HeaderMap,
    /// The body. An event stream has one entry for each frame, any other body a single entry.
    pub frames: Vec<Bytes>,
    /// What happens after the last frame.
    pub ending: Ending,
}

impl Rendered {
    /// Returns the concatenated frames.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.frames.concat().into()
    }

    /// Returns a complete reply whose body is not a stream.
    pub(crate) fn whole(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut headers = HeaderMap::new();
        set_header(&mut headers, CONTENT_TYPE.as_str(), content_type);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        Self { status, headers, frames: vec![body], ending: Ending::Complete }
    }

    /// Returns a complete reply whose body is an event stream.
    pub(crate) fn stream(frames: Vec<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        Self { status: StatusCode::OK, headers, frames, ending: Ending::Complete }
    }

    /// Returns an empty reply, for endings that send no byte.
    pub(crate) fn nothing(ending: Ending) -> Self {
        Self { status: StatusCode::OK, headers: HeaderMap::new(), frames: Vec::new(), ending }
    }

    /// Returns whether the body is an event stream.
    pub(crate) fn is_stream(&self) -> bool {
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
    /// The body does not end, and the connection stays open.
    Stall,
    /// The connection is reset before the response head.
    ResetBeforeHead,
    /// The response head is never sent.
    Silence,
}

/// Sets a header.
///
/// Leaves it out if no header can hold the value, because a server could not send it either.
pub(crate) fn set_header(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
