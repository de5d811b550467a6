mod policy_violation;
mod stopped;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::BudgetExceeded;
use crate::message_text::shown;

pub use policy_violation::{PolicyViolation, Violation};
pub(crate) use stopped::StopReason;
pub use stopped::Stopped;

/// The reason why a call was refused. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A budget has no room for the call.
    Budget(BudgetExceeded),
    /// The task is stopped.
    Stopped(Stopped),
    /// An enforced rule of the policy does not allow the call.
    Policy(PolicyViolation),
    /// The call was made outside any task, and the application refuses such calls.
    OutsideTask(RefusedOutsideTask),
}

/// The error for a call that was refused because it was made outside any task. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a call to `{}` was refused: it is outside any task, at {site}. Make it inside a task, and carry the task into \
     spawned work with outlay::in_scope(future)",
    shown(model)
)]
pub struct RefusedOutsideTask {
    model: Arc<str>,
    site: Arc<str>,
}

impl RefusedOutsideTask {
    /// Creates the refusal of a call to `model` that was made at `site`.
    pub const fn new(model: Arc<str>, site: Arc<str>) -> Self {
        Self { model, site }
    }

    /// Returns the requested model.
    pub const fn model(&self) -> &Arc<str> {
        &self.model
    }

    /// Returns where in the application the call was made.
    pub const fn site(&self) -> &Arc<str> {
        &self.site
    }
}

/// The calls of a task that something other than a budget refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedCalls {
    /// The refusal of the first call.
    pub first: Refusal,
    /// The number of calls.
    pub calls: u64,
}

impl Refusal {
    /// Returns the short name of the error.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Budget(_) => "budget_exceeded",
            Self::Stopped(_) => "stopped",
            Self::Policy(_) => "policy_violation",
            Self::OutsideTask(_) => "outside_task",
        }
    }

    /// Returns the reason as an error, which is the source of the application's error.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Budget(reason) => reason.into(),
            Self::Stopped(reason) => reason.into(),
            Self::Policy(reason) => reason.into(),
            Self::OutsideTask(reason) => reason.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(reason) => reason.fmt(f),
            Self::Stopped(reason) => reason.fmt(f),
            Self::Policy(reason) => reason.fmt(f),
            Self::OutsideTask(reason) => reason.fmt(f),
        }
    }
}
