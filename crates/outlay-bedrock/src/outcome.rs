//! From what was seen of a call to what of it is billed.
//!
//! Every count that is known is used. Of an answer whose text was seen whole the rest is estimated, of any other it is
//! bounded; and where the counts contradict themselves, each other, or what was seen, the figure is an estimate.

use std::time::SystemTime;

use outlay_otel::{Billed, CallEnd, CallStart, JobEvent, OpenCall, Operation};
use outlay_price::{CostStatus, Family, GuardrailUse, ModelRef, NamedModel, Prices, Routing, Units, Usage};

use crate::attempts::Reached;
use crate::call::CallLog;
use crate::input::Kind;
use crate::stream::{Ended, Seen, Sent};
use crate::typed_output::TypedAnswer;
use crate::units::{Asked, Made};
use crate::usage::{
    ConverseAnswer, Doubts, Found, GuardrailTold, NativeAnswer, Passed, Sources, SpeechUsage, Told, answer_text_bytes,
    read_apply_guardrail, read_checks, read_converse, read_job_start, read_job_status, read_native, source,
};

/// Text comes to about a token in so many bytes, where only an estimate is left.
const BYTES_PER_TOKEN: u64 = 4;

/// The stop reason of an answer that a guardrail has put its own words into.
const INTERVENED: &str = "guardrail_intervened";

/// The error of a call that the application dropped.
pub(crate) const CANCELLED: &str = "cancelled";

/// The longest name of a model that is taken over from an answer.
const MAX_MODEL_NAME: usize = 256;

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
        seen: &'a Seen,
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
    kind: Kind,
    open: &OpenCall,
    log: &mut CallLog,
    sent: &Sent,
    ending: Ending<'_>,
    now: SystemTime,
) -> CallEnd {
    let start = open.start();
    let prices = open.scope().engine().prices();
    let context = Context {
        kind,
        start,
        most_output: open.most_output(),
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
    sent: &'a Sent,
}

/// What was read of an answer, whichever way it came.
struct Reading {
    found: Found,
    /// What is billed beside tokens by the answer's own word: tools that the vendor ran.
    units: Units,
    /// Images and queries that the answer tells.
    made: Made,
    /// Whether it is known to have no output tokens.
    has_no_output: bool,
    /// Bytes of what the model said, where they were counted.
    text_bytes: u64,
    /// Whether a guardrail blocked the input, so that no model was asked.
    is_blocked: bool,
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
        let model = self.answered_by(answer.invoked_model.as_deref());
        let found = Sources::default()
            .then(source::USAGE, answer.usage.counts(Told::Converse, family(model)))
            .find(family(model));
        let intervened = answer.stop_reason.as_deref() == Some(INTERVENED);
        let mut reading = self.reading(found, answer.usage.units.clone(), intervened, answer.guardrail.as_ref());
        if reading.misses_text() {
            reading.text_bytes = text_bytes();
        }
        let mut end = self.whole(reading, model);
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        end.served_tier = answer.served_tier;
        end.served_latency = answer.served_latency;
        self.name_model(&mut end, answer.invoked_model, answer.named_model);
        self.apply_guardrail(&mut end, answer.guardrail, intervened);
        end
    }

    fn invoke(&self, answer: NativeAnswer, text_bytes: impl FnOnce() -> u64) -> CallEnd {
        let model = self.called;
        let found = Sources::default()
            .then(source::BODY, answer.usage.counts(Told::Native, family(model)))
            .then(source::HEADERS, (self.log.headers.counts, Doubts::default()))
            .find(family(model));
        let intervened = answer.guardrail_intervened;
        let mut reading = self.reading(found, answer.usage.units.clone(), intervened, answer.guardrail.as_ref());
        reading.made = answer.made;
        reading.has_no_output |= answer.is_embedding;
        if reading.misses_text() {
            reading.text_bytes = text_bytes();
        }
        let mut end = self.whole(reading, model);
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        self.name_model(&mut end, None, answer.named_model);
        self.apply_guardrail(&mut end, answer.guardrail, intervened);
        end
    }

    fn guardrail_alone(&self, units: Option<Units>) -> CallEnd {
        let mut end = CallEnd::new(Billed::Nothing);
        end.guardrail = units.map_or_else(|| self.start.most_guardrail.clone(), GuardrailUse::Counted);
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
    fn stream(&self, seen: &Seen) -> CallEnd {
        let converse = seen.converse.as_ref();
        let model = self.answered_by(converse.and_then(|answer| answer.invoked_model.as_deref()));
        let family = family(model);
        let native = &seen.native;
        let mut sources = Sources::default();
        if let Some(answer) = converse {
            sources = sources.then(source::METADATA, answer.usage.counts(Told::ConverseStream, family));
        }
        let found = sources
            .then(source::CHUNKS, native.usage.counts(Told::Native, family))
            .then(source::METRICS, native.metrics.counts(Told::Native, family))
            .then(source::HEADERS, (self.log.headers.counts, Doubts::default()))
            .find(family);
        let guardrail = native.guardrail.clone().or_else(|| converse.and_then(|answer| answer.guardrail.clone()));
        let intervened = native.guardrail_intervened || seen.stop_reason.as_deref() == Some(INTERVENED);
        let units = converse.map_or(&native.usage.units, |answer| &answer.usage.units).clone();
        let mut reading = self.reading(found, units, intervened, guardrail.as_ref());
        reading.made = native.made;
        reading.has_no_output |= native.is_embedding;
        reading.text_bytes = seen.text_bytes;
        let has_ended_well = seen.stopped && seen.error.is_none() && seen.ended != Ended::Corrupt;
        let mut end = match self.kind {
            _ if seen.was_refused() => CallEnd::new(Billed::Nothing),
            Kind::Speech => CallEnd::new(session(seen)),
            // A model's own running count is whole only once the model has stopped.
            _ if seen.is_counted() || has_ended_well => self.whole_stream(reading, model, has_ended_well),
            _ => self.broken(reading, model),
        };
        end.error.clone_from(&seen.error);
        end.finish_reasons = seen.stop_reason.iter().cloned().collect();
        end.time_to_first_chunk = seen.first_chunk.and_then(|at| at.duration_since(self.start.started).ok());
        if let Some(answer) = converse {
            end.served_tier.clone_from(&answer.served_tier);
            end.served_latency.clone_from(&answer.served_latency);
        }
        let invoked = converse.and_then(|answer| answer.invoked_model.clone());
        let named = converse.and_then(|answer| answer.named_model.clone()).or_else(|| native.named_model.clone());
        self.name_model(&mut end, invoked, named);
        self.apply_guardrail(&mut end, guardrail, intervened);
        end
    }

    /// The model that served the call, as far as an ARN in the answer tells.
    fn answered_by<'b>(&'b self, invoked: Option<&'b str>) -> Option<ModelRef<'b>> {
        match invoked.and_then(|invoked| ModelRef::parse(invoked).ok()) {
            Some(invoked) => Some(self.prices.resolve(invoked)),
            None => self.called,
        }
    }

    fn reading(&self, found: Found, units: Units, intervened: bool, guardrail: Option<&GuardrailTold>) -> Reading {
        Reading {
            found,
            units,
            made: Made::default(),
            has_no_output: matches!(self.start.operation, Operation::Embeddings),
            text_bytes: 0,
            is_blocked: intervened && guardrail.is_some_and(|told| !told.read_output),
        }
    }

    /// An answer that came whole, with the counts that it has.
    fn whole(&self, mut reading: Reading, model: Option<ModelRef<'_>>) -> CallEnd {
        let zeros = self.doubt_zeros(&mut reading);
        let end = match &self.log.asked {
            Some(asked) => return self.told(self.by_the_unit(asked, &reading, model), reading.found),
            None if zeros || reading.is_complete() => self.estimated(&mut reading, model),
            None => self.at_most(&reading, model),
        };
        self.told(end, reading.found)
    }

    /// A stream whose final counts came, or whose model has stopped.
    fn whole_stream(&self, mut reading: Reading, model: Option<ModelRef<'_>>, text_is_whole: bool) -> CallEnd {
        let zeros = self.doubt_zeros(&mut reading);
        let end = if reading.is_complete() || zeros || text_is_whole {
            self.estimated(&mut reading, model)
        } else {
            self.at_most(&reading, model)
        };
        self.told(end, reading.found)
    }

    /// A stream that broke off.
    fn broken(&self, mut reading: Reading, model: Option<ModelRef<'_>>) -> CallEnd {
        // What is counted so far may grow; the input does not.
        let running = reading.found.counts.output.take();
        reading.found.counts.reasoning = None;
        let end = match self.at_most(&reading, model) {
            Billed::AtMost { counted, input, output, cache, units } => {
                Billed::AtMost { counted, input, output: output.max(running.unwrap_or(0)), cache, units }
            }
            other => other,
        };
        self.told(end, reading.found)
    }

    /// Takes a zero for unknown where it cannot be true. Returns whether there is one.
    fn doubt_zeros(&self, reading: &mut Reading) -> bool {
        if reading.is_blocked {
            return false;
        }
        let mut zeros = false;
        let Found { counts, doubts, .. } = &mut reading.found;
        if counts.all_input() == Some(0) && self.has_text() {
            doubts.add(|| "input: usage says 0 of a prompt with text".to_owned());
            (counts.input, counts.cache_read, counts.cache_write) = (None, None, None);
            zeros = true;
        }
        if counts.output == Some(0) && reading.text_bytes > 0 {
            doubts.add(|| "output: usage says 0 beside text of the model".to_owned());
            counts.output = None;
            zeros = true;
        }
        zeros
    }

    /// Whether the prompt has text, which comes to tokens.
    fn has_text(&self) -> bool {
        match &self.log.asked {
            Some(asked) => asked.tokens_too && asked.has_text,
            None => matches!(self.start.operation, Operation::Chat | Operation::Embeddings),
        }
    }

    /// The counts, with an estimate in the place of each that is missing: exact where none is, and nothing speaks against
    /// them.
    fn estimated(&self, reading: &mut Reading, model: Option<ModelRef<'_>>) -> Billed {
        let counts = &mut reading.found.counts;
        let mut status = CostStatus::Exact;
        if counts.input.is_none() {
            status = CostStatus::Estimated;
            let cached = counts.all_input().unwrap_or(0);
            counts.input = Some(self.start.prompt.likely.saturating_sub(cached));
        }
        if counts.output.is_none() && !reading.has_no_output {
            status = CostStatus::Estimated;
            counts.output = Some(reading.text_bytes.div_ceil(BYTES_PER_TOKEN));
        }
        if !reading.found.doubts.is_empty() {
            status = CostStatus::Estimated;
        }
        let usage = usage(&reading.found, model);
        if reading.units.is_empty() {
            Billed::Tokens(usage, status)
        } else {
            Billed::Counted(usage, reading.units.clone(), status)
        }
    }

    /// Units, with the tokens beside them where those are billed too.
    fn by_the_unit(&self, asked: &Asked, reading: &Reading, model: Option<ModelRef<'_>>) -> Billed {
        let (units, status) = asked.answered(reading.made);
        let counts = &reading.found.counts;
        let doubtful = if reading.found.doubts.is_empty() { CostStatus::Exact } else { CostStatus::Estimated };
        if !asked.tokens_too {
            return Billed::Counted(Usage::new(), units, status);
        }
        if counts.input.is_some() && (counts.output.is_some() || reading.has_no_output) {
            return Billed::Counted(usage(&reading.found, model), units, status.weakest(doubtful));
        }
        // Without text there is no token to tell.
        if !asked.has_text && counts.is_empty() {
            return Billed::Counted(Usage::new(), units, status);
        }
        self.at_most(reading, model)
    }

    /// The end of a call of which so much is billed, with where that is from.
    fn told(&self, billed: Billed, found: Found) -> CallEnd {
        let mut end = CallEnd::new(billed);
        end.usage_source = found.source;
        end.usage_doubt = found.doubts.into_text();
        end
    }

    /// Puts the name of the model on the span that answered, and its price in the place of the one that was called.
    fn name_model(&self, end: &mut CallEnd, invoked: Option<String>, named: Option<String>) {
        if let Some(invoked) = invoked {
            end.response_model = Some(invoked.clone());
            end.priced_model = Some(invoked);
            return;
        }
        let Some(named) = named.filter(|named| !named.is_empty() && named.len() <= MAX_MODEL_NAME) else { return };
        let Some(called) = self.called else { return };
        match self.prices.named_model(called, &named) {
            NamedModel::Called => {}
            NamedModel::Unknown => end.response_model = Some(named),
            NamedModel::Other(id) => {
                end.priced_model = Some(match called.routing() {
                    Some(Routing::InRegion) | None => id.to_owned(),
                    Some(routing) => format!("{}.{id}", routing.as_str()),
                });
                end.response_model = Some(named);
            }
        }
    }

    /// What the guardrail around a model call used, by its trace where the request asked for one.
    fn apply_guardrail(&self, end: &mut CallEnd, told: Option<GuardrailTold>, intervened: bool) {
        let read_output = told.as_ref().is_none_or(|told| told.read_output);
        end.guardrail = match told.and_then(|told| told.units) {
            Some(units) => GuardrailUse::Counted(units),
            None if end.billed == Billed::Nothing => GuardrailUse::NotApplied,
            None => self.start.most_guardrail.clone(),
        };
        // It has blocked the input: AWS bills no inference then.
        if intervened && !read_output {
            let tells_tokens = match &end.billed {
                Billed::Tokens(usage, _) | Billed::Counted(usage, ..) => !usage.is_empty(),
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

    /// A call without a whole answer.
    fn without_answer(&self, error: Option<String>) -> CallEnd {
        let mut end = match self.log.attempts.last().map_or(Reached::Nowhere, |a| a.reached()) {
            Reached::Nowhere | Reached::Refused => CallEnd::new(Billed::Nothing),
            Reached::Unanswered | Reached::Answered => {
                let mut end = self.unanswered();
                end.guardrail = self.start.most_guardrail.clone();
                end
            }
        };
        end.error = error;
        end
    }

    /// What of a call that was sent, and whose answer is not known whole, is billed beside its guardrail.
    fn unanswered(&self) -> CallEnd {
        // An InvokeModel answer whose body broke off has its counts in the headers.
        let found = Sources::default()
            .then(source::HEADERS, (self.log.headers.counts, Doubts::default()))
            .find(family(self.called));
        let mut reading = self.reading(found, Units::new(), false, None);
        let billed = match self.kind {
            Kind::Speech => {
                let passed = Passed { sent: self.sent.so_far(), ..Passed::default() };
                Billed::Tokens(SpeechUsage::default().and_at_most(&passed).usage(), CostStatus::Bounded)
            }
            _ if self.log.asked.is_none() && reading.is_complete() => self.estimated(&mut reading, self.called),
            _ => self.lost(&reading),
        };
        self.told(billed, reading.found)
    }

    /// Attempts before the last one that were sent and not answered: Bedrock may have done their work too.
    fn lost_attempts(&self) -> Vec<Billed> {
        // A job is started once, however often it is asked for: each attempt has the same token.
        if matches!(self.kind, Kind::StartJob | Kind::GetJob | Kind::Free) {
            return Vec::new();
        }
        let earlier = self.log.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let lost = earlier.iter().filter(|a| a.reached() == Reached::Unanswered);
        lost.map(|_| self.lost(&self.reading(Found::default(), Units::new(), false, None))).collect()
    }

    /// The bound of an attempt without its answer. Of a guardrail on its own, that is its guardrail's.
    fn lost(&self, reading: &Reading) -> Billed {
        match self.kind {
            Kind::ApplyGuardrail | Kind::GuardrailChecks | Kind::GetJob | Kind::Free => Billed::Nothing,
            _ => self.at_most(reading, self.called),
        }
    }

    /// The bound: what is counted, and for the rest no more input than the request can have, and no more output than was
    /// allowed or seen.
    fn at_most(&self, reading: &Reading, model: Option<ModelRef<'_>>) -> Billed {
        let asked = self.log.asked.as_ref();
        let units = match asked {
            Some(asked) => Some(asked.most.iter().chain(reading.units.iter()).cloned().collect()),
            None if reading.units.is_empty() => None,
            None => Some(reading.units.clone()),
        };
        let (cache, counted) = (self.start.cache, usage(&reading.found, model));
        match asked {
            Some(asked) if !asked.tokens_too => {
                return Billed::AtMost { counted: Usage::new(), input: 0, output: 0, cache, units };
            }
            // What is billed by the image or the query has no bound in tokens.
            None if matches!(self.start.operation, Operation::GenerateContent | Operation::Rerank) => {
                return Billed::Unknown;
            }
            _ => {}
        }
        let counts = &reading.found.counts;
        let input = match (counts.input, asked) {
            (Some(_), _) => 0,
            (None, Some(asked)) if !asked.has_text => 0,
            (None, _) => self.log.size.most_tokens().saturating_sub(counts.all_input().unwrap_or(0)),
        };
        let output = match counts.output {
            Some(_) => 0,
            None if reading.has_no_output => 0,
            None => self.most_output.max(reading.text_bytes.div_ceil(BYTES_PER_TOKEN)),
        };
        Billed::AtMost { counted, input, output, cache, units }
    }
}

impl Reading {
    fn is_complete(&self) -> bool {
        let counts = &self.found.counts;
        counts.input.is_some() && (counts.output.is_some() || self.has_no_output)
    }

    /// Whether what the model said has to be measured.
    fn misses_text(&self) -> bool {
        !self.has_no_output && self.found.counts.output.unwrap_or(0) == 0
    }
}

fn family(model: Option<ModelRef<'_>>) -> Family {
    model.map_or(Family::Other, |model| model.family())
}

/// The counts as a usage.
fn usage(found: &Found, model: Option<ModelRef<'_>>) -> Usage {
    found.usage(family(model))
}

/// A speech session: exact once it has ended in good order, for its usage events add up as it goes.
fn session(seen: &Seen) -> Billed {
    match seen.speech {
        Some(usage) if seen.ended == Ended::Whole && seen.error.is_none() => {
            Billed::Tokens(usage.usage(), CostStatus::Exact)
        }
        usage => {
            let usage = usage.unwrap_or_default().and_at_most(&seen.uncounted);
            Billed::Tokens(usage.usage(), CostStatus::Bounded)
        }
    }
}
