use std::error::Error;
use std::fmt;

use crate::{BudgetExceeded, PolicyViolation, Stopped};

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
        }
    }

    /// The reason itself, which is what a caller finds in its error.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        match self {
            Self::Budget(why) => why.into(),
            Self::Stopped(why) => why.into(),
            Self::Policy(why) => why.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Budget(why) => why.fmt(f),
            Self::Stopped(why) => why.fmt(f),
            Self::Policy(why) => why.fmt(f),
        }
    }
}
