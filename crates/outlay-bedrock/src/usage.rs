//! Reads what a call used from its answer.

mod answer_text;
mod async_job;
mod by_member;
mod choices;
mod converse_usage;
mod doubts;
mod guardrail_usage;
mod inclusiveness;
mod iterations;
pub(crate) mod lenient;
mod lenient_count;
mod members;
mod native_usage;
mod positive;
mod request_parameters;
mod sources;
mod speech_usage;
mod token_counts;
mod usage_headers;

pub(crate) use answer_text::{TEXTS, answer_text_bytes};
pub(crate) use async_job::{read_job_start, read_job_status};
pub(crate) use converse_usage::{ConverseAnswer, read_converse};
pub(crate) use doubts::Doubts;
pub(crate) use guardrail_usage::{
    AssessedUnits, CHECKS, GuardrailReport, IMAGE_POLICY, MAX_REASONING_POLICIES, REASONING_POLICY, TEXT_POLICIES,
    check_units, policy_units, read_apply_guardrail, read_checks,
};
pub(crate) use inclusiveness::AnswerKind;
pub(crate) use members::{Members, TypedTokens};
pub(crate) use native_usage::{NativeAnswer, read_native};
pub(crate) use request_parameters::{Parameters, read_request};
pub(crate) use sources::{Found, Sources, default_ttl, source};
pub(crate) use speech_usage::{EventBytes, SpeechUsage, Traffic, read_speech};
pub(crate) use token_counts::Counts;
pub(crate) use usage_headers::{AnswerHeaders, read_headers};
