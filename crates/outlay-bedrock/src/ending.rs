//! From what was seen of a call to what of it is billed.
//!
//! Every count that is known is used. Of an answer whose text was seen whole the rest is estimated, of any other it is
//! bounded; and where the counts contradict themselves, each other, or what was seen, the figure is an estimate.

use std::time::SystemTime;

use outlay_otel::{Billed, CallEnd, CallStart, Engine, JobEvent, OpenCall};
use outlay_price::{CostStatus, GuardrailUse, ModelRef, Prices, Units, Usage};

use crate::attempt_log::Reached;
use crate::call_log::CallLog;
use crate::input::Kind;
use crate::input::guardrail_bound::most_of_call;
use crate::stream::{Ended, SentEvents, StreamResult};
use crate::typed_output::TypedAnswer;
use crate::usage::{
    ConverseAnswer, Doubts, GuardrailTold, NativeAnswer, Sources, Told, answer_text_bytes, read_apply_guardrail,
    read_checks, read_converse, read_job_start, read_job_status, read_native, source,
};

mod answered_call;
mod dropped_stream;
mod served_model;
mod unanswered_call;

/// The stop reason of an answer that a guardrail has put its own words into.
const INTERVENED: &str = "guardrail_intervened";

/// The error of a call that the application dropped.
pub(crate) const CANCELLED: &str = "cancelled";

/// How a call ended.
pub(crate) enum Ending<'a> {
    /// The SDK gave the application a result that is no stream.
    Result {
        /// The answer's bytes, where one came with success.
        body: Option<&'a [u8]>,
        /// The error that the application gets.
        error: Option<String>,
    },
    /// The application got an output whose bytes were not seen.
    Typed(TypedAnswer),
    /// A stream that the application had ended, or one that it did not get, for an error that came after the answer.
    Stream {
        /// What was seen of it.
        seen: &'a StreamResult,
        /// The error in its place.
        error: Option<String>,
    },
    /// The application got an answer of which nothing was seen.
    Unseen,
    /// The application dropped the call.
    Cancelled,
}

/// What to settle the call with.
pub(crate) fn end(
    engine: &Engine,
    kind: Kind,
    open: &OpenCall,
    log: &mut CallLog,
    sent: &SentEvents,
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
        sent,
    };
    let mut end = match ending {
        Ending::Result { body: Some(body), error } => {
            let mut end = context.answer(body);
            end.error = error;
            end
        }
        Ending::Result { body: None, error } => context.without_answer(error),
        Ending::Typed(answer) => context.typed(answer),
        Ending::Stream { seen, error } => {
            let mut end = context.stream(seen);
            end.error = error.or(end.error);
            end
        }
        Ending::Unseen => CallEnd::new(Billed::Unknown),
        Ending::Cancelled => context.without_answer(Some(CANCELLED.to_owned())),
    };
    end.lost_attempts = context.lost_attempts();
    let headers = std::mem::take(&mut log.headers);
    end.served_tier = end.served_tier.or(headers.served_tier);
    end.served_latency = end.served_latency.or(headers.served_latency);
    end.server_address = log.host.take();
    end.server_port = log.port;
    end.fingerprint = log.fingerprint;
    end.request_id = log.attempts.last().and_then(|a| a.request_id().map(str::to_owned));
    end.sent = end.error.is_none() || log.attempts.iter().any(|attempt| attempt.reached() != Reached::Nowhere);
    end.attempts = log.attempts.drain(..).map(|attempt| attempt.finish(now)).collect();
    end
}

struct Context<'a> {
    kind: Kind,
    start: &'a CallStart,
    /// The most output tokens, where its end is not seen.
    most_output: u64,
    /// The model that was called, as far as its id or a price file tells.
    called: Option<ModelRef<'a>>,
    prices: &'a Prices,
    log: &'a CallLog,
    sent: &'a SentEvents,
}

impl Context<'_> {
    /// An answer that came whole.
    fn answer(&self, body: &[u8]) -> CallEnd {
        match self.kind {
            Kind::Converse => self.converse(read_converse(body), || answer_text_bytes(body)),
            Kind::ApplyGuardrail => self.guardrail_alone(read_apply_guardrail(body)),
            Kind::GuardrailChecks => self.guardrail_alone(read_checks(body)),
            Kind::StartJob => self.job_started(read_job_start(body)),
            Kind::GetJob => {
                let mut end = CallEnd::new(Billed::Nothing);
                end.job = read_job_status(body).map(|(arn, how)| JobEvent::Ended(arn, how));
                end
            }
            Kind::Free => CallEnd::new(Billed::Nothing),
            Kind::Invoke | Kind::ConverseStream | Kind::InvokeStream | Kind::Speech => {
                self.invoke(read_native(body), || answer_text_bytes(body))
            }
        }
    }

    /// An answer of which only what the SDK made of it was seen.
    fn typed(&self, answer: TypedAnswer) -> CallEnd {
        match answer {
            TypedAnswer::Converse { answer, text_bytes } => self.converse(*answer, || text_bytes),
            TypedAnswer::Body(body) => self.answer(&body),
            TypedAnswer::Guardrail(units) => self.guardrail_alone(units),
            TypedAnswer::JobStarted(arn) => self.job_started(Some(arn)),
            TypedAnswer::JobEnded(ended) => {
                let mut end = CallEnd::new(Billed::Nothing);
                end.job = ended.map(|(arn, how)| JobEvent::Ended(arn, how));
                end
            }
            TypedAnswer::Free => CallEnd::new(Billed::Nothing),
        }
    }

    fn converse(&self, answer: ConverseAnswer, text_bytes: impl FnOnce() -> u64) -> CallEnd {
        let family = self.family(answer.invoked_model.as_deref(), answer.named_model.as_deref());
        let found = Sources::default().then(source::USAGE, answer.usage.counts(Told::Converse, family)).find(family);
        let intervened = answer.stop_reason.as_deref() == Some(INTERVENED);
        let mut reading = self.reading(found, family, &answer.usage, intervened, answer.guardrail.as_ref());
        reading.inferences = answer.usage.each_inference(Told::Converse, family);
        if reading.misses_text() {
            reading.text_bytes = text_bytes();
        }
        let mut end = self.whole(reading);
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        end.served_tier = answer.served_tier;
        end.served_latency = answer.served_latency;
        self.name_model(&mut end, answer.invoked_model, answer.named_model);
        self.apply_guardrail(&mut end, answer.guardrail, intervened, 0);
        end
    }

    fn invoke(&self, answer: NativeAnswer, text_bytes: impl FnOnce() -> u64) -> CallEnd {
        let family = self.family(None, answer.named_model.as_deref());
        let usage = answer.usage();
        let found = Sources::default()
            .then(source::BODY, usage.counts(Told::Native, family))
            .then(source::HEADERS, (self.log.headers.counts, Doubts::default()))
            .find(family);
        let intervened = answer.guardrail_intervened || answer.stop_reason.as_deref() == Some(INTERVENED);
        let mut reading = self.reading(found, family, &usage, intervened, answer.guardrail.as_ref());
        reading.inferences = usage.each_inference(Told::Native, family);
        reading.made = answer.made;
        reading.has_no_output |= answer.is_embedding;
        if reading.misses_text() {
            reading.text_bytes = text_bytes();
        }
        let mut end = self.whole(reading);
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        end.served_tier = self.log.headers.served_tier.clone().or(answer.served_tier.map(str::to_owned));
        self.name_model(&mut end, None, answer.named_model);
        self.apply_guardrail(&mut end, answer.guardrail, intervened, 0);
        end
    }

    fn guardrail_alone(&self, units: Option<Units>) -> CallEnd {
        let mut end = CallEnd::new(Billed::Nothing);
        end.guardrail = units.map_or_else(|| self.start.max_guardrail.clone(), GuardrailUse::Counted);
        end
    }

    fn job_started(&self, arn: Option<String>) -> CallEnd {
        let mut end = CallEnd::new(match &self.log.asked {
            Some(asked) => Billed::Counted(Usage::new(), asked.likely.clone(), asked.status),
            None => Billed::Unknown,
        });
        end.job = arn.map(JobEvent::Started);
        end
    }

    /// A stream that the application had, as far as it was seen.
    fn stream(&self, seen: &StreamResult) -> CallEnd {
        let converse = seen.converse.as_ref();
        let native = &seen.native;
        let invoked = converse.and_then(|answer| answer.invoked_model.clone());
        let named = converse.and_then(|answer| answer.named_model.clone()).or_else(|| native.named_model.clone());
        let family = self.family(invoked.as_deref(), named.as_deref());
        let usage = native.usage();
        let mut sources = Sources::default();
        if let Some(answer) = converse {
            sources = sources.then(source::METADATA, answer.usage.counts(Told::ConverseStream, family));
        }
        let mut found = sources
            .then(source::CHUNKS, usage.counts_since(&native.at_start, Told::Native, family))
            .then(source::METRICS, native.metrics.counts(Told::Native, family))
            .then(source::HEADERS, (self.log.headers.counts, Doubts::default()))
            .find(family);
        if seen.has_uncounted_text {
            found.doubts.add(|| "output: text came after its count".to_owned());
            found.counts.output = found.counts.output.max(Some(self.tokens_of(seen.text_bytes)));
        }
        let mut guardrail = native.guardrail.clone();
        GuardrailTold::merge(&mut guardrail, converse.and_then(|answer| answer.guardrail.clone()));
        let intervened = native.guardrail_intervened || seen.stop_reason.as_deref() == Some(INTERVENED);
        let (usage, told) = match converse {
            Some(answer) => (&answer.usage, Told::ConverseStream),
            None => (&*usage, Told::Native),
        };
        let mut reading = self.reading(found, family, usage, intervened, guardrail.as_ref());
        reading.inferences = usage.each_inference(told, family);
        reading.made = native.made;
        reading.has_no_output |= native.is_embedding;
        reading.text_bytes = seen.text_bytes;
        let has_ended_well = seen.stopped && seen.error.is_none() && seen.ended != Ended::Corrupt;
        let mut end = match self.kind {
            _ if seen.was_refused() => CallEnd::new(Billed::Nothing),
            Kind::Speech => session(seen),
            // A model's own running count is whole only once the model has stopped.
            _ if seen.is_counted() || has_ended_well => self.whole_stream(reading, has_ended_well),
            _ => self.broken(reading),
        };
        end.error.clone_from(&seen.error);
        end.finish_reasons = seen.stop_reason.iter().cloned().collect();
        end.time_to_first_chunk = seen.first_chunk.and_then(|at| at.duration_since(self.start.started).ok());
        match converse {
            Some(answer) => {
                end.served_tier.clone_from(&answer.served_tier);
                end.served_latency.clone_from(&answer.served_latency);
            }
            None => end.served_tier = self.log.headers.served_tier.clone().or(native.served_tier.map(str::to_owned)),
        }
        self.name_model(&mut end, invoked, named);
        self.apply_guardrail(&mut end, guardrail, intervened, seen.text_bytes);
        end
    }

    /// The most that the guardrail can have used: of a model call, by the output that it may have had.
    fn most_guardrail(&self, intervened: bool, text_bytes: u64) -> GuardrailUse {
        let is_model_call = !matches!(self.kind, Kind::ApplyGuardrail | Kind::GuardrailChecks);
        match self.start.max_guardrail {
            GuardrailUse::AtMost(_) if is_model_call => self.most_of_call(text_bytes),
            // One that the request does not name: an account or an organization can enforce it.
            GuardrailUse::NotApplied if intervened => self.most_of_call(text_bytes),
            _ => self.start.max_guardrail.clone(),
        }
    }

    fn most_of_call(&self, text_bytes: u64) -> GuardrailUse {
        most_of_call(self.log.size.most_tokens(), self.most_output, text_bytes)
    }

    /// What the guardrail around a model call used, by its trace where the request asked for one.
    fn apply_guardrail(&self, end: &mut CallEnd, told: Option<GuardrailTold>, intervened: bool, text_bytes: u64) {
        let kept_the_model_out = told.as_ref().is_some_and(GuardrailTold::kept_the_model_out);
        end.guardrail = match told.and_then(|told| told.units()) {
            Some(units) => GuardrailUse::Counted(units),
            None if end.billed == Billed::Nothing => GuardrailUse::NotApplied,
            None => self.most_guardrail(intervened, text_bytes),
        };
        // It has blocked the input: AWS bills no inference then.
        if intervened && kept_the_model_out {
            let tells_tokens = match &end.billed {
                Billed::Tokens(usage, _) | Billed::Counted(usage, ..) | Billed::AtMost { counted: usage, .. } => {
                    !usage.is_empty()
                }
                _ => false,
            };
            end.billed = Billed::Nothing;
            if tells_tokens {
                end.usage_doubt =
                    Some("usage tells tokens of a call whose input the guardrail blocked, which bills none".to_owned());
                end.billed = Billed::Tokens(Usage::new(), CostStatus::Estimated);
            }
        }
    }
}

/// A speech session: exact once it has ended in good order and all is counted, for its usage events add up as it goes.
fn session(seen: &StreamResult) -> CallEnd {
    let usage = seen.speech.clone().unwrap_or_default();
    // Speech that came after the last usage event is in no count; other events after it say how it ended.
    let is_counted = usage.is_whole && seen.uncounted.received.audio == 0;
    if seen.ended == Ended::Whole && seen.error.is_none() && is_counted {
        let status = if usage.doubts.is_empty() { CostStatus::Exact } else { CostStatus::Estimated };
        let mut end = CallEnd::new(Billed::Tokens(usage.usage(), status));
        end.usage_doubt = usage.doubts.into_text();
        return end;
    }
    CallEnd::new(Billed::Tokens(usage.and_at_most(&seen.uncounted).usage(), CostStatus::Bounded))
}
