//! Outcomes of tasks from other processes, by a token.
//!
//! Feedback often reaches another replica than the one that ran the task. The service stores a token with its answer, and
//! any process redeems it:
//!
//! ```
//! use outlay::outcome::OutcomeKey;
//! use outlay::{Outcome, Outlay};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = OutcomeKey::new("the same secret in all processes")?;
//! let replica = Outlay::builder().outcome_key(key.clone()).build();
//! let task = replica.task("resolve-ticket").team("support").start();
//! let token = task.outcome_token().with_outcome(Outcome::success()).with_dimensions().to_string();
//! task.finish(Outcome::success());
//!
//! // In another process, when the user has complained:
//! let other_replica = Outlay::builder().outcome_key(key).build();
//! other_replica.record_outcome(&token, Outcome::failure())?;
//! # Ok(()) }
//! ```
//!
//! This writes a span that is linked to the task's span, and counts the metrics `outlay.outcomes.revised`,
//! `outlay.outcome.value` and `outlay.outcome.withdrawn_value`. The metric `outlay.tasks` stays as it is.
//!
//! # Which outcome is replaced
//!
//! The token names the outcome that the task had when the token was made, or that of
//! [`OutcomeToken::with_outcome`]. If there is neither, the metrics count the new outcome as revised from `unknown`. The
//! queries and dashboards of Outlay leave those out when they count successes, because the task may have been counted as a
//! success already.
//!
//! A process that redeems tokens of one task several times replaces the outcome that it has set before. It remembers the
//! last 10,000 tasks. If two processes redeem tokens of one task, both count it: each process knows only its own.
//!
//! # Whom to trust
//!
//! Anyone can read a token. One that has been in a browser can have been changed. So set a key, with which tokens are
//! signed. Without a key, accept only tokens that have never left your own services. A token is valid for 30 days, or for
//! [`OutlayBuilder::outcome_lifetime`](crate::OutlayBuilder::outcome_lifetime). Names and dimensions in it are cleaned and
//! cut like all others.

pub use outlay_otel::{OutcomeKey, OutcomeKeyError, OutcomeToken, OutcomeTokenError};
