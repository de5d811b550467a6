//! How a reply is delivered: its headers, its timing and its faults.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::fault::Fault;
use crate::message::Message;
use crate::reply::Reply;
use crate::tokens::{ReportedTokens, Tokens};

impl Reply {
    /// Sets a header. Replaces the header that the reply would have by default.
    ///
    /// # Panics
    ///
    /// Panics if the name or the value is not valid in an HTTP header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).unwrap_or_else(|_| panic!("`{name}` is not a header name"));
        let value = HeaderValue::try_from(value).unwrap_or_else(|_| panic!("`{value}` is not a header value"));
        self.headers.push((name, value));
        self
    }

    /// Sets the counts in the `X-Amzn-Bedrock-*-Token-Count` headers of InvokeModel.
    ///
    /// Defaults to the usage of a [`Message`]. Other replies have no token headers by default.
    #[must_use]
    pub fn token_headers(mut self, tokens: Tokens) -> Self {
        self.token_headers = ReportedTokens::Given(tokens);
        self
    }

    /// Omits the token headers.
    #[must_use]
    pub fn without_token_headers(mut self) -> Self {
        self.token_headers = ReportedTokens::Omitted;
        self
    }

    /// Sets the delay before the response head.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.timing.before_head = delay;
        self
    }

    /// Sets the delay between the response head and the first byte of the body.
    #[must_use]
    pub fn first_byte_delay(mut self, delay: Duration) -> Self {
        self.timing.before_body = delay;
        self
    }

    /// Sets the delay between two frames of a stream.
    #[must_use]
    pub fn pace(mut self, pause: Duration) -> Self {
        self.timing.between_frames = pause;
        self
    }

    /// Sends the body in pieces of this many bytes and flushes each of them.
    ///
    /// Pieces do not follow the boundaries of frames. Zero means one byte.
    #[must_use]
    pub fn split(mut self, bytes: usize) -> Self {
        self.split = Some(bytes.max(1));
        self
    }

    /// Sets the fault in the body. A second call replaces the first fault.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// The delivery methods of [`Reply`].
impl Message {
    /// See [`Reply::header`].
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Reply {
        Reply::from(self).header(name, value)
    }

    /// See [`Reply::token_headers`].
    #[must_use]
    pub fn token_headers(self, tokens: Tokens) -> Reply {
        Reply::from(self).token_headers(tokens)
    }

    /// See [`Reply::without_token_headers`].
    #[must_use]
    pub fn without_token_headers(self) -> Reply {
        Reply::from(self).without_token_headers()
    }

    /// See [`Reply::delay`].
    #[must_use]
    pub fn delay(self, delay: Duration) -> Reply {
        Reply::from(self).delay(delay)
    }

    /// See [`Reply::first_byte_delay`].
    #[must_use]
    pub fn first_byte_delay(self, delay: Duration) -> Reply {
        Reply::from(self).first_byte_delay(delay)
    }

    /// See [`Reply::pace`].
    #[must_use]
    pub fn pace(self, pause: Duration) -> Reply {
        Reply::from(self).pace(pause)
    }

    /// See [`Reply::split`].
    #[must_use]
    pub fn split(self, bytes: usize) -> Reply {
        Reply::from(self).split(bytes)
    }

    /// See [`Reply::fault`].
    #[must_use]
    pub fn fault(self, fault: Fault) -> Reply {
        Reply::from(self).fault(fault)
    }
}
