//! From what was seen of a call to what of it is billed.

use std::time::SystemTime;

use outlay_otel::{Billed, CallEnd, CallStart, Operation};
use outlay_price::{CostStatus, Usage};

use crate::attempts::Reached;
use crate::bound;
use crate::call::CallLog;
use crate::input::Kind;
use crate::stream::{Ended, Seen};
use crate::usage::{Counts, Found, Sources, read_converse, read_native};

/// What is taken for the output of a call that sets no maximum, as [`Budget`](outlay_ledger::Budget)s do by default.
const ASSUMED_OUTPUT: u64 = 4_096;
/// Text comes to about a token in so many bytes, where only an estimate is left.
const BYTES_PER_TOKEN: u64 = 4;

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
pub(crate) fn end(kind: Kind, start: &CallStart, log: &mut CallLog, ending: Ending<'_>, now: SystemTime) -> CallEnd {
    let context = Context { kind, start, log };
    let mut end = match ending {
        Ending::Result { body: Some(body), error } => {
            let mut end = context.answer(body);
            end.error = error;
            end
        }
        Ending::Result { body: None, error } => {
            let mut end = CallEnd::new(context.unanswered());
            end.error = error;
            end
        }
        Ending::Stream(seen) => context.stream(seen),
        Ending::Cancelled => {
            let mut end = CallEnd::new(context.unanswered());
            end.error = Some(CANCELLED.to_owned());
            end
        }
    };
    end.lost_attempts = context.lost_attempts();
    let headers = std::mem::take(&mut log.headers);
    end.served_tier = end.served_tier.or(headers.served_tier);
    end.served_latency = end.served_latency.or(headers.served_latency);
    end.server_address = log.host.take();
    end.server_port = log.port;
    end.request_id = log.attempts.last().and_then(|a| a.request_id().map(str::to_owned));
    end.attempts = log.attempts.drain(..).map(|attempt| attempt.finish(now)).collect();
    end
}

struct Context<'a> {
    kind: Kind,
    start: &'a CallStart,
    log: &'a CallLog,
}

impl Context<'_> {
    /// An answer that came whole.
    fn answer(&self, body: &[u8]) -> CallEnd {
        let model = &*self.start.model;
        if self.kind == Kind::Converse {
            let answer = read_converse(body, model);
            let sources = Sources::default().then("usage", answer.counts);
            let model = answer.invoked_model.as_deref().unwrap_or(model);
            let mut end = CallEnd::new(self.billed(&sources.find(model, false)));
            end.disagreement = answer.disagreement;
            end.finish_reasons = answer.stop_reason.into_iter().collect();
            end.served_tier = answer.served_tier;
            end.served_latency = answer.served_latency;
            end.response_model = answer.invoked_model;
            return end;
        }
        let answer = read_native(body);
        let sources = Sources::default().then("body", answer.counts).then("headers", self.log.headers.counts);
        let mut end = CallEnd::new(self.billed(&sources.find(model, self.writes_no_output())));
        end.disagreement = sources.disagreement();
        end.finish_reasons = answer.stop_reason.into_iter().collect();
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
        if let Some(answer) = &seen.converse {
            end.disagreement = answer.disagreement.clone().or(end.disagreement);
            end.served_tier.clone_from(&answer.served_tier);
            end.served_latency.clone_from(&answer.served_latency);
            end.response_model.clone_from(&answer.invoked_model);
        }
        end
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

    /// What of a call without a whole answer is billed, by how far its last attempt got.
    fn unanswered(&self) -> Billed {
        match self.log.attempts.last().map_or(Reached::Nowhere, |a| a.reached()) {
            Reached::Nowhere | Reached::Refused => Billed::Nothing,
            Reached::Unanswered | Reached::Answered => {
                // An InvokeModel answer whose body broke off has its counts in the headers.
                let sources = Sources::default().then("headers", self.log.headers.counts);
                match sources.find(&self.start.model, self.writes_no_output()) {
                    found @ Found::Whole(..) => self.billed(&found),
                    Found::Part(_) | Found::Nothing => self.at_most(None, None),
                }
            }
        }
    }

    /// Attempts before the last one that were sent and not answered: Bedrock may have done their work too.
    fn lost_attempts(&self) -> Vec<Billed> {
        let earlier = self.log.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let lost = earlier.iter().filter(|a| a.reached() == Reached::Unanswered);
        lost.map(|_| self.at_most(None, None)).collect()
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
        // What is billed by the image or the query has no bound in tokens.
        if matches!(self.start.operation, Operation::GenerateContent | Operation::Rerank) {
            return Billed::Unknown;
        }
        let no_output = self.writes_no_output().then_some(0);
        Billed::AtMost {
            input: input.unwrap_or_else(|| bound::of_bytes(self.log.request_bytes).max(self.log.input_bound)),
            output: output.or(no_output).or(self.start.max_tokens).unwrap_or(ASSUMED_OUTPUT),
            cache: self.start.cache,
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
