//! The bounds of unanswered calls and of lost attempts.

use outlay_otel::{Billed, CallEnd};
use outlay_price::{CostStatus, GuardrailUse};

use super::Context;
use super::answered_call::Reading;
use crate::attempt_log::Progress;
use crate::input::Kind;
use crate::usage::{Doubts, Found, Members, Sources, SpeechUsage, Traffic, source};

impl Context<'_> {
    /// Bills a call without a complete answer.
    pub(super) fn bill_without_answer(&self, error: Option<String>) -> CallEnd {
        let mut end = match self.log.attempts.last().map_or(Progress::NotSent, |a| a.progress()) {
            Progress::NotSent | Progress::Refused => CallEnd::new(Billed::Nothing),
            Progress::Unanswered | Progress::Answered => {
                let mut end = self.bill_unanswered();
                end.guardrail = self.most_guardrail(false, 0);
                end
            }
        };
        end.error = error;
        end
    }

    /// Bills a call that was sent and has no complete answer, without its guardrail.
    fn bill_unanswered(&self) -> CallEnd {
        // An InvokeModel answer with a broken body still has its counts in the headers.
        let family = self.family(None, None);
        let found = Sources::default().then(source::HEADERS, (self.log.headers.counts, Doubts::default())).find(family);
        let mut reading = self.reading(found, family, &Members::default(), false, None);
        let billed = match self.kind {
            Kind::Speech => {
                let traffic = Traffic { sent: self.sent_events.so_far(), ..Traffic::default() };
                Billed::Tokens(SpeechUsage::default().with_bound(&traffic).usage(), CostStatus::Bounded)
            }
            _ if self.log.requested.is_none() && reading.is_complete() => self.estimate(&mut reading),
            _ => self.bound_lost_attempt(&reading),
        };
        CallEnd { is_cut: true, ..self.call_end(billed, reading) }
    }

    /// Returns the bounds of earlier attempts that were sent and not answered: Bedrock may have done their work too.
    pub(super) fn lost_attempts(&self) -> Vec<(Billed, GuardrailUse)> {
        // A job starts once, even if it is requested several times: each attempt has the same token.
        if matches!(self.kind, Kind::StartJob | Kind::GetJob | Kind::Free) {
            return Vec::new();
        }
        let earlier = self.log.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let lost = earlier.iter().filter(|a| a.progress() == Progress::Unanswered);
        let reading = self.reading(Found::default(), self.family(None, None), &Members::default(), false, None);
        lost.map(|_| (self.bound_lost_attempt(&reading), self.most_guardrail(false, 0))).collect()
    }

    /// Returns the bound of an attempt without an answer. A standalone guardrail is billed only as a guardrail.
    fn bound_lost_attempt(&self, reading: &Reading) -> Billed {
        match self.kind {
            Kind::ApplyGuardrail | Kind::GuardrailChecks | Kind::GetJob | Kind::Free => Billed::Nothing,
            _ => self.bound(reading),
        }
    }
}
