//! The most that a call can cost, if its end is not known.

use outlay_otel::{Billed, Operation};
use outlay_price::Usage;

use super::Context;
use super::answered_call::Reading;

impl Context<'_> {
    /// Returns the bound: the counts that are known, and for the rest the largest possible input and the larger of
    /// the allowed and the observed output.
    pub(super) fn bound(&self, reading: &Reading) -> Billed {
        let requested = self.log.requested.as_ref();
        let units = match requested {
            Some(requested) => Some(requested.most.iter().chain(reading.units.iter()).cloned().collect()),
            None if reading.units.is_empty() => None,
            None => Some(reading.units.clone()),
        };
        let (cache, counted) = (self.start.cache, reading.usage());
        match requested {
            Some(requested) if !requested.bills_tokens => {
                return Billed::AtMost { counted: Usage::new(), input: 0, output: 0, cache, units };
            }
            // A model that is billed by the image or the query has no bound in tokens.
            None if matches!(self.start.operation, Operation::GenerateContent | Operation::Rerank) => {
                return Billed::Unknown;
            }
            _ => {}
        }
        let counts = &reading.found.counts;
        let input = match (counts.input, requested) {
            (Some(_), _) => 0,
            (None, Some(requested)) if !requested.has_text => 0,
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
