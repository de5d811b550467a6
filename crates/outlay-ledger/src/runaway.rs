//! Runaway rules: signs that a task will not end on its own.

mod task_activity;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use outlay_price::Usd;

pub(crate) use task_activity::Watch;

/// A rule for detecting runaway tasks, which do not end on their own.
///
/// Each sign is reported once per task. If the rule is enforced, the task is also stopped: its next call is refused.
///
/// ```
/// use std::time::Duration;
/// use outlay_ledger::RunawayRule;
/// use outlay_price::Usd;
///
/// let rule = RunawayRule::new()
///     .same_call(5)
///     .turns_without_progress(20)
///     .spend_rate(Usd::from_dollars(2), Duration::from_secs(60))
///     .enforce();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunawayRule {
    same_call: Option<u32>,
    idle_turns: Option<u32>,
    rate: Option<(Usd, Duration)>,
    enforced: bool,
}

/// A sign of a runaway task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Runaway {
    /// The same request, byte for byte, was answered many times.
    SameCall {
        /// The requested model.
        model: Arc<str>,
        /// The number of times.
        times: u32,
    },
    /// Many turns in a row did not end with an answer, and no agent and no tool succeeded between them.
    TurnsWithoutProgress {
        /// The number of turns.
        turns: u32,
    },
    /// More than the limit was spent within the time.
    SpendRate {
        /// The amount spent.
        spent: Usd,
        /// The length of time.
        within: Duration,
    },
}

impl RunawayRule {
    /// Creates a rule without signs that is not enforced.
    pub const fn new() -> Self {
        Self { same_call: None, idle_turns: None, rate: None, enforced: false }
    }

    /// Sets how many times the same request, byte for byte, may be answered in one task before it is a sign; at least 2.
    /// Failed calls do not count. Defaults to no limit.
    #[must_use]
    pub const fn same_call(mut self, times: u32) -> Self {
        self.same_call = Some(if times < 2 { 2 } else { times });
        self
    }

    /// Sets how many turns in a row without progress are a sign. It is at least 1. Progress is a turn that ends with an
    /// answer, or the end without failure of a nested task, an agent, a tool, a retrieval, or another step without turns.
    /// Defaults to no limit.
    #[must_use]
    pub const fn turns_without_progress(mut self, turns: u32) -> Self {
        self.idle_turns = Some(if turns < 1 { 1 } else { turns });
        self
    }

    /// Sets the most that may be spent within a time. Defaults to no limit.
    #[must_use]
    pub const fn spend_rate(mut self, limit: Usd, within: Duration) -> Self {
        self.rate = Some((limit, within));
        self
    }

    /// Also stops the task. Defaults to reporting only.
    #[must_use]
    pub const fn enforce(mut self) -> Self {
        self.enforced = true;
        self
    }

    /// Returns whether the rule stops tasks.
    pub const fn is_enforced(&self) -> bool {
        self.enforced
    }

    /// Returns whether the rule compares requests.
    pub const fn compares_calls(&self) -> bool {
        self.same_call.is_some()
    }
}

impl Runaway {
    /// The names of all signs.
    pub const NAMES: [&'static str; 3] = ["same_call", "turns_without_progress", "spend_rate"];

    /// Returns the sign's name.
    pub const fn as_str(&self) -> &'static str {
        let [same_call, turns_without_progress, spend_rate] = Self::NAMES;
        match self {
            Self::SameCall { .. } => same_call,
            Self::TurnsWithoutProgress { .. } => turns_without_progress,
            Self::SpendRate { .. } => spend_rate,
        }
    }
}

impl fmt::Display for Runaway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameCall { model, times } => write!(f, "the same call to `{model}` was answered {times} times"),
            Self::TurnsWithoutProgress { turns } => write!(f, "{turns} turns in a row made no progress"),
            Self::SpendRate { spent, within } => write!(f, "{spent} was spent within {within:?}"),
        }
    }
}
