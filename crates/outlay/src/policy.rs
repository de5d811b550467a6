//! Policies: who may do what, which tasks are stopped, and what looks like a runaway.
//!
//! A [`Policy`] is read from a file, which may change while the process runs. A [`RunawayRule`] lists the signs of a task
//! that loops. [`Outlay::stop`](crate::Outlay::stop) stops the tasks of a [`StopTarget`].

pub use outlay_ledger::{
    LoadPolicyError, Policy, PolicyCounts, PolicyRule, PolicyViolation, Refusal, RefusedCalls, RefusedOutsideTask,
    Review, Runaway, RunawayRule, StopTarget, Stopped, Violation,
};
pub use outlay_otel::OutsideTasks;
