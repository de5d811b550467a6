use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::operation::Operation;

/// A request that the simulator received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The operation asked for.
    pub operation: Operation,
    /// The model id, percent-decoded; it may be an ARN. Of ApplyGuardrail it is the guardrail's id, and of GetAsyncInvoke
    /// the job's ARN.
    pub model_id: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. That of a speech session is there once it has ended.
    pub body: Bytes,
    /// The connection it came on, counted from 0.
    pub connection: u64,
    /// Its place among all requests, counted from 0.
    pub order: usize,
    /// When it was complete.
    pub received: Instant,
    /// The `x-amzn-RequestId` of the reply, unless the script set another.
    pub request_id: String,
}

impl Recorded {
    /// The body as JSON, `null` where it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
