//! The HTTP attempts of one call.

use std::error::Error as StdError;
use std::time::SystemTime;

use aws_smithy_runtime_api::client::interceptors::context::Error;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::Headers;
use outlay_otel::Attempt;

/// One HTTP attempt.
#[derive(Clone, Debug)]
pub(crate) struct AttemptLog {
    started: SystemTime,
    ended: Option<SystemTime>,
    is_sent: bool,
    status: Option<u16>,
    request_id: Option<String>,
    error: Option<String>,
}

/// How far an attempt got, which decides what it may have cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing was sent.
    NotSent,
    /// Bedrock answered with an error status.
    Refused,
    /// The request was sent, and no complete answer came.
    Unanswered,
    /// Bedrock answered.
    Answered,
}

impl AttemptLog {
    pub(crate) const fn new(started: SystemTime) -> Self {
        Self { started, ended: None, is_sent: false, status: None, request_id: None, error: None }
    }

    /// Marks the request as sent. Called right before the first byte is sent.
    pub(crate) const fn mark_sent(&mut self) {
        self.is_sent = true;
    }

    /// Records the head of the answer.
    pub(crate) fn answered(&mut self, response: &HttpResponse) {
        self.status = Some(response.status().as_u16());
        self.request_id = request_id(response.headers());
    }

    pub(crate) fn end(&mut self, now: SystemTime, error: Option<String>) {
        self.ended.get_or_insert(now);
        self.error = error.or(self.error.take());
    }

    /// Marks the request as not sent after all.
    pub(crate) const fn mark_unsent(&mut self) {
        self.is_sent = false;
    }

    pub(crate) fn progress(&self) -> Progress {
        match self.status {
            None if !self.is_sent => Progress::NotSent,
            None => Progress::Unanswered,
            Some(200..=299) if self.error.is_none() => Progress::Answered,
            Some(200..=299) => Progress::Unanswered,
            Some(_) => Progress::Refused,
        }
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Converts the log to the attempt that is reported. An attempt without an end ends at `now`.
    pub(crate) fn finish(self, now: SystemTime) -> Attempt {
        Attempt {
            started: self.started,
            ended: self.ended.unwrap_or(now),
            status: self.status,
            request_id: self.request_id,
            error: self.error,
        }
    }
}

fn request_id(headers: &Headers) -> Option<String> {
    headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id")).map(str::to_owned)
}

/// Returns a short name for an error, with few distinct values: AWS's own name if it has one.
pub(crate) fn error_name(error: &OrchestratorError<Error>, response: Option<&HttpResponse>) -> String {
    if error.is_timeout_error() {
        return "timeout".to_owned();
    }
    if let Some(connector) = error.as_connector_error() {
        let name = if connector.is_timeout() {
            "timeout"
        } else if connector.is_user() {
            "invalid_request"
        } else {
            "connection_error"
        };
        return name.to_owned();
    }
    if error.is_interceptor_error() {
        return "interceptor_error".to_owned();
    }
    match response {
        Some(response) if !response.status().is_success() => {
            error_code(response).unwrap_or_else(|| response.status().as_u16().to_string())
        }
        Some(_) => "response_error".to_owned(),
        None => "other".to_owned(),
    }
}

/// Returns the error code in the header or the body, such as `ThrottlingException`.
fn error_code(response: &HttpResponse) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(alias = "__type")]
        code: String,
    }
    let from_body = || serde_json::from_slice::<Body>(response.body().bytes()?).ok().map(|body| body.code);
    let code = response.headers().get("x-amzn-errortype").map(str::to_owned).or_else(from_body)?;
    // AWS writes it as `prefix#Name:http://...`.
    let name = code.split(':').next().and_then(|c| c.rsplit('#').next()).unwrap_or_default().trim();
    let is_name = !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric());
    is_name.then(|| name.to_owned())
}

/// Returns whether the attempt failed before anything was sent: there was no connection, or another interceptor
/// failed in the last hook before sending.
pub(crate) fn sent_nothing(error: &OrchestratorError<Error>) -> bool {
    let failed_before_sending =
        || StdError::source(error).is_some_and(|hook| hook.to_string().contains("read_before_transmit"));
    never_connected(error) || (error.is_interceptor_error() && failed_before_sending())
}

fn never_connected(error: &OrchestratorError<Error>) -> bool {
    error.as_connector_error().is_some_and(|error| says_never_connected(error) || could_not_connect(error))
}

/// Returns whether the SDK says that it never connected. Only the error's debug text contains that.
fn says_never_connected(error: &ConnectorError) -> bool {
    error.connection_metadata().is_none() && format!("{error:?}").contains("connection: NeverConnected")
}

/// Returns whether the SDK's own HTTP client could not connect: a host has no address or accepts no connection.
fn could_not_connect(error: &ConnectorError) -> bool {
    let mut source = StdError::source(error);
    while let Some(error) = source {
        if let Some(client) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return client.is_connect();
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails if an SDK update changes the debug text. Failed connections would then be charged at their bound, unless
    /// the HTTP client reports that it never connected.
    #[test]
    fn debug_text_shows_whether_there_was_a_connection() {
        let error = || ConnectorError::io("refused".into());
        assert!(says_never_connected(&error().never_connected()));
        assert!(!says_never_connected(&error()));
    }
}
