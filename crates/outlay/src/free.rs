//! The functions that need no handle: they mean the current scope.

use std::future::Future;
use std::panic::Location;

use outlay_ledger::StepKind;
use outlay_otel::{InScope, RemoteWork, current};
use outlay_price::Usd;

use crate::default_outlay::current_or_outside;
use crate::{MadeCall, ScopeBuilder};

/// An agent inside the current scope; agents nest.
#[track_caller]
pub fn agent(name: &str) -> ScopeBuilder {
    ScopeBuilder::agent(name)
}

/// A step that decides what to do.
#[track_caller]
pub fn plan(name: &str) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::Plan, name)
}

/// A tool call, with whatever model calls and charges the tool makes.
#[track_caller]
pub fn tool(name: &str) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::Tool, name)
}

/// A step of any kind: `act`, `reflect`, `verify`, `retrieve`, or your own.
#[track_caller]
pub fn step(kind: &str, name: &str) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::from_name(kind), name)
}

/// A step in which the application asks again; `attempt` is 2 for the second time. What it costs counts as retry,
/// whatever the steps inside it are.
#[track_caller]
pub fn retry(attempt: u32) -> ScopeBuilder {
    ScopeBuilder::step(StepKind::Retry, &format!("attempt {attempt}"))
}

/// Carries the current scope into a future that is polled elsewhere, such as a spawned task.
///
/// Without it, what the future calls is outside any task: no budget of the task holds it, and its cost counts as
/// unattributed. [`OutsideTasks`](crate::OutsideTasks) says what becomes of such calls.
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

/// Charges the current scope for something that is no model call: a paid search, a hosted tool. It acts at once.
#[track_caller]
pub fn charge(name: &str, amount: Usd) {
    match current_or_outside("outlay::charge", Location::caller()) {
        Some(scope) => scope.charge(name, amount),
        None => tracing::warn!(target: "outlay", charge = name, "a charge before any Outlay is built is not counted"),
    }
}

/// Marks the current scope as failed; what was spent in it was wasted. The first reason holds.
///
/// The reason goes onto the span: let it hold no content.
pub fn fail(reason: &str) {
    if let Some(scope) = outlay_otel::current() {
        scope.in_ledger().fail(reason);
    }
}

/// Work that is asked of another process on behalf of the current scope. `name` is what it goes by in the report: that of
/// a service or a queue.
///
/// Write it into the request with [`RemoteWork::inject`], and hand it the receipt that comes back. Over HTTP the layers of
/// `outlay::tower` (feature `tower`) do both.
///
/// ```
/// use std::collections::HashMap;
/// use outlay::{Incoming, Outcome, Outlay, Received, Usd};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let outlay = Outlay::builder().propagate(["team"]).build();
/// let task = outlay.task("resolve-ticket").team("support").start();
/// let mut message = HashMap::new();
/// let work = task.run_sync(|| outlay::remote("researcher"));
/// work.inject(&mut message);
///
/// // In the other process, which has been told to trust this one:
/// let incoming = Incoming::from_trusted(&message)?;
/// let research = outlay.task("research").asked_by(&incoming).start();
/// research.charge("serp-api", Usd::from_cents(1));
/// research.finish(Outcome::success());
/// let receipt = research.receipt().to_string();
///
/// // Back here:
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

/// A call that was made by other means than a metered client: it is priced and attributed when it is recorded.
#[track_caller]
pub fn call(model: &str) -> MadeCall {
    MadeCall::new(model)
}
