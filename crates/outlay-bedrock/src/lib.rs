//! Meters `aws-sdk-bedrockruntime`: an interceptor that attributes the cost of each call to the task that made it.
//!
//! [`Metered`] adds it to a client, which keeps its type, or to a client's configuration or a single operation. What a
//! call used is read from the answer's bytes as they pass ([`usage`](#where-a-token-count-comes-from)); the application
//! gets the bytes, types, errors and order of the bare client.
//!
//! # Where a token count comes from
//!
//! Each number is taken from the first source in this order that has it:
//!
//! | operation | order of trust |
//! |---|---|
//! | Converse | the body's `usage` |
//! | ConverseStream | the `usage` of the `metadata` event |
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
//! Where two sources have a number and differ, the call span says so in `outlay.call.usage_disagreement`. The served
//! tier and latency mode are the answer's, else the request's.

mod attempts;
mod call;
#[cfg(feature = "control-plane")]
mod control_plane;
mod degrade;
mod document;
mod fingerprint;
#[cfg(feature = "sts")]
mod identities;
mod input;
mod interceptor;
mod metered;
mod outcome;
#[cfg(feature = "sts")]
mod principals;
mod prompt;
mod request_metadata;
mod store;
mod stream;
#[cfg(feature = "sts")]
mod sts;
mod typed_output;
mod units;
mod usage;
mod wire;

#[cfg(feature = "control-plane")]
pub use control_plane::ControlPlane;
#[cfg(feature = "sts")]
pub use identities::{Identities, Workflow};
pub use interceptor::OutlayInterceptor;
pub use metered::Metered;
#[cfg(feature = "sts")]
pub use principals::Principals;
