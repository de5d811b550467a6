mod bound;
mod budget_cell;
mod budget_rule;
mod budget_rules;
mod budget_store;
mod budgets_of_rules;
mod exceeded;
mod forecast;
mod held_by;
mod period;
mod reservation;
mod reserve;
mod store_hold;

use outlay_price::Usd;

use crate::Amount;

pub(crate) use bound::Bound;
pub(crate) use budget_cell::{BudgetCell, Refused};
pub use budget_rule::BudgetRule;
pub(crate) use budget_rules::BudgetRules;
pub use budget_store::{
    BudgetStore, Held, OnSoftLimit, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreFigures, StoreFuture,
    StoreHold,
};
pub(crate) use budgets_of_rules::Times;
pub use exceeded::{BudgetExceeded, RefusalReason};
pub use forecast::Forecast;
pub(crate) use held_by::HeldBy;
pub use period::Period;
pub(crate) use reservation::Reservation;
pub use reserve::Reserve;
pub use store_hold::StoreCheck;
pub(crate) use store_hold::{SharedCell, SharedHold};

/// A limit on what may be spent: in US dollars, tokens, calls or turns.
///
/// Before a call is sent, the most that it can come to is reserved; a call that does not fit is refused. When the call
/// settles, the reservation is replaced by what it came to.
///
/// The bound is of one attempt, and of what can be seen of the prompt: text by its bytes, an image for 6,000 tokens, a
/// document for 20,000 and twice its bytes, a video for 20,000 and its bytes, either for 1,000,000 at the most, and what
/// lies in S3 or in prompt management for 300,000. By what an attempt that was sent and never answered costs, or an
/// attachment beyond these figures, the limit may be passed.
///
/// With [`Reserve::Expected`] the limit may be passed besides by what the open calls' prompts have beyond what is expected
/// of them. Text in a language or a code that is denser than English has up to three times as many tokens before the
/// first call was measured, and seldom a quarter more after that. In expectation, an image has 2,000 tokens, a document
/// 2,000 and one for each 16 bytes, and what lies in S3 20,000.
///
/// ```
/// use outlay_ledger::{Amount, Budget};
/// use outlay_price::Usd;
///
/// let budget = Budget::new(Usd::from_cents(50)).assume_output(2_000).soft(80);
/// assert_eq!(budget.limit(), Usd::from_cents(50));
/// assert_eq!(Budget::calls(20).limit(), Amount::Calls(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: Amount,
    assumed_output: u64,
    reserve: Reserve,
    allow_unpriced: bool,
    soft: Option<u8>,
    observed: bool,
}

impl Budget {
    /// How many output tokens are taken for a call that sets no maximum, where no budget says otherwise.
    pub const DEFAULT_ASSUMED_OUTPUT: u64 = 4_096;

    /// Returns the most output tokens that are taken for a call that asks for so many answers, where no budget says
    /// otherwise: its maximum, else [`DEFAULT_ASSUMED_OUTPUT`](Self::DEFAULT_ASSUMED_OUTPUT), for each answer.
    pub const fn most_output(max_tokens: Option<u64>, answers: u64) -> u64 {
        let each = match max_tokens {
            Some(tokens) => tokens,
            None => Self::DEFAULT_ASSUMED_OUTPUT,
        };
        each.saturating_mul(answers)
    }

    /// At most this much money may be spent.
    pub const fn new(limit: Usd) -> Self {
        Self::of(Amount::Usd(limit))
    }

    /// At most so many tokens may be used, input and output.
    pub const fn tokens(limit: u64) -> Self {
        Self::of(Amount::Tokens(limit))
    }

    /// At most so many calls may be made.
    pub const fn calls(limit: u64) -> Self {
        Self::of(Amount::Calls(limit))
    }

    /// At most so many chat calls may be answered: how often an agent's loop may go round.
    pub const fn turns(limit: u64) -> Self {
        Self::of(Amount::Turns(limit))
    }

    /// At most this amount, in whatever it is counted.
    pub const fn of(limit: Amount) -> Self {
        Self {
            limit,
            assumed_output: Self::DEFAULT_ASSUMED_OUTPUT,
            reserve: Reserve::Bound,
            allow_unpriced: false,
            soft: None,
            observed: false,
        }
    }

    /// Sets how many output tokens are reserved for a call that says no maximum, and counted if its end is never seen. Its
    /// true output beyond that may overshoot the limit. Defaults to 4,096.
    #[must_use]
    pub const fn assume_output(mut self, tokens: u64) -> Self {
        self.assumed_output = tokens;
        self
    }

    /// Sets what is reserved for a call's prompt. Defaults to [`Reserve::Bound`].
    #[must_use]
    pub const fn reserve(mut self, reserve: Reserve) -> Self {
        self.reserve = reserve;
        self
    }

    /// Lets calls through that have no price, and so cannot be held to a limit in dollars. Defaults to refusing them.
    #[must_use]
    pub const fn allow_unpriced(mut self) -> Self {
        self.allow_unpriced = true;
        self
    }

    /// Tells, once, when so much of the limit is spent: in percent, at most 100. Defaults to not telling.
    #[must_use]
    pub const fn soft(mut self, percent: u8) -> Self {
        self.soft = Some(if percent > 100 { 100 } else { percent });
        self
    }

    /// Refuses nothing, and counts what it would have refused. Defaults to refusing.
    #[must_use]
    pub const fn observe(mut self) -> Self {
        self.observed = true;
        self
    }

    /// The limit.
    pub const fn limit(&self) -> Amount {
        self.limit
    }

    /// What is reserved for a call without a maximum of output tokens.
    pub const fn assumed_output(&self) -> u64 {
        self.assumed_output
    }

    /// Whether it refuses nothing.
    pub const fn is_observed(&self) -> bool {
        self.observed
    }

    /// From when on it is told how much is spent, in the limit's own units.
    fn soft_from(&self) -> Option<i128> {
        self.soft.map(|percent| self.limit.units().saturating_mul(i128::from(percent)) / 100)
    }
}

impl From<Usd> for Budget {
    fn from(limit: Usd) -> Self {
        Self::new(limit)
    }
}

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// The limit.
    pub limit: Amount,
    /// What is spent and settled.
    pub spent: Amount,
    /// What open calls have reserved.
    pub reserved: Amount,
    /// How many calls were refused.
    pub refused: u64,
    /// How many would have been, by a budget that only observes.
    pub would_refuse: u64,
}

impl BudgetStatus {
    /// Whether more is spent than the limit.
    pub fn is_exceeded(&self) -> bool {
        self.spent.units() > self.limit.units()
    }
}
