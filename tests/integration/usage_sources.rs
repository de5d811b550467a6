//! Which number of which source is trusted, in whatever JSON type it comes, and what is made of its absence.

mod answers;
mod families;
mod served;
mod shapes;
mod types;

use bedrock_sim::{Operation, Reply};
use outlay::Outcome;
use outlay_tests::{Harness, Span, call_spans, converse, invoke, stream_whole};

/// Asks once, whatever comes of it, and looks at the call's span, which is one.
async fn asked<T>(operation: Operation, model: &str, reply: impl Into<Reply>, look: impl FnOnce(&Span) -> T) -> T {
    let h = Harness::new().await;
    h.sim.push(reply);
    let task = h.outlay.task("t").start();
    task.run(async {
        match operation {
            Operation::Converse => drop(converse(&h.client, model).send().await),
            Operation::InvokeModel => drop(invoke(&h.client, model).send().await),
            _ => drop(stream_whole(&h.client, operation, model).await),
        }
    })
    .await;
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (1, 0));
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(call_spans(&spans).len(), 1);
    look(call_spans(&spans)[0])
}

/// Input, output, cache reads, cache writes and reasoning, as they are on the span.
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

/// Why the counts are not exact.
fn doubt(call: &Span) -> Option<String> {
    call.text("outlay.usage.doubt").map(str::to_owned)
}

/// Which source they are from, where there is something to say of it.
fn source(call: &Span) -> Option<String> {
    call.text("outlay.usage.source").map(str::to_owned)
}
