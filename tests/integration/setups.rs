//! OpenTelemetry setups other than the usual one, as `crates/outlay/docs/guide/opentelemetry.md` describes them.

mod exporters;
mod layers;
mod local_start;
mod other_version;

use outlay::Outcome;
use outlay_tests::{HAIKU, Harness};

/// Runs a task with an agent, a step of it and a call.
async fn run_a_task(h: &Harness) {
    let task = h.outlay.task("t").start();
    task.run(outlay::agent("triage").run(outlay::plan("read").run(h.ask(HAIKU, 1_000, 100)))).await;
    task.finish(Outcome::success());
}
