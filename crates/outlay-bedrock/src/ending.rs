//! Decides what a call is billed for, from what is known of it.
//!
//! Every known count is used. If the answer's text is complete, missing counts are estimated; otherwise they are
//! bounded. If the counts contradict themselves, each other or the observed text, the figure is an estimate.

use std::time::SystemTime;

use outlay_otel::{Billed, CallEnd, CallStart, Engine, JobEvent, OpenCall};
use outlay_price::{CostStatus, GuardrailUse, ModelRef, Prices, Units, Usage};

use crate::attempt_log::Progress;
use crate::call_log::CallLog;
use crate::input::Kind;
use crate::input::guardrail_bound::max_for_call;
use crate::sent_events::SentEvents;
use crate::stream_result::{Ended, StreamResult};
use crate::typed_output::TypedAnswer;
use crate::usage::{
    AnswerKind, ConverseAnswer, Doubts, GuardrailReport, NativeAnswer, Sources, answer_text_bytes,
    read_apply_guardrail, read_checks, read_converse, read_job_start, read_job_status, read_native, source,
};

mod answered_call;
mod bound_of_call;
mod dropped_stream;
mod served_model;
mod unanswered_call;

/// The stop reason of an answer whose text a guardrail has replaced.
const INTERVENED: &str = "guardrail_intervened";

/// The error of a call that the application dropped.
pub(crate) const CANCELLED: &str = "cancelled";

/// How a call ended.
pub(crate) enum Ending<'a> {
    /// The SDK gave the application a result that is not a stream.
    Result {
        /// The answer's bytes, if the attempt succeeded.
        body: Option<&'a [u8]>,
        /// The error that the application gets.
        error: Option<String>,
    },
    /// The application got an output whose bytes were not read here.
    Typed(TypedAnswer),
    /// A stream that has ended, or whose call failed after the answer came.
    Stream {
        /// The stream as far as it was read.
        result: &'a StreamResult,
        /// The error that the application got in place of the stream.
        error: Option<String>,
    },
    /// The application got an answer that was not read here.
    Unread,
    /// The application dropped the call.
    Cancelled,
}

/// Returns what to settle the call with.
pub(crate) fn end(
    engine: &Engine,
    kind: Kind,
    open: &OpenCall,
    log: &mut CallLog,
    sent_events: &SentEvents,
    ending: Ending<'_>,
    now: SystemTime,
) -> CallEnd {
    let start = open.start();
    let prices = engine.prices();
    let context = Context {
        kind,
        start,
        most_output: open.max_output(),
        called: ModelRef::parse(&start.model).ok().map(|called| prices.resolve(called)),
        prices: &prices,
        log,
        sent_events,
    };
    let mut end = match ending {
        Ending::Result { body: Some(body), error } => {
            let mut end = context.bill_answer(body);
            end.error = error;
            end
        }
        Ending::Result { body: None, error } => context.bill_without_answer(error),
        Ending::Typed(answer) => context.bill_typed_output(answer),
        Ending::Stream { result, error } => {
            let mut end = context.bill_stream(result);
            end.error = error.or(end.error);
            end
        }
        Ending::Unread => CallEnd::new(Billed::Unknown),
        Ending::Cancelled => context.bill_without_answer(Some(CANCELLED.to_owned())),
    };
    end.lost_attempts = context.lost_attempts();
    let headers = std::mem::take(&mut log.headers);
    end.served_tier = end.served_tier.or(headers.served_tier);
    end.served_latency = end.served_latency.or(headers.served_latency);
    end.server_address = log.host.take();
    end.server_port = log.port;
    end.fingerprint = log.fingerprint;
    end.request_id = log.attempts.last().and_then(|a| a.request_id().map(str::to_owned));
    end.sent = end.error.is_none() || log.attempts.iter().any(|attempt| attempt.progress() != Progress::NotSent);
    end.attempts = log.attempts.drain(..).map(|attempt| attempt.finish(now)).collect();
    end
}

struct Context<'a> {
    kind: Kind,
    start: &'a CallStart,
    /// The maximum number of output tokens, if the end of the answer was not seen.
    most_output: u64,
    /// The called model, resolved by its id or a price file.
    called: Option<ModelRef<'a>>,
    prices: &'a Prices,
    log: &'a CallLog,
    sent_events: &'a SentEvents,
}

impl Context<'_> {
    /// Bills a complete answer.
    fn bill_answer(&self, body: &[u8]) -> CallEnd {
        match self.kind {
            Kind::Converse => self.bill_converse(read_converse(body), || answer_text_bytes(body)),
            Kind::ApplyGuardrail => self.bill_guardrail(read_apply_guardrail(body)),
            Kind::GuardrailChecks => self.bill_guardrail(read_checks(body)),
            Kind::StartJob => self.bill_job(read_job_start(body)),
            Kind::GetJob => {
                let mut end = CallEnd::new(Billed::Nothing);
                end.job = read_job_status(body).map(|(arn, how)| JobEvent::Ended(arn, how));
                end
            }
            Kind::Free => CallEnd::new(Billed::Nothing),
            Kind::Invoke | Kind::ConverseStream | Kind::InvokeStream | Kind::Speech => {
                self.bill_invoke(read_native(body), || answer_text_bytes(body))
            }
        }
    }

    /// Bills an answer that was only seen as the SDK's typed output.
    fn bill_typed_output(&self, answer: TypedAnswer) -> CallEnd {
        match answer {
            TypedAnswer::Converse { answer, text_bytes } => self.bill_converse(*answer, || text_bytes),
            TypedAnswer::Body(body) => self.bill_answer(&body),
            TypedAnswer::Guardrail(units) => self.bill_guardrail(units),
            TypedAnswer::JobStarted(arn) => self.bill_job(Some(arn)),
            TypedAnswer::JobEnded(ended) => {
                let mut end = CallEnd::new(Billed::Nothing);
                end.job = ended.map(|(arn, how)| JobEvent::Ended(arn, how));
                end
            }
            TypedAnswer::Free => CallEnd::new(Billed::Nothing),
        }
    }

    fn bill_converse(&self, answer: ConverseAnswer, text_bytes: impl FnOnce() -> u64) -> CallEnd {
        let family = self.family(answer.invoked_model.as_deref(), answer.named_model.as_deref());
        let found =
            Sources::default().then(source::USAGE, answer.usage.counts(AnswerKind::Converse, family)).find(family);
        let intervened = answer.stop_reason.as_deref() == Some(INTERVENED);
        let mut reading = self.reading(found, family, &answer.usage, intervened, answer.guardrail.as_ref());
        reading.inferences = answer.usage.each_inference(AnswerKind::Converse, family);
        if reading.misses_text() {
            reading.text_bytes = text_bytes();
        }
        let mut end = self.bill_complete(reading);
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        end.served_tier = answer.served_tier;
        end.served_latency = answer.served_latency;
        self.name_model(&mut end, answer.invoked_model, answer.named_model);
        self.apply_guardrail(&mut end, answer.guardrail, intervened, 0);
        end
    }

    fn bill_invoke(&self, answer: NativeAnswer, text_bytes: impl FnOnce() -> u64) -> CallEnd {
        let family = self.family(None, answer.named_model.as_deref());
        let usage = answer.usage();
        let found = Sources::default()
            .then(source::BODY, usage.counts(AnswerKind::Native, family))
            .then(source::HEADERS, (self.log.headers.counts, Doubts::default()))
            .find(family);
        let intervened = answer.guardrail_intervened || answer.stop_reason.as_deref() == Some(INTERVENED);
        let mut reading = self.reading(found, family, &usage, intervened, answer.guardrail.as_ref());
        reading.inferences = usage.each_inference(AnswerKind::Native, family);
        reading.reported = answer.reported;
        reading.has_no_output |= answer.is_embedding;
        if reading.misses_text() {
            reading.text_bytes = text_bytes();
        }
        let mut end = self.bill_complete(reading);
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        end.response_id = answer.id;
        end.served_tier = self.log.headers.served_tier.clone().or(answer.served_tier.map(str::to_owned));
        self.name_model(&mut end, None, answer.named_model);
        self.apply_guardrail(&mut end, answer.guardrail, intervened, 0);
        end
    }

    fn bill_guardrail(&self, units: Option<Units>) -> CallEnd {
        let mut end = CallEnd::new(Billed::Nothing);
        end.guardrail = units.map_or_else(|| self.start.max_guardrail.clone(), GuardrailUse::Counted);
        end
    }

    fn bill_job(&self, arn: Option<String>) -> CallEnd {
        let mut end = CallEnd::new(match &self.log.requested {
            Some(requested) => Billed::Counted(Usage::new(), requested.likely.clone(), requested.status),
            None => Billed::Unknown,
        });
        end.job = arn.map(JobEvent::Started);
        end
    }

    /// Bills a stream that the application got, as far as it was read.
    fn bill_stream(&self, result: &StreamResult) -> CallEnd {
        let converse = result.converse.as_ref();
        let native = &result.native;
        let invoked = converse.and_then(|answer| answer.invoked_model.clone());
        let named = converse.and_then(|answer| answer.named_model.clone()).or_else(|| native.named_model.clone());
        let family = self.family(invoked.as_deref(), named.as_deref());
        let usage = native.usage();
        let mut sources = Sources::default();
        if let Some(answer) = converse {
            sources = sources.then(source::METADATA, answer.usage.counts(AnswerKind::ConverseStream, family));
        }
        let mut found = sources
            .then(source::CHUNKS, usage.counts_since(&native.at_start, AnswerKind::Native, family))
            .then(source::METRICS, native.metrics.counts(AnswerKind::Native, family))
            .then(source::HEADERS, (self.log.headers.counts, Doubts::default()))
            .find(family);
        if result.has_uncounted_text {
            found.doubts.add(|| "output: text came after its count".to_owned());
            found.counts.output = found.counts.output.max(Some(self.tokens_of(result.text_bytes)));
        }
        let mut guardrail = native.guardrail.clone();
        GuardrailReport::merge(&mut guardrail, converse.and_then(|answer| answer.guardrail.clone()));
        let intervened = native.guardrail_intervened || result.stop_reason.as_deref() == Some(INTERVENED);
        let (usage, answer_kind) = match converse {
            Some(answer) => (&answer.usage, AnswerKind::ConverseStream),
            None => (&*usage, AnswerKind::Native),
        };
        let mut reading = self.reading(found, family, usage, intervened, guardrail.as_ref());
        reading.inferences = usage.each_inference(answer_kind, family);
        reading.reported = native.reported;
        reading.has_no_output |= native.is_embedding;
        reading.text_bytes = result.text_bytes;
        let has_ended_well = result.stopped && result.error.is_none() && result.ended != Ended::Corrupt;
        let mut end = match self.kind {
            _ if result.was_refused() => CallEnd::new(Billed::Nothing),
            Kind::Speech => bill_speech_session(result),
            // A model's running count is final only after the model has stopped.
            _ if result.is_counted() || has_ended_well => self.bill_final_counts(reading, has_ended_well),
            _ => self.bill_broken_stream(reading),
        };
        end.error.clone_from(&result.error);
        end.finish_reasons = result.stop_reason.iter().cloned().collect();
        end.response_id.clone_from(&native.id);
        end.time_to_first_chunk = result.first_chunk.and_then(|at| at.duration_since(self.start.started).ok());
        match converse {
            Some(answer) => {
                end.served_tier.clone_from(&answer.served_tier);
                end.served_latency.clone_from(&answer.served_latency);
            }
            None => end.served_tier = self.log.headers.served_tier.clone().or(native.served_tier.map(str::to_owned)),
        }
        self.name_model(&mut end, invoked, named);
        self.apply_guardrail(&mut end, guardrail, intervened, result.text_bytes);
        end
    }

    /// Returns the maximum that the guardrail can have used. For a model call it depends on the possible output.
    fn most_guardrail(&self, intervened: bool, text_bytes: u64) -> GuardrailUse {
        let is_model_call = !matches!(self.kind, Kind::ApplyGuardrail | Kind::GuardrailChecks);
        match self.start.max_guardrail {
            GuardrailUse::AtMost(_) if is_model_call => self.max_for_call(text_bytes),
            // The request names no guardrail: an account or an organization can enforce one.
            GuardrailUse::NotApplied if intervened => self.max_for_call(text_bytes),
            _ => self.start.max_guardrail.clone(),
        }
    }

    fn max_for_call(&self, text_bytes: u64) -> GuardrailUse {
        max_for_call(self.log.size.most_tokens(), self.most_output, text_bytes)
    }

    /// Sets what the guardrail of a model call used, from its trace if the request enabled one.
    fn apply_guardrail(&self, end: &mut CallEnd, report: Option<GuardrailReport>, intervened: bool, text_bytes: u64) {
        let model_was_skipped = report.as_ref().is_some_and(GuardrailReport::model_was_skipped);
        end.guardrail = match report.and_then(|report| report.units()) {
            Some(units) => GuardrailUse::Counted(units),
            None if end.billed == Billed::Nothing => GuardrailUse::NotApplied,
            None => self.most_guardrail(intervened, text_bytes),
        };
        // The guardrail blocked the input: AWS bills no inference then.
        if intervened && model_was_skipped {
            let has_tokens = match &end.billed {
                Billed::Tokens(usage, _) | Billed::Counted(usage, ..) | Billed::AtMost { counted: usage, .. } => {
                    !usage.is_empty()
                }
                _ => false,
            };
            end.billed = Billed::Nothing;
            if has_tokens {
                end.usage_doubt =
                    Some("usage has tokens, but the guardrail blocked the input, which is not billed".to_owned());
                end.billed = Billed::Tokens(Usage::new(), CostStatus::Estimated);
            }
        }
    }
}

/// Bills a speech session. Its usage events are cumulative, so it is exact if it ended well and everything is
/// counted.
fn bill_speech_session(result: &StreamResult) -> CallEnd {
    let usage = result.speech.clone().unwrap_or_default();
    // Speech after the last usage event is in no count. Other events after it only report how the session ended.
    let is_counted = usage.is_whole && result.uncounted.received.audio == 0;
    if result.ended == Ended::Whole && result.error.is_none() && is_counted {
        let status = if usage.doubts.is_empty() { CostStatus::Exact } else { CostStatus::Estimated };
        let mut end = CallEnd::new(Billed::Tokens(usage.usage(), status));
        end.usage_doubt = usage.doubts.into_text();
        return end;
    }
    let bound = Billed::Tokens(usage.with_bound(&result.uncounted).usage(), CostStatus::Bounded);
    CallEnd { is_cut: true, ..CallEnd::new(bound) }
}
