//! Meters `aws-sdk-bedrockruntime`: an interceptor that attributes the cost of each call to the task that made it.
//!
//! [`Metered`] adds it to a client, which keeps its type, or to a client's configuration or a single operation. What a
//! call used is read from the answer's bytes as they pass ([`usage`](#where-a-token-count-comes-from)); the application
//! gets the bytes, types, errors and order of the bare client.
//!
//! # Where a token count comes from
//!
//! Input and cache are one group, which comes whole from the first source in this order that has all of it: some
//! sources include the cache in the input, and some do not. The output comes from the first source that has it. A source
//! that says 0 does not know.
//!
//! | operation | order of trust |
//! |---|---|
//! | Converse | the body's `usage`, else that of the prompt router in the trace |
//! | ConverseStream | the `usage` of the `metadata` events |
//! | InvokeModel | the model's own usage in the body, then the `X-Amzn-Bedrock-*-Token-Count` headers |
//! | InvokeModelWithResponseStream | the model's own usage in the chunks, then `amazon-bedrock-invocationMetrics`, then the headers |
//! | InvokeModelWithBidirectionalStream | the totals of the last usage event |
//!
//! Images, seconds and queries are counted from the request, and from the answer where it says how many it has. Guardrail
//! units are those of the answer: of ApplyGuardrail and InvokeGuardrailChecks always, of a model call where its request
//! enables the trace. Without the trace, a guardrail is counted at the most that it can come to: `bounded`. A job of
//! StartAsyncInvoke is charged at its start, by what it asks for, and taken back once if GetAsyncInvoke says that it
//! failed.
//!
//! Several final events of one source are put together: of each count the greatest holds. All inferences in Claude's
//! `usage.iterations` are billed. Which member of a `usage` is which count is listed in one place, `usage/members.rs`;
//! whether a count of input includes the cache is decided in another, `usage/inclusiveness.rs`.
//!
//! A figure is estimated where the counts contradict themselves, each other or what was seen; `outlay.usage.doubt` on the
//! call span says why, and `outlay.usage.source` which source was taken. The served tier and latency mode are the
//! answer's, else the request's. The model that is priced is the one that answered: by the trace of a prompt router, or by
//! the name in the answer, where the price table has another model of that name.
//!
//! # What cannot be seen
//!
//! An error that another interceptor returns from `read_after_execution` comes after Outlay's last hook. The call
//! settles without it, and does not count as failed.

mod attempt_log;
mod call;
mod call_log;
#[cfg(feature = "control-plane")]
mod control_plane;
mod degrade;
mod document;
mod ending;
mod fingerprint;
#[cfg(feature = "sts")]
mod identities;
mod input;
mod interceptor;
mod metered;
mod metering;
#[cfg(feature = "sts")]
mod principals;
mod prompt;
mod refusal_to_sdk_error;
mod request_metadata;
#[cfg_attr(not(feature = "sts"), path = "unsigned.rs")]
mod signed;
mod stream;
#[cfg(feature = "sts")]
mod sts;
mod typed_output;
mod units;
mod usage;
mod wait_for_shared_budget;
mod wire;

#[cfg(feature = "control-plane")]
pub use control_plane::ControlPlane;
#[cfg(feature = "sts")]
pub use identities::{Identities, Workflow};
pub use interceptor::OutlayInterceptor;
pub use metered::Metered;
#[cfg(feature = "sts")]
pub use principals::Principals;
