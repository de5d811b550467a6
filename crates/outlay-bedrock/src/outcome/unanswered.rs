//! What is billed at the most of a call whose end was not seen: a stream that broke off, an answer that did not come, an
//! attempt that was lost.

use outlay_otel::{Billed, CallEnd, Operation};
use outlay_price::{CostStatus, GuardrailUse, Usage};

use super::Context;
use super::answered::Reading;
use crate::attempts::Reached;
use crate::input::Kind;
use crate::usage::{Doubts, Found, Members, Passed, Sources, SpeechUsage, source};

impl Context<'_> {
    /// A call without a whole answer.
    pub(super) fn without_answer(&self, error: Option<String>) -> CallEnd {
        let mut end = match self.log.attempts.last().map_or(Reached::Nowhere, |a| a.reached()) {
            Reached::Nowhere | Reached::Refused => CallEnd::new(Billed::Nothing),
            Reached::Unanswered | Reached::Answered => {
                let mut end = self.unanswered();
                end.guardrail = self.most_guardrail(false, 0);
                end
            }
        };
        end.error = error;
        end
    }

    /// What of a call that was sent, and whose answer is not known whole, is billed beside its guardrail.
    fn unanswered(&self) -> CallEnd {
        // An InvokeModel answer whose body broke off has its counts in the headers.
        let family = self.family(None, None);
        let found = Sources::default().then(source::HEADERS, (self.log.headers.counts, Doubts::default())).find(family);
        let mut reading = self.reading(found, family, &Members::default(), false, None);
        let billed = match self.kind {
            Kind::Speech => {
                let passed = Passed { sent: self.sent.so_far(), ..Passed::default() };
                Billed::Tokens(SpeechUsage::default().and_at_most(&passed).usage(), CostStatus::Bounded)
            }
            _ if self.log.asked.is_none() && reading.is_complete() => self.estimated(&mut reading),
            _ => self.lost(&reading),
        };
        self.told(billed, reading)
    }

    /// Attempts before the last one that were sent and not answered: Bedrock may have done their work too.
    pub(super) fn lost_attempts(&self) -> Vec<(Billed, GuardrailUse)> {
        // A job is started once, however often it is asked for: each attempt has the same token.
        if matches!(self.kind, Kind::StartJob | Kind::GetJob | Kind::Free) {
            return Vec::new();
        }
        let earlier = self.log.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let lost = earlier.iter().filter(|a| a.reached() == Reached::Unanswered);
        let reading = self.reading(Found::default(), self.family(None, None), &Members::default(), false, None);
        lost.map(|_| (self.lost(&reading), self.most_guardrail(false, 0))).collect()
    }

    /// The bound of an attempt without its answer. Of a guardrail on its own, that is its guardrail's.
    fn lost(&self, reading: &Reading) -> Billed {
        match self.kind {
            Kind::ApplyGuardrail | Kind::GuardrailChecks | Kind::GetJob | Kind::Free => Billed::Nothing,
            _ => self.at_most(reading),
        }
    }

    /// A stream that broke off.
    pub(super) fn broken(&self, mut reading: Reading) -> CallEnd {
        self.doubt_zeros(&mut reading);
        // What is counted so far may grow; the input does not.
        let running = reading.found.counts.output.take();
        reading.found.counts.reasoning = None;
        let end = match self.at_most(&reading) {
            Billed::AtMost { counted, input, output, cache, units } => {
                Billed::AtMost { counted, input, output: output.max(running.unwrap_or(0)), cache, units }
            }
            other => other,
        };
        self.told(end, reading)
    }

    /// The bound: what is counted, and for the rest no more input than the request can have, and no more output than was
    /// allowed or seen.
    pub(super) fn at_most(&self, reading: &Reading) -> Billed {
        let asked = self.log.asked.as_ref();
        let units = match asked {
            Some(asked) => Some(asked.most.iter().chain(reading.units.iter()).cloned().collect()),
            None if reading.units.is_empty() => None,
            None => Some(reading.units.clone()),
        };
        let (cache, counted) = (self.start.cache, reading.usage());
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
            None => self.most_output.max(self.tokens_of(reading.text_bytes)),
        };
        Billed::AtMost { counted, input, output, cache, units }
    }
}
