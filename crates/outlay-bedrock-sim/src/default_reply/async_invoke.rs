//! Asynchronous invocations that complete at once.

use serde_json::{Value, json};

use crate::reply::Reply;

const MODEL_ARN: &str = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-reel-v1:1";
const COMPLETED_AT: &str = "2026-11-20T12:00:00Z";

/// Starts an invocation. The same client request token gives the same ARN.
pub(super) fn start(body: &Value) -> Reply {
    let token = body["clientRequestToken"].as_str().unwrap_or("000000000000");
    Reply::json(json!({"invocationArn": format!("arn:aws:bedrock:us-east-1:123456789012:async-invoke/{token}")}))
}

pub(super) fn get(arn: &str) -> Reply {
    Reply::json(json!({
        "invocationArn": arn,
        "modelArn": MODEL_ARN,
        "status": "Completed",
        "submitTime": COMPLETED_AT,
        "endTime": COMPLETED_AT,
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/prefix"}},
    }))
}
