//! Reads the usage headers of an InvokeModel answer.

use aws_smithy_runtime_api::http::Headers;

use super::lenient_count::parse;
use super::token_counts::Counts;

/// What an answer's headers say of its cost.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnswerHeaders {
    pub(crate) counts: Counts,
    pub(crate) served_tier: Option<String>,
    pub(crate) served_latency: Option<String>,
}

pub(crate) fn read_headers(headers: &Headers) -> AnswerHeaders {
    let count = |name: &str| headers.get(name).and_then(parse);
    AnswerHeaders {
        counts: Counts {
            input: count("x-amzn-bedrock-input-token-count"),
            output: count("x-amzn-bedrock-output-token-count"),
            cache_read: count("x-amzn-bedrock-cache-read-input-token-count"),
            cache_write: count("x-amzn-bedrock-cache-write-input-token-count"),
            ..Counts::default()
        },
        served_tier: headers.get("x-amzn-bedrock-service-tier").map(str::to_owned),
        served_latency: headers.get("x-amzn-bedrock-performanceconfig-latency").map(str::to_owned),
    }
}
