//! How a reply is delivered: its headers, its timing and its faults.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::fault::Fault;
use crate::message::Message;
use crate::reply::Reply;
use crate::tokens::{Stated, Tokens};

impl Reply {
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

/// How the turn is delivered: the same methods as on [`Reply`].
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
