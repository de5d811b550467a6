//! Meters `aws-sdk-bedrockruntime`: an interceptor that attributes the cost of each call to the task that made it.
//!
//! [`metered_client`], [`metered_config`] and [`metered_operation`] add it, and the client keeps its type.
//! The usage of a call is read from the answer's bytes as they pass ([sources](#where-a-token-count-comes-from)). The
//! application gets the same bytes, types, errors and order as from the bare client.
//!
//! # Where a token count comes from
//!
//! Input and cache counts form one group. The group comes from the first source in this order that has all of it,
//! because some sources include the cache in the input and some do not. The output comes from the first source that
//! has it. A source that says 0 is treated as unknown.
//!
//! | operation | order of trust |
//! |---|---|
//! | Converse | the body's `usage`, else that of the prompt router in the trace |
//! | ConverseStream | the `usage` of the `metadata` events |
//! | InvokeModel | the model's own usage in the body, then the `X-Amzn-Bedrock-*-Token-Count` headers |
//! | InvokeModelWithResponseStream | the model's own usage in the chunks, then `amazon-bedrock-invocationMetrics`, then the headers |
//! | InvokeModelWithBidirectionalStream | the totals of the last usage event |
//!
//! Images, seconds and queries are counted from the request, or from the answer if it has a count. Guardrail units
//! come from the answer: always for ApplyGuardrail and InvokeGuardrailChecks, and for a model call if its request
//! enables the trace. Without the trace, a guardrail is counted at its maximum: `bounded`. A StartAsyncInvoke job is
//! charged when it starts, by what it asks for. The charge is reversed once if GetAsyncInvoke reports that the job
//! failed.
//!
//! Several final events of one source are combined: the greatest of each count is used. All inferences in Claude's
//! `usage.iterations` are billed. `usage/members/member_names.rs` is the one list of the members of a `usage` and
//! their meanings. `usage/cache_in_input.rs` decides whether an input count includes the cache.
//!
//! A figure is estimated if the counts contradict themselves, each other or the observed text. `outlay.usage.doubt`
//! on the call span gives the reason, and `outlay.usage.source` the source that was used. The served tier and latency
//! mode are the answer's, else the request's. The priced model is the one that answered: from the trace of a prompt
//! router, or from the name in the answer if the price table has a different model of that name.
//!
//! # What cannot be seen
//!
//! An error that another interceptor returns from `read_after_execution` comes after Outlay's last hook. The call
//! settles without it and does not count as failed.

mod attempt_log;
mod call;
mod call_log;
#[cfg(feature = "control-plane")]
mod control_plane;
mod document;
mod downgrade;
mod ending;
mod fingerprint;
#[cfg(feature = "sts")]
mod identities;
mod input;
mod interceptor;
mod metered;
mod metering_entry;
#[cfg(feature = "sts")]
mod principals;
mod prompt;
mod refusal_to_sdk_error;
mod request_metadata;
mod request_uri;
mod sent_events;
#[cfg_attr(not(feature = "sts"), path = "signed_without_sts.rs")]
mod signed;
mod stream;
mod stream_result;
#[cfg(feature = "sts")]
mod sts;
mod typed_output;
mod units;
mod usage;
mod validate_inner_cache;
mod wait_for_shared_budget;

#[cfg(feature = "control-plane")]
pub use control_plane::ControlPlane;
#[cfg(feature = "sts")]
pub use identities::{Identities, Workflow};
pub use interceptor::OutlayInterceptor;
pub use metered::{metered_client, metered_config, metered_operation};
#[cfg(feature = "sts")]
pub use principals::Principals;
