//! One call from its first hook to its end, which may come in a hook, in the stream or in a drop.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use bytes::Bytes;
use outlay_ledger::{Refusal, StoreAnswer, StoreQuestion};
use outlay_otel::{DroppedStream, Engine, OpenCall};

use crate::attempt_log::error_name;
use crate::call_log::{CallLog, body_place};
use crate::ending::{self, CANCELLED, Ending};
use crate::fingerprint;
use crate::input::{Kind, Limits};
use crate::prompt;
use crate::sent_events::SentEvents;
use crate::stream_result::StreamResult;
use crate::typed_output::read_output;
use crate::units::RequestedUnits;

mod count_retries;

/// A call in progress. The interceptor's state and the stream's tap share it. The one that sees the end settles it,
/// once.
#[derive(Debug)]
pub(crate) struct Call {
    kind: Kind,
    /// The engine that serves the call.
    engine: Engine,
    sent_events: SentEvents,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` once the call is settled.
    open: Option<OpenCall>,
    log: CallLog,
    owner: Owner,
    /// The body of an answer that is not a stream, once it has been read.
    collected: Option<Body>,
    /// The SDK's error for an answer whose body is read outside the SDK.
    error: Option<String>,
    /// The store's refusal. It also applies to every later attempt, because a retry would be sent unmetered.
    refused: Option<Refusal>,
}

/// The chunks of a body that was read to its end, or `None` if it broke off.
type Body = Option<Vec<Bytes>>;

/// The part that sees the end of the call.
#[derive(Debug, Default)]
enum Owner {
    /// The hooks: the SDK may still retry or fail.
    #[default]
    Hooks,
    /// The hooks, after the stream has already ended.
    HooksAfter(Box<StreamResult>),
    /// The tap: the body has left the SDK.
    Tap,
}

impl Call {
    pub(crate) fn new(
        engine: Engine,
        kind: Kind,
        size: prompt::Size,
        limits: Limits,
        requested: Option<RequestedUnits>,
        open: OpenCall,
    ) -> Arc<Self> {
        let state = State {
            open: Some(open),
            log: CallLog { size, limits, requested, ..CallLog::default() },
            owner: Owner::default(),
            collected: None,
            error: None,
            refused: None,
        };
        Arc::new(Self { kind, engine, sent_events: SentEvents::default(), state: Mutex::new(state) })
    }

    /// Returns the counter of the events that the application sends in a speech session.
    pub(crate) fn sent_events(&self) -> SentEvents {
        self.sent_events.clone()
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns what to do if the stream is dropped before its end. A stream that never reached the application is not
    /// drained, because its attempt is over.
    pub(crate) fn dropped_stream(&self) -> DroppedStream {
        let state = self.lock();
        match (&state.open, &state.owner) {
            (Some(_), Owner::Tap) => self.engine.dropped_stream(),
            _ => DroppedStream::Bound,
        }
    }

    /// Returns the engine that serves the call.
    pub(crate) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Returns whether the call is not yet settled.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open.is_some()
    }

    /// Returns whether the call has a guardrail.
    pub(crate) fn is_guarded(&self) -> bool {
        self.lock().open.as_ref().is_some_and(|open| open.start().guardrail.is_some())
    }

    /// Returns how many answers the call asks for.
    pub(crate) fn answers(&self) -> u64 {
        self.lock().log.limits.answers()
    }

    /// Takes in a typed input that was changed after it was read.
    pub(crate) fn input_changed(&self, size: prompt::Size, limits: Limits) {
        let state = &mut *self.lock();
        state.log.size = state.log.size.max(size);
        if let Some(open) = &mut state.open {
            state.log.replace_limits(open.start_mut(), limits);
        }
    }

    /// Returns the question for the store of shared budgets, if the call needs an answer before it is sent.
    pub(crate) fn ask_store(&self) -> Option<StoreQuestion> {
        self.lock().open.as_mut()?.ask_store()
    }

    /// Takes in the store's answer.
    pub(crate) fn store_answered(&self, answer: &StoreAnswer) -> Result<(), Refusal> {
        self.apply_store_answer(|open| open.store_answered(answer))
    }

    /// Asks the store without waiting, if it has not been asked. Called when the call is about to be sent.
    pub(crate) fn ask_store_now(&self) -> Result<(), Refusal> {
        self.apply_store_answer(OpenCall::ask_store_now)
    }

    fn apply_store_answer(&self, apply: impl FnOnce(OpenCall) -> Result<OpenCall, Refusal>) -> Result<(), Refusal> {
        // Outside the lock, because a refusal runs exporters and observers.
        let Some(open) = self.take_open()? else { return Ok(()) };
        match apply(open) {
            Ok(open) => self.lock().open = Some(open),
            Err(refusal) => {
                self.lock().refused = Some(refusal.clone());
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn take_open(&self) -> Result<Option<OpenCall>, Refusal> {
        let mut state = self.lock();
        match &state.refused {
            Some(refusal) => Err(refusal.clone()),
            None => Ok(state.open.take()),
        }
    }

    /// Returns whether the store has refused the call.
    pub(crate) fn is_refused(&self) -> bool {
        self.lock().refused.is_some()
    }

    pub(crate) fn serialized(&self, request: &HttpRequest) {
        let mut state = self.lock();
        state.log.body = body_place(request);
        if state.open.is_some() && self.engine.compares_calls() {
            state.log.fingerprint = fingerprint::of(request);
        }
    }

    /// Returns whether to count the events that a speech session sends. True once for each attempt.
    pub(crate) fn may_count_sent(&self) -> bool {
        if self.kind != Kind::Speech {
            return false;
        }
        let mut state = self.lock();
        let attempt = state.log.attempts.len();
        std::mem::replace(&mut state.log.sent_tapped_attempt, attempt) != attempt
    }

    /// Returns whether to tap the answer's body. True once for each attempt, for any answer of a streaming operation
    /// and for another operation's answer that is not in memory yet. The operation decides, not the content type: the
    /// SDK streams any answer of a streaming operation. The SDK usually reads the other bodies itself, but a later
    /// interceptor may take them instead.
    pub(crate) fn may_tap(&self, response: &HttpResponse) -> bool {
        if !response.status().is_success() || (!self.kind.is_stream() && response.body().bytes().is_some()) {
            return false;
        }
        let mut state = self.lock();
        let attempt = state.log.attempts.len();
        std::mem::replace(&mut state.log.tapped_attempt, attempt) != attempt
    }

    /// Takes in the call's result, an output or an error, when the SDK hands it to the application.
    pub(crate) fn executed(
        &self,
        result: Option<Result<&Output, &OrchestratorError<Error>>>,
        response: Option<&HttpResponse>,
    ) {
        let error = result.and_then(Result::err).map(|error| error_name(error, response));
        let mut state = self.lock();
        let is_tapped = state.log.tapped_attempt == state.log.attempts.len() && state.log.tapped_attempt > 0;
        if self.kind.is_stream() {
            match std::mem::replace(&mut state.owner, Owner::Tap) {
                Owner::HooksAfter(result) => self.settle(state, Ending::Stream { result: &result, error }),
                // The tap is alive: it reports when the stream ends or when the SDK drops it.
                Owner::Hooks | Owner::Tap if is_tapped => state.error = error,
                // The application supplied this output. Its stream cannot be observed.
                Owner::Hooks | Owner::Tap if error.is_none() => self.settle(state, Ending::Unread),
                Owner::Hooks | Owner::Tap => self.settle(state, Ending::Result { body: None, error }),
            }
            return;
        }
        let answer = response.filter(|r| r.status().is_success());
        if answer.is_some() && is_tapped {
            // These are the bytes as they came. An interceptor of the application may have replaced them since.
            match state.collected.take() {
                Some(whole) => self.settle_body(state, whole, error),
                // An interceptor has taken the body: the call ends when that body is read.
                None => {
                    state.owner = Owner::Tap;
                    state.error = error;
                }
            }
            return;
        }
        let body = answer.and_then(|r| r.body().bytes());
        let ending = match (body, result) {
            // An output outranks the HTTP status: the application sees success.
            (None, Some(Ok(output))) => match read_output(output) {
                Some(typed) => Ending::Typed(typed),
                None => Ending::Unread,
            },
            _ => Ending::Result { body, error },
        };
        self.settle(state, ending);
    }

    /// Takes in the end of a body that is not a stream. `None` if it broke off.
    pub(crate) fn body_ended(&self, attempt: usize, body: Option<Vec<Bytes>>) {
        let mut state = self.lock();
        if attempt != state.log.attempts.len() {
            return;
        }
        match state.owner {
            Owner::Tap => {
                let error = state.error.take();
                self.settle_body(state, body, error);
            }
            Owner::Hooks | Owner::HooksAfter(_) => state.collected = Some(body),
        }
    }

    /// Returns the number of attempts that have started.
    pub(crate) fn attempts(&self) -> usize {
        self.lock().log.attempts.len()
    }

    /// Takes in the end of the stream.
    pub(crate) fn stream_ended(&self, attempt: usize, result: StreamResult) {
        let mut state = self.lock();
        // The stream of an abandoned attempt is not the stream of the current one.
        if attempt != state.log.attempts.len() {
            return;
        }
        match state.owner {
            Owner::Tap => {
                let error = state.error.take();
                self.settle(state, Ending::Stream { result: &result, error });
            }
            Owner::Hooks | Owner::HooksAfter(_) => state.owner = Owner::HooksAfter(Box::new(result)),
        }
    }

    /// Handles the drop of the interceptor's state. The call was cancelled, unless the stream has been handed over.
    fn state_dropped(&self) {
        let mut state = self.lock();
        if matches!(state.owner, Owner::Tap) {
            return;
        }
        let error = Some(CANCELLED.to_owned());
        // Cancelled, but all or a part of the answer had come.
        match (state.collected.take(), std::mem::take(&mut state.owner)) {
            (Some(whole @ Some(_)), _) => self.settle_body(state, whole, error),
            (_, Owner::HooksAfter(result)) => self.settle(state, Ending::Stream { result: &result, error }),
            _ => self.settle(state, Ending::Cancelled),
        }
    }

    fn settle_body(&self, state: MutexGuard<'_, State>, body: Body, error: Option<String>) {
        let joined;
        let body = match body.as_deref() {
            Some([whole]) => Some(&**whole),
            Some(chunks) => {
                joined = chunks.concat();
                Some(&*joined)
            }
            None => None,
        };
        self.settle(state, Ending::Result { body, error });
    }

    fn settle(&self, mut state: MutexGuard<'_, State>, ending: Ending<'_>) {
        let Some(open) = state.open.take() else { return };
        let now = self.engine.now();
        let signed = std::mem::take(&mut state.log.signed);
        let mut end = ending::end(&self.engine, self.kind, &open, &mut state.log, &self.sent_events, ending, now);
        // Settling runs exporters and observers, so the lock is released first.
        drop(state);
        let signer_report = signed.write(&mut end, open.scope());
        let span = open.settle(end);
        signer_report.report(span);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Call {
    /// Settles a call that nothing else can settle, so that a sent call is never lost.
    fn drop(&mut self) {
        if self.lock().open.is_some() {
            self.settle(self.lock(), Ending::Cancelled);
        }
    }
}

/// The interceptor state's handle to a call.
#[derive(Debug)]
pub(crate) struct CallHandle(pub(crate) Arc<Call>);

impl Drop for CallHandle {
    fn drop(&mut self) {
        self.0.state_dropped();
    }
}
