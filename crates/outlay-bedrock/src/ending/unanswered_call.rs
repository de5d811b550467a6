//! The bound of a call whose answer did not come, and of attempts that were lost.

use outlay_otel::{Billed, CallEnd};
use outlay_price::{CostStatus, GuardrailUse};

use super::Context;
use super::answered_call::Reading;
use crate::attempt_log::Reached;
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
}
