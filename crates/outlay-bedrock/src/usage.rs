//! What a call used, out of whatever the answer says.

mod converse;
mod count;
mod counts;
mod guardrail;
mod headers;
mod job;
pub(crate) mod lenient;
mod merge;
mod native;
mod request;
mod speech;

pub(crate) use converse::{ConverseAnswer, read_converse};
pub(crate) use counts::Counts;
pub(crate) use guardrail::{
    CHECKS, GuardrailTold, IMAGE_POLICY, MAX_REASONING_POLICIES, REASONING_POLICY, TEXT_POLICIES, read_apply_guardrail,
    read_checks,
};
pub(crate) use headers::{AnswerHeaders, read_headers};
pub(crate) use job::{read_job_start, read_job_status};
pub(crate) use merge::{Found, Sources};
pub(crate) use native::read_native;
pub(crate) use request::{Parameters, read_request};
pub(crate) use speech::{Bytes, Passed, SpeechUsage, read_speech};
