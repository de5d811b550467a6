mod applicable_budgets;
mod budget_cell;
mod budget_group;
mod budget_rule;
mod budget_rules;
mod budget_store;
mod budgets_in_force;
mod budgets_of_rules;
mod call_bound;
mod exceeded;
mod forecast;
mod period;
mod reservation;
mod reserve_mode;
mod shared_reservation;

use outlay_price::Usd;

use crate::Amount;

pub(crate) use applicable_budgets::HeldBy;
pub(crate) use budget_cell::{BudgetCell, Refused};
pub use budget_rule::BudgetRule;
pub(crate) use budget_rules::BudgetRules;
pub use budget_store::{
    BudgetStore, Held, OnSoftLimit, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreFigures, StoreFuture,
    StoreHold,
};
pub use budgets_in_force::{BudgetInForce, BudgetsInForce};
pub(crate) use budgets_of_rules::Times;
pub(crate) use call_bound::Bound;
pub use exceeded::{BudgetExceeded, RefusalReason};
pub use forecast::Forecast;
pub use period::{ParsePeriodError, Period};
pub(crate) use reservation::Reservation;
pub use reserve_mode::Reserve;
pub use shared_reservation::StoreCheck;
pub(crate) use shared_reservation::{SharedCell, SharedHold};

/// A limit on spending, in US dollars, tokens, calls or turns.
///
/// Before a call is sent, the most that it can cost is reserved. A call that does not fit is refused. When the call
/// settles, its actual cost replaces the reservation.
///
/// The bound covers one attempt and the visible prompt. Text counts one token per byte, an image 6,000 tokens, a document
/// 20,000 plus twice its bytes, a video 20,000 plus its bytes (document and video 1,000,000 at most each), and content in
/// S3 or prompt management 300,000. The limit may be exceeded by the cost of an attempt that was sent and never answered,
/// and by attachments larger than these figures.
///
/// With [`Reserve::Expected`], the limit may also be exceeded by the tokens of open calls' prompts beyond the expected
/// number. Text that is denser than English, such as some languages and code, can have up to three times as many tokens
/// until the first call has been measured, and rarely a quarter more after that. The expected figures are 2,000 tokens
/// for an image, 2,000 plus one per 16 bytes for a document, and 20,000 for content in S3.
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
    /// The number of output tokens assumed for a call that sets no maximum, unless a budget sets another.
    pub const DEFAULT_ASSUMED_OUTPUT: u64 = 4_096;

    /// Returns the most output tokens of a call that requests this number of answers, unless a budget sets another: for
    /// each answer the call's maximum, or else [`DEFAULT_ASSUMED_OUTPUT`](Self::DEFAULT_ASSUMED_OUTPUT).
    pub const fn most_output(max_tokens: Option<u64>, answers: u64) -> u64 {
        let each = match max_tokens {
            Some(tokens) => tokens,
            None => Self::DEFAULT_ASSUMED_OUTPUT,
        };
        each.saturating_mul(answers)
    }

    /// Creates a budget of money.
    pub const fn new(limit: Usd) -> Self {
        Self::of(Amount::Usd(limit))
    }

    /// Creates a budget of tokens, input plus output.
    pub const fn tokens(limit: u64) -> Self {
        Self::of(Amount::Tokens(limit))
    }

    /// Creates a budget of calls.
    pub const fn calls(limit: u64) -> Self {
        Self::of(Amount::Calls(limit))
    }

    /// Creates a budget of answered chat calls, which are the turns of an agent's loop.
    pub const fn turns(limit: u64) -> Self {
        Self::of(Amount::Turns(limit))
    }

    /// Creates a budget of this amount, in its unit.
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

    /// Sets how many output tokens are reserved for a call that sets no maximum, and counted if its end is never seen.
    /// Output beyond that may exceed the limit. Defaults to 4,096.
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

    /// Allows calls without a price, for which a limit in dollars cannot be enforced. Defaults to refusing them.
    #[must_use]
    pub const fn allow_unpriced(mut self) -> Self {
        self.allow_unpriced = true;
        self
    }

    /// Sets a soft limit in percent of the limit, at most 100. Reaching it is reported once. Defaults to none.
    #[must_use]
    pub const fn soft(mut self, percent: u8) -> Self {
        self.soft = Some(if percent > 100 { 100 } else { percent });
        self
    }

    /// Makes the budget observe: it refuses nothing, and counts what it would have refused. Defaults to refusing.
    #[must_use]
    pub const fn observe(mut self) -> Self {
        self.observed = true;
        self
    }

    /// Returns the limit.
    pub const fn limit(&self) -> Amount {
        self.limit
    }

    /// Returns the number of output tokens reserved for a call that sets no maximum.
    pub const fn assumed_output(&self) -> u64 {
        self.assumed_output
    }

    /// Returns whether the budget only observes, and refuses nothing.
    pub const fn is_observed(&self) -> bool {
        self.observed
    }

    /// Returns the soft limit in the limit's smallest units.
    fn soft_from(&self) -> Option<i128> {
        self.soft.map(|percent| self.limit.units().saturating_mul(i128::from(percent)) / 100)
    }
}

impl From<Usd> for Budget {
    fn from(limit: Usd) -> Self {
        Self::new(limit)
    }
}

/// The state of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// The limit.
    pub limit: Amount,
    /// The amount that is spent and settled.
    pub spent: Amount,
    /// The amount that open calls have reserved.
    pub reserved: Amount,
    /// The number of refused calls.
    pub refused: u64,
    /// The number of calls that an observing budget would have refused.
    pub would_refuse: u64,
}

impl BudgetStatus {
    /// Returns whether the spending exceeds the limit.
    pub fn is_exceeded(&self) -> bool {
        self.spent.units() > self.limit.units()
    }
}
