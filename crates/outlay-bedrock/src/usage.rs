//! Reads what a call used from its answer.
//!
//! | operation | file |
//! |---|---|
//! | Converse, and the `metadata` events of ConverseStream | `usage/converse_usage.rs` |
//! | InvokeModel, and the chunks of its stream | `usage/native_usage.rs`, `usage/usage_headers.rs` |
//! | InvokeModelWithBidirectionalStream | `usage/speech_usage.rs` |
//! | ApplyGuardrail, InvokeGuardrailChecks, and the guardrail of a model call | `usage/guardrail_usage.rs` |
//! | StartAsyncInvoke, GetAsyncInvoke | `usage/async_job.rs` |
//!
//! The end of a call chooses among them (`ending.rs`), and the events of a stream do as they pass (`stream/read_events.rs`).
//! `usage/sources.rs` puts the counts of several sources together.

mod answer_text;
mod async_job;
mod by_member;
mod cache_in_input;
mod choices;
mod converse_usage;
mod doubts;
mod guardrail_usage;
mod iterations;
pub(crate) mod lenient;
mod lenient_count;
mod members;
mod native_usage;
mod positive_number;
mod request_parameters;
mod sources;
mod speech_usage;
mod token_counts;
mod usage_headers;

pub(crate) use answer_text::{TEXTS, answer_text_bytes};
pub(crate) use async_job::{read_job_start, read_job_status};
pub(crate) use cache_in_input::AnswerKind;
pub(crate) use converse_usage::{ConverseAnswer, read_converse};
pub(crate) use doubts::Doubts;
pub(crate) use guardrail_usage::{
    AssessedUnits, CHECKS, GuardrailReport, IMAGE_POLICY, MAX_REASONING_POLICIES, REASONING_POLICY, TEXT_POLICIES,
    check_units, policy_units, read_apply_guardrail, read_checks,
};
pub(crate) use members::{Members, TypedTokens};
pub(crate) use native_usage::{NativeAnswer, read_native};
pub(crate) use request_parameters::{Parameters, read_request};
pub(crate) use sources::{Found, Sources, default_ttl, source};
pub(crate) use speech_usage::{EventBytes, SpeechUsage, Traffic, read_speech};
pub(crate) use token_counts::Counts;
pub(crate) use usage_headers::{AnswerHeaders, read_headers};
