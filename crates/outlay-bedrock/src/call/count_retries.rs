//! The HTTP attempts of a call. Each of the SDK's retries is counted here.

#[cfg(feature = "sts")]
use std::sync::Arc;

use aws_smithy_runtime_api::client::interceptors::context::Error;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
#[cfg(feature = "sts")]
use outlay_otel::{CallIdentity, Signer};

use super::{Call, Owner};
use crate::attempt_log::{AttemptLog, error_name, sent_nothing};
use crate::call_log::body_place;
use crate::input::{Kind, Limits};
use crate::prompt;
use crate::request_uri;
use crate::signed::Signed;
use crate::usage::{AnswerHeaders, read_headers};

impl Call {
    /// Starts the SDK's attempt `number`, counted from 1. An attempt counts once, even if an interceptor that is set
    /// both on the client and in a configuration override reports it twice.
    pub(crate) fn attempt_started(&self, number: u32) {
        let mut state = self.lock();
        if state.open.is_none() {
            return;
        }
        if state.log.attempts.len() as u64 >= u64::from(number) {
            return;
        }
        let now = self.engine.now();
        if let Some(last) = state.log.attempts.last_mut() {
            last.end(now, None);
        }
        state.log.attempts.push(AttemptLog::new(now));
        state.log.headers = AnswerHeaders::default();
        state.collected = None;
        state.owner = Owner::Hooks;
        state.log.signed = Signed::default();
    }

    /// Takes in the final request. Its model and region are the ones that are charged, even if an interceptor changed
    /// them.
    pub(crate) fn attempt_sent(&self, request: &HttpRequest) {
        let facts = request_uri::read(request);
        let state = &mut *self.lock();
        if let Some(open) = &mut state.open {
            let engine = &self.engine;
            let start = open.start_mut();
            if let Some(model) = facts.other_model(&start.model) {
                start.model = engine.intern(&model);
            }
            if let Some(region) = facts.region.filter(|region| start.region.as_deref() != Some(region)) {
                start.region = Some(engine.intern(region));
            }
        }
        if state.log.host.as_deref() != facts.host {
            state.log.host = facts.host.map(str::to_owned);
        }
        state.log.port = facts.port;
        // An interceptor of the application has replaced the serialized body.
        if state.log.body != body_place(request) && self.kind != Kind::Speech {
            state.log.body = body_place(request);
            state.log.size = prompt::of_replaced(request.body());
            if let (Some(open), Some(bytes)) = (&mut state.open, request.body().bytes()) {
                let limits = Limits::of_body(bytes);
                state.log.size = limits.total_size(state.log.size);
                state.log.replace_limits(open.start_mut(), limits);
            }
        }
        if let Some(last) = state.log.attempts.last_mut() {
            last.mark_sent();
        }
    }

    /// Records the result of resolving the attempt's own identity.
    #[cfg(feature = "sts")]
    pub(crate) fn attempt_identified(&self, identity: CallIdentity, signer: Option<&Arc<Signer>>) {
        self.lock().log.signed = Signed::assumed(identity, signer);
    }

    /// Records that the attempt is signed. Looks up the signer if the engine asks for it.
    pub(crate) fn attempt_signed(&self, request: &HttpRequest, components: &RuntimeComponents) {
        let lookup = {
            let state = self.lock();
            state.open.is_some().then(|| state.log.signed.lookup(&self.engine)).flatten()
        };
        // Outside the lock, because a lookup may log.
        if let Some(lookup) = lookup {
            self.lock().log.signed = lookup.of_request(request, components);
        }
    }

    /// Reports the signed attempt as sent.
    pub(crate) fn report_attempt_sent(&self) {
        let state = self.lock();
        if let Some(open) = &state.open {
            open.mark_sent(state.log.signed.signer());
        }
    }

    pub(crate) fn attempt_answered(&self, response: &HttpResponse) {
        let mut state = self.lock();
        if let Some(last) = state.log.attempts.last_mut() {
            last.answered(response);
        }
        // Converse has everything in its body.
        if matches!(self.kind, Kind::Invoke | Kind::InvokeStream) {
            state.log.headers = read_headers(response.headers());
        }
    }

    pub(crate) fn attempt_ended(&self, error: Option<&OrchestratorError<Error>>, response: Option<&HttpResponse>) {
        let mut state = self.lock();
        if state.open.is_none() {
            return;
        }
        let now = self.engine.now();
        if let Some(last) = state.log.attempts.last_mut() {
            last.end(now, error.map(|error| error_name(error, response)));
            if error.is_some_and(sent_nothing) {
                last.mark_unsent();
            }
        }
    }
}
