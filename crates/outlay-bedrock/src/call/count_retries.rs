//! The HTTP attempts of a call. Each retry of the SDK is counted here.

#[cfg(feature = "sts")]
use std::sync::Arc;

use aws_smithy_runtime_api::client::interceptors::context::Error;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
#[cfg(feature = "sts")]
use outlay_otel::{CallIdentity, Signer};

use super::{Call, Owner};
use crate::attempt_log::{AttemptLog, error_name, sent_nothing};
use crate::call_log::place_of;
use crate::input::{Kind, Limits};
use crate::prompt;
use crate::signed::Signed;
use crate::usage::{AnswerHeaders, read_headers};
use crate::wire;

impl Call {
    /// The SDK's attempt of that number, counted from 1. Where it is told twice, as by an interceptor that is set on
    /// the client and again in an override of its configuration, once counts.
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
        state.whole = None;
        state.owner = Owner::Hooks;
        state.log.signed = Signed::default();
    }

    /// The request is final: model and region are those that go on the wire, whatever came in between.
    pub(crate) fn attempt_sent(&self, request: &HttpRequest) {
        let facts = wire::read(request);
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
        // An interceptor of the application has put another body in the place of the serialized one.
        if state.log.body != place_of(request) && self.kind != Kind::Speech {
            state.log.body = place_of(request);
            state.log.size = prompt::of_replaced(request.body());
            if let (Some(open), Some(bytes)) = (&mut state.open, request.body().bytes()) {
                let limits = Limits::of_body(bytes);
                state.log.size = limits.read(state.log.size);
                state.log.replace_limits(open.start_mut(), limits);
            }
        }
        if let Some(last) = state.log.attempts.last_mut() {
            last.send();
        }
    }

    /// The attempt has an identity of its own, or should have.
    #[cfg(feature = "sts")]
    pub(crate) fn attempt_identified(&self, identity: CallIdentity, signer: Option<&Arc<Signer>>) {
        self.lock().log.signed = Signed::assumed(identity, signer);
    }

    /// The attempt is signed. Looks up whose credentials that took, if somebody asks for it.
    pub(crate) fn attempt_signed(&self, request: &HttpRequest, components: &RuntimeComponents) {
        let lookup = {
            let state = self.lock();
            state.open.is_some().then(|| state.log.signed.lookup(&self.engine)).flatten()
        };
        // Not under the lock: a lookup may log.
        if let Some(lookup) = lookup {
            self.lock().log.signed = lookup.of_request(request, components);
        }
    }

    /// It goes out, signed by whomever it is.
    pub(crate) fn attempt_goes_out(&self) {
        let state = self.lock();
        if let Some(open) = &state.open {
            open.mark_sent(state.log.signed.signer());
        }
    }

    pub(crate) fn attempt_answered(&self, response: &HttpResponse) {
        let mut state = self.lock();
        if let Some(last) = state.log.attempts.last_mut() {
            last.answer(response);
        }
        // Converse says it all in its body.
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
                last.unsend();
            }
        }
    }
}
