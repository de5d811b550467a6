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

/// Why a call was refused. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A budget has no room for it.
    Budget(BudgetExceeded),
    /// Its task is stopped.
    Stopped(Stopped),
    /// A rule of the policy that is enforced does not allow it.
    Policy(PolicyViolation),
    /// It was made outside any task, where the application allows no calls.
    OutsideTask(RefusedOutsideTask),
}

/// A call was refused because it was made outside any task. Nothing was sent.
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
    /// A refusal of a call to `model` that was made at `site`.
    pub const fn new(model: Arc<str>, site: Arc<str>) -> Self {
        Self { model, site }
    }

    /// The model that was asked for.
    pub const fn model(&self) -> &Arc<str> {
        &self.model
    }

    /// Where in the application the call was made.
    pub const fn site(&self) -> &Arc<str> {
        &self.site
    }
}

/// The calls of a task that something other than a budget refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedCalls {
    /// Why the first of them was.
    pub first: Refusal,
    /// How many there were.
    pub calls: u64,
}

impl Refusal {
    /// The short name that the call fails under.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Budget(_) => "budget_exceeded",
            Self::Stopped(_) => "stopped",
            Self::Policy(_) => "policy_violation",
            Self::OutsideTask(_) => "outside_task",
        }
    }

    /// The reason itself, which is what a caller finds in its error.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Budget(why) => why.into(),
            Self::Stopped(why) => why.into(),
            Self::Policy(why) => why.into(),
            Self::OutsideTask(why) => why.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(why) => why.fmt(f),
            Self::Stopped(why) => why.fmt(f),
            Self::Policy(why) => why.fmt(f),
            Self::OutsideTask(why) => why.fmt(f),
        }
    }
}
