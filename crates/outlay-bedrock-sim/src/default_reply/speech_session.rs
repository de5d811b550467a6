//! A speech session without speech, which reports zero tokens.

use serde_json::json;

use crate::reply::Reply;

pub(super) fn session() -> Reply {
    let nothing = json!({"speechTokens": 0, "textTokens": 0});
    let both = json!({"input": nothing, "output": nothing});
    Reply::chunks([
        json!({"event": {"completionStart": {"completionId": "c-1"}}}),
        json!({"event": {"usageEvent": {
            "completionId": "c-1",
            "details": {"delta": both, "total": both},
            "totalInputTokens": 0,
            "totalOutputTokens": 0,
            "totalTokens": 0,
        }}}),
        json!({"event": {"completionEnd": {"completionId": "c-1", "stopReason": "END_TURN"}}}),
    ])
}
