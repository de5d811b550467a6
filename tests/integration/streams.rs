//! Streamed answers with every kind of ending. Each call settles once, with the status that its ending allows.

mod drains;
mod drops;
mod endings;
mod native;
mod timeouts;

use bedrock_sim::{Message, Operation, Reply, Tokens};
use outlay::{Outcome, Task, Totals};
use outlay_tests::{Harness, Spans, call_spans, eventually};

/// The operations that answer with a stream.
const STREAMS: [Operation; 2] = [Operation::ConverseStream, Operation::InvokeModelWithResponseStream];

/// The cost of [`answer`] on Haiku in pico-dollars: 1,000 x 1.10 + 200 x 5.50 dollars per million tokens.
const ANSWER_COST: i64 = 2_200_000_000;

/// Returns an answer with three deltas. Its events as ConverseStream: messageStart, three deltas, contentBlockStop,
/// messageStop (5), metadata (6). As Anthropic chunks: message_start, content_block_start, three deltas,
/// content_block_stop, message_delta (6), message_stop (7).
fn answer() -> Message {
    Reply::message().text("abc").deltas(1).usage(Tokens::new(1_000, 200))
}

/// Waits until the only call of a task has settled, and asserts that it settled exactly once in the ledger and on spans.
async fn settled_once(case: &str, h: &Harness, task: &Task) -> (Spans, Totals) {
    eventually(case, || task.totals().pending_calls() == 0 && !call_spans(&h.spans()).is_empty()).await;
    let report = task.finish(Outcome::success());
    let spans = h.spans();
    assert_eq!(call_spans(&spans).len(), 1, "{case}: call spans");
    assert_eq!(report.totals().calls(), 1, "{case}: calls");
    assert_eq!(report.totals().pending_calls(), 0, "{case}: pending calls");
    assert_eq!(report.record().root.children.len(), 1, "{case}: records");
    spans.assert_conserved();
    let totals = report.totals().clone();
    (spans, totals)
}
