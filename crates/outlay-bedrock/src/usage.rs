//! What a call used, out of whatever the answer says.

mod answer_text;
mod by_member;
mod choices;
mod converse;
mod count;
mod counts;
mod doubts;
mod guardrail;
mod headers;
mod inclusiveness;
mod iterations;
mod job;
pub(crate) mod lenient;
mod members;
mod native;
mod positive;
mod request;
mod sources;
mod speech;

pub(crate) use answer_text::{TEXTS, answer_text_bytes};
pub(crate) use converse::{ConverseAnswer, read_converse};
pub(crate) use counts::Counts;
pub(crate) use doubts::Doubts;
pub(crate) use guardrail::{
    Assessed, CHECKS, GuardrailTold, IMAGE_POLICY, MAX_REASONING_POLICIES, REASONING_POLICY, TEXT_POLICIES,
    check_units, policy_units, read_apply_guardrail, read_checks,
};
pub(crate) use headers::{AnswerHeaders, read_headers};
pub(crate) use inclusiveness::Told;
pub(crate) use job::{read_job_start, read_job_status};
pub(crate) use members::{Members, TypedTokens};
pub(crate) use native::{NativeAnswer, read_native};
pub(crate) use request::{Parameters, read_request};
pub(crate) use sources::{Found, Sources, default_ttl, source};
pub(crate) use speech::{Bytes, Passed, SpeechUsage, read_speech};
