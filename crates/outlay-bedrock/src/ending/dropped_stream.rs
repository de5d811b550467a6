//! The bound of a stream that was dropped or broke off before its end.

use outlay_otel::{Billed, CallEnd};

use super::Context;
use super::answered_call::Reading;

impl Context<'_> {
    /// Bills a stream that broke off.
    pub(super) fn bill_broken_stream(&self, mut reading: Reading) -> CallEnd {
        self.doubt_zeros(&mut reading);
        // The output count may still grow; the input count does not.
        let running = reading.found.counts.output.take();
        reading.found.counts.reasoning = None;
        let end = match self.bound(&reading) {
            Billed::AtMost { counted, input, output, cache, units } => {
                Billed::AtMost { counted, input, output: output.max(running.unwrap_or(0)), cache, units }
            }
            other => other,
        };
        CallEnd { is_cut: true, ..self.call_end(end, reading) }
    }
}
