//! Which source of usage takes precedence, in any JSON type, and how missing counts are handled.

mod answers;
mod families;
mod served;
mod shapes;
mod types;

use bedrock_sim::{Operation, Reply};
use outlay::Outcome;
use outlay_tests::{Harness, Span, call_spans, converse, invoke, read_stream};

/// Makes one call, ignores its result, and returns what `inspect` reads from its only span.
async fn observe<T>(operation: Operation, model: &str, reply: impl Into<Reply>, inspect: impl FnOnce(&Span) -> T) -> T {
    let h = Harness::new().await;
    h.sim.push(reply);
    let task = h.outlay.task("t").start();
    task.run(async {
        match operation {
            Operation::Converse => drop(converse(&h.client, model).send().await),
            Operation::InvokeModel => drop(invoke(&h.client, model).send().await),
            _ => drop(read_stream(&h.client, operation, model).await),
        }
    })
    .await;
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (1, 0));
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(call_spans(&spans).len(), 1);
    inspect(call_spans(&spans)[0])
}

/// Returns the input, output, cache read, cache write and reasoning tokens on the span.
fn tokens(call: &Span) -> [Option<i64>; 5] {
    [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.reasoning.output_tokens",
    ]
    .map(|key| call.int(key))
}

fn picos(call: &Span) -> Option<i64> {
    call.int("outlay.cost.picousd")
}

fn status(call: &Span) -> String {
    call.text("outlay.cost.status").expect("every call has a status").to_owned()
}

/// Returns the reason why the counts are not exact.
fn doubt(call: &Span) -> Option<String> {
    call.text("outlay.usage.doubt").map(str::to_owned)
}

/// Returns the source of the counts, if the span states it.
fn source(call: &Span) -> Option<String> {
    call.text("outlay.usage.source").map(str::to_owned)
}
