use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use outlay_otel::CallStart;
use outlay_price::CacheUse;

use crate::attempt_log::AttemptLog;
use crate::input::{CacheRequest, Limits};
use crate::prompt;
use crate::signed::Signed;
use crate::units::RequestedUnits;
use crate::usage::AnswerHeaders;

/// What is known of a call in progress.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallLog {
    pub(crate) attempts: Vec<AttemptLog>,
    /// Where the serialized body is in memory. If it changes, an interceptor has replaced the body.
    pub(crate) body: BodyPlace,
    /// The size of the input.
    pub(crate) size: prompt::Size,
    /// What else bounds the cost.
    pub(crate) limits: Limits,
    /// Distinguishes the request from others, if the engine compares calls.
    pub(crate) fingerprint: Option<u64>,
    /// The requested units.
    pub(crate) requested: Option<RequestedUnits>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) headers: AnswerHeaders,
    /// How the last attempt was signed.
    pub(crate) signed: Signed,
    /// The attempt whose answer is tapped.
    pub(crate) tapped_attempt: usize,
    /// The attempt whose request is tapped.
    pub(crate) sent_tapped_attempt: usize,
}

/// The address and the length of a body in memory.
pub(crate) type BodyPlace = Option<(usize, usize)>;

pub(crate) fn body_place(request: &HttpRequest) -> BodyPlace {
    request.body().bytes().map(|bytes| (bytes.as_ptr().addr(), bytes.len()))
}

impl CallLog {
    /// Replaces the limits with those of the request that is sent. Values that the request leaves out stay.
    pub(crate) fn replace_limits(&mut self, start: &mut CallStart, limits: Limits) {
        start.max_tokens = limits.max_tokens.or(start.max_tokens);
        let answers = limits.answers.or(self.limits.answers);
        self.limits = Limits { answers, ..limits };
        start.inferences = self.limits.inferences();
        if limits.cache > CacheRequest::Nothing {
            start.cache = CacheUse::MayWrite;
        }
    }
}
