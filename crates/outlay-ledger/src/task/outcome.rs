use outlay_price::Usd;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutcomeKind {
    /// It did what it was asked.
    Success,
    /// It did not.
    Failure,
    /// Nobody said: dropped, cancelled, given up.
    Abandoned,
}

impl OutcomeKind {
    /// The kind's name, as in `outlay.outcome.kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Abandoned => "abandoned",
        }
    }
}

/// How a task ended, and what that is worth.
///
/// ```
/// use outlay_ledger::{Outcome, OutcomeKind};
/// use outlay_price::Usd;
///
/// let outcome = Outcome::success().value(Usd::from_cents(250));
/// assert_eq!(outcome.kind(), OutcomeKind::Success);
/// assert_eq!(outcome.worth(), Some(Usd::from_cents(250)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    kind: OutcomeKind,
    worth: Option<Usd>,
}

impl Outcome {
    /// The task did what it was asked.
    pub const fn success() -> Self {
        Self { kind: OutcomeKind::Success, worth: None }
    }

    /// The task failed.
    pub const fn failure() -> Self {
        Self { kind: OutcomeKind::Failure, worth: None }
    }

    /// The task was given up.
    pub const fn abandoned() -> Self {
        Self { kind: OutcomeKind::Abandoned, worth: None }
    }

    /// What the outcome is worth to the business. Defaults to nothing said.
    #[must_use]
    pub const fn value(mut self, worth: Usd) -> Self {
        self.worth = Some(worth);
        self
    }

    /// How the task ended.
    pub const fn kind(self) -> OutcomeKind {
        self.kind
    }

    /// What the outcome is worth, where somebody said.
    pub const fn worth(self) -> Option<Usd> {
        self.worth
    }
}
