use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::operation::Operation;

/// A request that the simulator received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The requested operation.
    pub operation: Operation,
    /// The decoded model id, which may be an ARN.
    ///
    /// For ApplyGuardrail it is the id of the guardrail, and for GetAsyncInvoke the ARN of the job.
    pub model_id: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. The body of a speech session is empty until the session ends.
    pub body: Bytes,
    /// The index of the connection, counted from 0.
    pub connection: u64,
    /// The position among all requests, counted from 0.
    pub order: usize,
    /// When the request was recorded. The body of a speech session is received later.
    pub received: Instant,
    /// The `x-amzn-RequestId` of the reply, unless the script sets another one.
    pub request_id: String,
}

impl Recorded {
    /// Parses the body as JSON. Returns `null` if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
