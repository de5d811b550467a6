//! The free functions: they act on the current scope.

use std::future::Future;
use std::panic::Location;

use outlay_ledger::StepKind;
use outlay_otel::{InScope, RemoteWork, current};
use outlay_price::Usd;

use crate::default_outlay::current_or_outside;
use crate::{ManualCall, ScopeBuilder};

/// Returns a builder for an agent inside the current scope. Agents can be nested.
#[track_caller]
pub fn agent(name: &str) -> ScopeBuilder {
    ScopeBuilder::agent(name)
}

/// Returns a builder for a step that decides what to do.
#[track_caller]
pub fn plan(name: &str) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::Plan, name)
}

/// Returns a builder for a tool call, which includes the tool's own model calls and charges.
#[track_caller]
pub fn tool(name: &str) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::Tool, name)
}

/// Returns a builder for a step of any kind: `act`, `reflect`, `verify`, `retrieve`, or your own.
#[track_caller]
pub fn step(kind: &str, name: &str) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::from_name(kind), name)
}

/// Returns a builder for a step that repeats earlier work; `attempt` is 2 for the second attempt. Its cost counts as retry,
/// whatever kinds of steps are inside it.
#[track_caller]
pub fn retry(attempt: u32) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::Retry, &format!("attempt {attempt}"))
}

/// Wraps a future so that it runs in the current scope wherever it is polled, such as in a spawned task.
///
/// Without this, the future's calls are outside any task: no task's budget limits them, and their cost counts as
/// unattributed. [`OutsideTasks`](crate::policy::OutsideTasks) decides what happens to such calls.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # async fn search() {}
/// tokio::spawn(outlay::in_scope(async { search().await })).await.unwrap();
/// # }
/// ```
pub fn in_scope<F: Future>(future: F) -> InScope<F> {
    InScope::current(future)
}

/// Charges the current scope for something other than a model call, such as a paid search or a hosted tool. The charge is
/// recorded at once.
#[track_caller]
pub fn charge(name: &str, amount: Usd) {
    match current_or_outside("outlay::charge", Location::caller()) {
        Some(scope) => scope.charge(name, amount),
        None => tracing::warn!(target: "outlay", charge = name, "a charge before any Outlay is built is not counted"),
    }
}

/// Marks the current scope as failed: what was spent in it counts as wasted. Only the first reason is kept.
///
/// The reason is recorded on the span, so it should contain no prompt or completion text.
pub fn fail(reason: &str) {
    if let Some(scope) = outlay_otel::current() {
        scope.in_ledger().fail(reason);
    }
}

/// Starts remote work for the current scope. `name` identifies it in the report; use the name of a service or a queue.
///
/// Write it into the request with [`RemoteWork::inject`], and pass the receipt that comes back to [`RemoteWork::receive`].
/// Over HTTP, the layers of `outlay::tower` (feature `tower`) do both.
///
/// ```
/// use std::collections::HashMap;
/// use outlay::propagation::{Incoming, Received};
/// use outlay::{Outcome, Outlay, Usd};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let outlay = Outlay::builder().propagate(["team"]).build();
/// let task = outlay.task("resolve-ticket").team("support").start();
/// let mut message = HashMap::new();
/// let work = task.run_sync(|| outlay::remote("researcher"));
/// work.inject(&mut message);
///
/// // In the other process, which trusts this one:
/// let incoming = Incoming::from_trusted(&message)?;
/// let research = outlay.task("research").asked_by(&incoming).start();
/// research.charge("serp-api", Usd::from_cents(1));
/// research.finish(Outcome::success());
/// let receipt = research.receipt().to_string();
///
/// // Back in this process:
/// assert_eq!(work.receive(&receipt)?, Received::Joined);
/// assert_eq!(work.receive(&receipt)?, Received::Again);
/// let report = task.finish(Outcome::success());
/// assert_eq!(report.totals().cost().to_string(), "$0.010000 exact");
/// # Ok(()) }
/// ```
pub fn remote(name: &str) -> RemoteWork {
    match current() {
        Some(scope) => RemoteWork::open(&scope, name),
        None => RemoteWork::noop(),
    }
}

/// Returns a builder for a call that was made without a metered client. It is priced and attributed when it is recorded.
#[track_caller]
pub fn call(model: &str) -> ManualCall {
    ManualCall::new(model)
}
