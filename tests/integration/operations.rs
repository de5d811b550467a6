//! Every operation that costs money, and those that cost none.

mod free;
mod guardrails;
mod jobs;
mod speech;
mod units;

use outlay::{Outcome, Task};
use outlay_tests::{Harness, Span, Spans, call_spans};

/// The spans of a task in which one call was made, once it is finished.
fn finished(h: &Harness, task: &Task) -> Spans {
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (1, 0));
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(call_spans(&spans).len(), 1);
    spans
}

/// What the call cost in 1e-12 dollars, and how sure that is.
fn cost(call: &Span) -> (Option<i64>, &str) {
    (call.int("outlay.cost.picousd"), call.text("outlay.cost.status").expect("every call has a status"))
}
