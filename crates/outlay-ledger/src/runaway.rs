//! Signs of a task that does not end by itself.

mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use outlay_price::Usd;

pub(crate) use watch::Watch;

/// When a task looks like one that does not end by itself.
///
/// Each sign is told once for a task. Where the rule is enforced, the task is stopped besides: its next call is refused.
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

/// What makes a task look like one that does not end by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Runaway {
    /// The same request, to the byte, was answered so many times.
    SameCall {
        /// The model that was asked.
        model: Arc<str>,
        /// How often.
        times: u32,
    },
    /// So many turns came one after the other of which none ended the model's turn, and between them no agent and no tool
    /// succeeded.
    TurnsWithoutProgress {
        /// How many.
        turns: u32,
    },
    /// More was spent than the limit within the time.
    SpendRate {
        /// How much.
        spent: Usd,
        /// Within how long.
        within: Duration,
    },
}

impl RunawayRule {
    /// No sign yet, and nothing is stopped.
    pub const fn new() -> Self {
        Self { same_call: None, idle_turns: None, rate: None, enforced: false }
    }

    /// The same request, to the byte, answered so many times in one task; at least 2. Failed calls do not count.
    #[must_use]
    pub const fn same_call(mut self, times: u32) -> Self {
        self.same_call = Some(if times < 2 { 2 } else { times });
        self
    }

    /// So many turns in a row without progress. It is progress when the model ends its turn with an answer, and when
    /// something ends without having failed: an agent, a tool, a retrieval, or another step in which no model is asked.
    #[must_use]
    pub const fn turns_without_progress(mut self, turns: u32) -> Self {
        self.idle_turns = Some(if turns < 1 { 1 } else { turns });
        self
    }

    /// More than this much money within this time.
    #[must_use]
    pub const fn spend_rate(mut self, limit: Usd, within: Duration) -> Self {
        self.rate = Some((limit, within));
        self
    }

    /// Stops the task, too. Defaults to telling alone.
    #[must_use]
    pub const fn enforce(mut self) -> Self {
        self.enforced = true;
        self
    }

    /// Whether the task is stopped.
    pub const fn is_enforced(&self) -> bool {
        self.enforced
    }

    /// Whether requests are to be told apart.
    pub const fn compares_calls(&self) -> bool {
        self.same_call.is_some()
    }
}

impl Runaway {
    /// The sign's name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SameCall { .. } => "same_call",
            Self::TurnsWithoutProgress { .. } => "turns_without_progress",
            Self::SpendRate { .. } => "spend_rate",
        }
    }
}

impl fmt::Display for Runaway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameCall { model, times } => write!(f, "the same call to `{model}` was answered {times} times"),
            Self::TurnsWithoutProgress { turns } => write!(f, "{turns} turns in a row brought no progress"),
            Self::SpendRate { spent, within } => write!(f, "{spent} was spent within {within:?}"),
        }
    }
}
