use outlay_price::Usd;

/// The kind of a task's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutcomeKind {
    /// The task succeeded.
    Success,
    /// The task failed.
    Failure,
    /// The task set no outcome: it was dropped, cancelled or given up.
    Abandoned,
}

impl OutcomeKind {
    /// Returns the kind's name, as in `outlay.outcome.kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The outcome of a task and its worth.
///
/// ```
/// use outlay_ledger::{Outcome, OutcomeKind};
/// use outlay_price::Usd;
///
/// let outcome = Outcome::success().value(Usd::from_cents(250));
/// assert_eq!(outcome.kind(), OutcomeKind::Success);
/// assert_eq!(outcome.value_usd(), Some(Usd::from_cents(250)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    kind: OutcomeKind,
    worth: Option<Usd>,
}

impl Outcome {
    /// Returns the outcome of a task that succeeded.
    pub const fn success() -> Self {
        Self { kind: OutcomeKind::Success, worth: None }
    }

    /// Returns the outcome of a task that failed.
    pub const fn failure() -> Self {
        Self { kind: OutcomeKind::Failure, worth: None }
    }

    /// Returns the outcome of a task that was given up.
    pub const fn abandoned() -> Self {
        Self { kind: OutcomeKind::Abandoned, worth: None }
    }

    /// Sets what the outcome is worth to the business. Defaults to none.
    #[must_use]
    pub const fn value(mut self, worth: Usd) -> Self {
        self.worth = Some(worth);
        self
    }

    /// Returns the kind of the outcome.
    pub const fn kind(self) -> OutcomeKind {
        self.kind
    }

    /// Returns the worth of the outcome, if it is set.
    pub const fn value_usd(self) -> Option<Usd> {
        self.worth
    }
}
