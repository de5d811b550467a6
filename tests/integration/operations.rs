//! All operations, billed and free.

mod guardrails;
mod jobs;
mod speech;
mod unbilled;
mod units;

use outlay::{Outcome, Task};
use outlay_tests::{Harness, Span, Spans, call_spans};

/// Finishes a task with one call and returns its spans.
fn finished(h: &Harness, task: &Task) -> Spans {
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (1, 0));
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(call_spans(&spans).len(), 1);
    spans
}

/// Returns the cost of a call in pico-dollars and its status.
fn cost(call: &Span) -> (Option<i64>, &str) {
    (call.int("outlay.cost.picousd"), call.text("outlay.cost.status").expect("every call has a status"))
}
