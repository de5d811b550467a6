//! The fields of a script file.
//!
//! None of them is an untagged enum, because the position of an error would be lost.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::content_block::ContentBlock;
use crate::error_kind::ErrorKind;
use crate::family::Family;
use crate::fault::Fault;
use crate::message::Message;
use crate::operation::Operation;
use crate::reply::Reply;
use crate::request_match::Match;
use crate::tokens::{ReportedTokens, Tokens};

/// An entry of a script file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    #[serde(rename = "match")]
    requests: Option<Requests>,
    times: Option<u16>,
    reply: Content,
    #[serde(default)]
    headers: Headers,
    token_headers: Option<Tokens>,
    #[serde(default)]
    without_token_headers: bool,
    delay_ms: Option<u64>,
    first_byte_delay_ms: Option<u64>,
    pace_ms: Option<u64>,
    split: Option<usize>,
    fault: Option<Fault>,
}

impl Entry {
    pub(super) fn into_replies(self) -> Vec<(Option<Match>, Reply)> {
        let requests = self.requests.and_then(Requests::into_match);
        let mut reply = self.reply.into_reply();
        reply.headers = self.headers.0;
        reply.token_headers = reported(self.token_headers, self.without_token_headers);
        if let Some(delay) = self.delay_ms {
            reply = reply.delay(Duration::from_millis(delay));
        }
        if let Some(delay) = self.first_byte_delay_ms {
            reply = reply.first_byte_delay(Duration::from_millis(delay));
        }
        if let Some(pause) = self.pace_ms {
            reply = reply.pace(Duration::from_millis(pause));
        }
        if let Some(bytes) = self.split {
            reply = reply.split(bytes);
        }
        reply.fault = self.fault;
        vec![(requests, reply); usize::from(self.times.unwrap_or(1))]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requests {
    model: Option<String>,
    operation: Option<Operation>,
    body: Option<String>,
}

impl Requests {
    fn into_match(self) -> Option<Match> {
        let conditions =
            [self.model.map(Match::model), self.operation.map(Match::operation), self.body.map(Match::body)];
        conditions.into_iter().flatten().reduce(Match::and)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Message(Box<Turn>),
    Error(Failure),
    Status(Status),
    Json(Value),
    Chunks(Vec<Value>),
    Events(Vec<(String, Value)>),
    Reset,
    ResetAfterHeaders,
    Hang,
}

impl Content {
    fn into_reply(self) -> Reply {
        match self {
            Self::Message(turn) => turn.into_message().into(),
            Self::Error(Failure { kind, message: None }) => Reply::error(kind),
            Self::Error(Failure { kind, message: Some(message) }) => Reply::error_saying(kind, message),
            Self::Status(status) => Reply::status(status.0),
            Self::Json(value) => Reply::json(value),
            Self::Chunks(chunks) => Reply::chunks(chunks),
            Self::Events(events) => Reply::events(events),
            Self::Reset => Reply::reset(),
            Self::ResetAfterHeaders => Reply::reset_after_headers(),
            Self::Hang => Reply::hang(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    #[serde(default)]
    content: Vec<ContentBlock>,
    stop_reason: Option<String>,
    usage: Option<Tokens>,
    #[serde(default)]
    without_usage: bool,
    invocation_metrics: Option<Tokens>,
    #[serde(default)]
    without_invocation_metrics: bool,
    latency_ms: Option<u64>,
    service_tier: Option<String>,
    latency_mode: Option<String>,
    trace: Option<Value>,
    additional_fields: Option<Value>,
    deltas: Option<usize>,
    family: Option<Family>,
}

impl Turn {
    fn into_message(self) -> Message {
        Message {
            content: self.content,
            stop_reason: self.stop_reason,
            usage: reported(self.usage, self.without_usage),
            invocation_metrics: reported(self.invocation_metrics, self.without_invocation_metrics),
            latency_ms: self.latency_ms,
            service_tier: self.service_tier,
            latency_mode: self.latency_mode,
            trace: self.trace,
            additional_fields: self.additional_fields,
            deltas: self.deltas,
            family: self.family,
        }
    }
}

fn reported(tokens: Option<Tokens>, without: bool) -> ReportedTokens {
    match tokens {
        _ if without => ReportedTokens::Omitted,
        Some(tokens) => ReportedTokens::Given(tokens),
        None => ReportedTokens::Default,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    kind: ErrorKind,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(try_from = "u16")]
struct Status(StatusCode);

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(code: u16) -> Result<Self, String> {
        StatusCode::from_u16(code).map(Self).map_err(|_| format!("{code} is not an HTTP status"))
    }
}

#[derive(Default, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
struct Headers(Vec<(HeaderName, HeaderValue)>);

impl TryFrom<BTreeMap<String, String>> for Headers {
    type Error = String;

    fn try_from(headers: BTreeMap<String, String>) -> Result<Self, String> {
        let pair = |(name, value): (String, String)| {
            let parsed = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(&value).ok());
            parsed.ok_or_else(|| format!("`{name}: {value}` is not a header"))
        };
        headers.into_iter().map(pair).collect::<Result<_, _>>().map(Self)
    }
}
