//! From what was seen of a call to what of it is billed.

use std::time::SystemTime;

use outlay_otel::{Billed, CallEnd, CallStart, JobEvent, Operation};
use outlay_price::{CacheUse, CostStatus, GuardrailUse, Units, Usage};

use crate::attempts::Reached;
use crate::bound;
use crate::call::CallLog;
use crate::input::Kind;
use crate::stream::{Ended, Seen, Sent};
use crate::units::{Asked, Made};
use crate::usage::{
    Counts, Found, GuardrailTold, Passed, Sources, SpeechUsage, read_apply_guardrail, read_checks, read_converse,
    read_job_start, read_job_status, read_native,
};

/// What is taken for the output of a call that sets no maximum, as [`Budget`](outlay_ledger::Budget)s do by default.
const ASSUMED_OUTPUT: u64 = 4_096;
/// Text comes to about a token in so many bytes, where only an estimate is left.
const BYTES_PER_TOKEN: u64 = 4;

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
    /// A stream that the application had ended.
    Stream(&'a Seen),
    /// The application dropped the call.
    Cancelled,
}

/// What to settle the call with.
pub(crate) fn end(
    kind: Kind,
    start: &CallStart,
    log: &mut CallLog,
    sent: &Sent,
    ending: Ending<'_>,
    now: SystemTime,
) -> CallEnd {
    let context = Context { kind, start, log, sent };
    let mut end = match ending {
        Ending::Result { body: Some(body), error } => {
            let mut end = context.answer(body);
            end.error = error;
            end
        }
        Ending::Result { body: None, error } => context.without_answer(error),
        Ending::Stream(seen) => context.stream(seen),
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
    log: &'a CallLog,
    sent: &'a Sent,
}

impl Context<'_> {
    /// An answer that came whole.
    fn answer(&self, body: &[u8]) -> CallEnd {
        match self.kind {
            Kind::Converse => self.converse(body),
            Kind::ApplyGuardrail => self.guardrail_alone(read_apply_guardrail(body)),
            Kind::GuardrailChecks => self.guardrail_alone(read_checks(body)),
            Kind::StartJob => self.job_started(body),
            Kind::GetJob => {
                let mut end = CallEnd::new(Billed::Nothing);
                end.job = read_job_status(body).map(|(arn, how)| JobEvent::Ended(arn, how));
                end
            }
            Kind::Free => CallEnd::new(Billed::Nothing),
            Kind::Invoke | Kind::ConverseStream | Kind::InvokeStream | Kind::Speech => self.invoke(body),
        }
    }

    fn converse(&self, body: &[u8]) -> CallEnd {
        let answer = read_converse(body, &self.start.model);
        let sources = Sources::default().then("usage", answer.counts);
        let model = answer.invoked_model.as_deref().unwrap_or(&self.start.model);
        let mut end = CallEnd::new(self.billed(&sources.find(model, false)));
        end.disagreement = answer.disagreement;
        let intervened = answer.stop_reason.as_deref() == Some(INTERVENED);
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        end.served_tier = answer.served_tier;
        end.served_latency = answer.served_latency;
        end.response_model = answer.invoked_model;
        self.apply_guardrail(&mut end, answer.guardrail, intervened);
        end
    }

    fn invoke(&self, body: &[u8]) -> CallEnd {
        let answer = read_native(body);
        let sources = Sources::default().then("body", answer.counts).then("headers", self.log.headers.counts);
        let found = sources.find(&self.start.model, self.writes_no_output());
        let billed = match &self.log.asked {
            Some(asked) => self.counted(asked, answer.made, &found),
            None => self.billed(&found),
        };
        let mut end = CallEnd::new(billed);
        end.disagreement = sources.disagreement();
        end.finish_reasons = answer.stop_reason.into_iter().collect();
        self.apply_guardrail(&mut end, answer.guardrail, answer.guardrail_intervened);
        end
    }

    fn guardrail_alone(&self, units: Option<Units>) -> CallEnd {
        let mut end = CallEnd::new(Billed::Nothing);
        end.guardrail = units.map_or_else(|| self.start.most_guardrail.clone(), GuardrailUse::Counted);
        end
    }

    fn job_started(&self, body: &[u8]) -> CallEnd {
        let mut end = CallEnd::new(match &self.log.asked {
            Some(asked) => Billed::Counted(Usage::new(), asked.likely.clone(), asked.status),
            None => Billed::Unknown,
        });
        end.job = read_job_start(body).map(JobEvent::Started);
        end
    }

    /// A stream that the application had, as far as it was seen.
    fn stream(&self, seen: &Seen) -> CallEnd {
        let model = seen.converse.as_ref().and_then(|c| c.invoked_model.as_deref()).unwrap_or(&self.start.model);
        let sources = Sources::default()
            .then("metadata", seen.converse.as_ref().map(|c| c.counts).unwrap_or_default())
            .then("chunks", seen.native)
            .then("invocation metrics", seen.metrics)
            .then("headers", self.log.headers.counts);
        let found = sources.find(model, self.writes_no_output());
        let billed = match found {
            _ if self.kind == Kind::Speech => session(seen),
            // A model's own running count is whole only once the model has stopped.
            Found::Whole(..) if seen.is_counted() => self.billed(&found),
            Found::Whole(usage, _) => self.at_most(Some(usage.input_tokens()), None),
            Found::Part(counts) => self.partly_seen(seen, counts.input.map(|_| input_of(&counts))),
            Found::Nothing => self.partly_seen(seen, None),
        };
        let mut end = CallEnd::new(billed);
        end.error = seen.error.clone();
        end.disagreement = sources.disagreement();
        end.finish_reasons = seen.stop_reason.iter().cloned().collect();
        end.time_to_first_chunk = seen.first_chunk.and_then(|at| at.duration_since(self.start.started).ok());
        let mut guardrail = seen.guardrail.clone();
        if let Some(answer) = &seen.converse {
            end.disagreement = answer.disagreement.clone().or(end.disagreement);
            end.served_tier.clone_from(&answer.served_tier);
            end.served_latency.clone_from(&answer.served_latency);
            end.response_model.clone_from(&answer.invoked_model);
            guardrail = guardrail.or_else(|| answer.guardrail.clone());
        }
        let intervened = seen.guardrail_intervened || seen.stop_reason.as_deref() == Some(INTERVENED);
        self.apply_guardrail(&mut end, guardrail, intervened);
        end
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
            if matches!(&end.billed, Billed::Tokens(usage, _) if !usage.is_empty()) {
                let text = "usage: tokens are told of a call whose input the guardrail blocked, which bills none";
                end.disagreement.get_or_insert_with(|| text.to_owned());
            }
            end.billed = Billed::Nothing;
        }
    }

    /// A stream without its final counts.
    fn partly_seen(&self, seen: &Seen, input: Option<u64>) -> Billed {
        if seen.was_refused() {
            return Billed::Nothing;
        }
        if seen.stopped && seen.error.is_none() && seen.ended != Ended::Corrupt {
            let input = input.unwrap_or(self.log.request_bytes.div_ceil(BYTES_PER_TOKEN));
            let output = seen.text_bytes.div_ceil(BYTES_PER_TOKEN);
            return Billed::Tokens(Usage::new().with_uncached_input(input).with_output(output), CostStatus::Estimated);
        }
        self.at_most(input, None)
    }

    /// A call without a whole answer.
    fn without_answer(&self, error: Option<String>) -> CallEnd {
        let mut end = match self.log.attempts.last().map_or(Reached::Nowhere, |a| a.reached()) {
            Reached::Nowhere | Reached::Refused => CallEnd::new(Billed::Nothing),
            Reached::Unanswered | Reached::Answered => {
                let mut end = CallEnd::new(self.unanswered());
                end.guardrail = self.start.most_guardrail.clone();
                end
            }
        };
        end.error = error;
        end
    }

    /// What of a call that was sent, and whose answer is not known whole, is billed beside its guardrail.
    fn unanswered(&self) -> Billed {
        match self.kind {
            Kind::ApplyGuardrail | Kind::GuardrailChecks | Kind::GetJob | Kind::Free => return Billed::Nothing,
            Kind::Speech => {
                let passed = Passed { sent: self.sent.so_far(), ..Passed::default() };
                return Billed::Tokens(SpeechUsage::default().and_at_most(&passed).usage(), CostStatus::Bounded);
            }
            _ => {}
        }
        if self.log.asked.is_some() {
            return self.at_most(None, None);
        }
        // An InvokeModel answer whose body broke off has its counts in the headers.
        let sources = Sources::default().then("headers", self.log.headers.counts);
        match sources.find(&self.start.model, self.writes_no_output()) {
            found @ Found::Whole(..) => self.billed(&found),
            Found::Part(_) | Found::Nothing => self.at_most(None, None),
        }
    }

    /// Attempts before the last one that were sent and not answered: Bedrock may have done their work too.
    fn lost_attempts(&self) -> Vec<Billed> {
        // A job is started once, however often it is asked for: each attempt has the same token.
        if matches!(self.kind, Kind::StartJob | Kind::GetJob | Kind::Free) {
            return Vec::new();
        }
        let earlier = self.log.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let lost = earlier.iter().filter(|a| a.reached() == Reached::Unanswered);
        lost.map(|_| self.at_most(None, None)).collect()
    }

    /// Units, with the tokens beside them where those are billed too.
    fn counted(&self, asked: &Asked, made: Made, found: &Found) -> Billed {
        let (units, status) = asked.answered(made);
        match found {
            _ if !asked.tokens_too => Billed::Counted(Usage::new(), units, status),
            Found::Whole(usage, counted) => Billed::Counted(*usage, units, status.weakest(*counted)),
            // Without text there may be no count of it.
            Found::Part(_) | Found::Nothing => self.at_most(None, None),
        }
    }

    fn billed(&self, found: &Found) -> Billed {
        match found {
            Found::Whole(usage, status) => Billed::Tokens(*usage, *status),
            Found::Part(counts) => {
                let input = counts.input.map(|_| input_of(counts));
                self.at_most(input, counts.output)
            }
            Found::Nothing => self.at_most(None, None),
        }
    }

    /// The bound: no input has more tokens than the request has bytes, and no output more than was allowed.
    fn at_most(&self, input: Option<u64>, output: Option<u64>) -> Billed {
        let units = self.log.asked.as_ref().map(|asked| asked.most.clone());
        match &self.log.asked {
            Some(asked) if !asked.tokens_too => {
                return Billed::AtMost { input: 0, output: 0, cache: CacheUse::NoWrites, units };
            }
            // What is billed by the image or the query has no bound in tokens.
            None if matches!(self.start.operation, Operation::GenerateContent | Operation::Rerank) => {
                return Billed::Unknown;
            }
            _ => {}
        }
        let no_output = self.writes_no_output().then_some(0);
        Billed::AtMost {
            input: input.unwrap_or_else(|| bound::of_bytes(self.log.request_bytes).max(self.log.input_bound)),
            output: output.or(no_output).or(self.start.max_tokens).unwrap_or(ASSUMED_OUTPUT),
            cache: self.start.cache,
            units,
        }
    }

    const fn writes_no_output(&self) -> bool {
        matches!(self.start.operation, Operation::Embeddings)
    }
}

/// All input that was counted, cached or not.
fn input_of(counts: &Counts) -> u64 {
    [counts.input, counts.cache_read, counts.cache_write].into_iter().flatten().fold(0, u64::saturating_add)
}

/// A speech session: exact once it has ended in good order, for its usage events add up as it goes.
fn session(seen: &Seen) -> Billed {
    match seen.speech {
        _ if seen.was_refused() => Billed::Nothing,
        Some(usage) if seen.ended == Ended::Whole && seen.error.is_none() => {
            Billed::Tokens(usage.usage(), CostStatus::Exact)
        }
        usage => {
            let usage = usage.unwrap_or_default().and_at_most(&seen.uncounted);
            Billed::Tokens(usage.usage(), CostStatus::Bounded)
        }
    }
}
