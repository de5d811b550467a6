use std::fmt;
use std::sync::{Arc, Mutex};

use outlay_price::Usd;

use crate::sync::lock;

/// A call that says no maximum of output tokens is taken to write at most this many.
const ASSUMED_OUTPUT: u64 = 4_096;
/// A task remembers at most this many refusals; it counts them all.
const MAX_REFUSALS: usize = 100;

/// A limit in US dollars on what a task may spend.
///
/// Before a call is sent, the most that it can cost is reserved; a call that does not fit is refused. When the call
/// settles, the reservation is replaced by its cost.
///
/// The bound is of one attempt, and of what can be seen of the prompt: text by its bytes, an image for 6,000 tokens, a
/// document for 20,000 and twice its bytes, what lies in S3 or in prompt management for 200,000. By what an attempt that
/// was sent and never answered costs, or an attachment beyond these figures, the limit may be passed.
///
/// ```
/// use outlay_ledger::Budget;
/// use outlay_price::Usd;
///
/// let budget = Budget::new(Usd::from_cents(50)).assume_output(2_000);
/// assert_eq!(budget.limit(), Usd::from_cents(50));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: Usd,
    assumed_output: u64,
    allow_unpriced: bool,
}

impl Budget {
    /// At most `limit` may be spent.
    pub const fn new(limit: Usd) -> Self {
        Self { limit, assumed_output: ASSUMED_OUTPUT, allow_unpriced: false }
    }

    /// How many output tokens are reserved for a call that says no maximum. Its true output beyond that may overshoot
    /// the limit. Defaults to 4,096.
    #[must_use]
    pub const fn assume_output(mut self, tokens: u64) -> Self {
        self.assumed_output = tokens;
        self
    }

    /// Lets calls through that have no price, and so cannot be held to a limit. Defaults to refusing them.
    #[must_use]
    pub const fn allow_unpriced(mut self) -> Self {
        self.allow_unpriced = true;
        self
    }

    /// The limit.
    pub const fn limit(&self) -> Usd {
        self.limit
    }

    /// What is reserved for a call without a maximum of output tokens.
    pub const fn assumed_output(&self) -> u64 {
        self.assumed_output
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
    pub limit: Usd,
    /// What is spent and settled.
    pub spent: Usd,
    /// What open calls have reserved.
    pub reserved: Usd,
    /// How many calls were refused.
    pub refused: u64,
}

impl BudgetStatus {
    /// Whether more is spent than the limit.
    pub fn is_exceeded(&self) -> bool {
        self.spent > self.limit
    }
}

/// Why a budget refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The call may cost more than is left.
    OverLimit {
        /// The most that the call can cost.
        bound: Usd,
        /// The output tokens that were assumed, where the call said no maximum.
        assumed_output: Option<u64>,
    },
    /// The call has no price, so that no limit can hold it.
    Unpriced,
}

/// A budget refused a call. Nothing was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct BudgetExceeded(Box<Refusal>);

/// Boxed, so that the results that may hold it stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    scope: Arc<str>,
    model: Arc<str>,
    status: BudgetStatus,
    reason: RefusalReason,
}

impl BudgetExceeded {
    /// The limit.
    pub fn limit(&self) -> Usd {
        self.0.status.limit
    }

    /// What was spent and settled at the refusal.
    pub fn spent(&self) -> Usd {
        self.0.status.spent
    }

    /// What open calls had reserved at the refusal.
    pub fn reserved(&self) -> Usd {
        self.0.status.reserved
    }

    /// The task whose budget it is.
    pub fn scope(&self) -> &str {
        &self.0.scope
    }

    /// The model that was asked for.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// Why.
    pub fn reason(&self) -> RefusalReason {
        self.0.reason
    }
}

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { scope, model, status, reason } = &*self.0;
        write!(f, "the budget of task `{scope}` refused a call to `{model}`: ")?;
        match reason {
            RefusalReason::OverLimit { bound, assumed_output } => {
                write!(
                    f,
                    "it may cost up to {bound}; of the limit of {}, {} is spent and {} is reserved by open calls",
                    status.limit, status.spent, status.reserved
                )?;
                if let Some(tokens) = assumed_output {
                    write!(
                        f,
                        " (the call sets no max_tokens, so {tokens} output tokens are assumed; set max_tokens, or \
                         Budget::assume_output)"
                    )?;
                }
                Ok(())
            }
            RefusalReason::Unpriced => write!(
                f,
                "the model has no price, so the limit of {} cannot hold it (give it one in a price file, or \
                 Budget::allow_unpriced)",
                status.limit
            ),
        }
    }
}

impl fmt::Debug for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { scope, model, status, reason } = &*self.0;
        f.debug_struct("BudgetExceeded")
            .field("scope", scope)
            .field("model", model)
            .field("status", status)
            .field("reason", reason)
            .finish()
    }
}

impl std::error::Error for BudgetExceeded {}

/// The most that a call can cost, as far as its price is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) usd: Option<Usd>,
    pub(crate) assumed_output: Option<u64>,
}

/// A budget in force.
#[derive(Debug)]
pub(crate) struct BudgetCell {
    scope: Arc<str>,
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spent: Usd,
    reserved: Usd,
    refused: u64,
    refusals: Vec<BudgetExceeded>,
}

impl BudgetCell {
    pub(crate) fn new(scope: Arc<str>, budget: Budget) -> Self {
        Self { scope, budget, state: Mutex::default() }
    }

    pub(crate) fn status(&self) -> BudgetStatus {
        self.status_of(&lock(&self.state))
    }

    pub(crate) fn refusals(&self) -> Vec<BudgetExceeded> {
        lock(&self.state).refusals.clone()
    }

    /// Counts a cost for which nothing was reserved.
    pub(crate) fn spend(&self, cost: Usd) {
        self.settle(Usd::ZERO, cost);
    }

    /// Reserves the bound, or says why not.
    fn reserve(&self, bound: Bound, model: &Arc<str>) -> Result<Usd, BudgetExceeded> {
        let mut state = lock(&self.state);
        let reason = match bound.usd {
            None if self.budget.allow_unpriced => return Ok(Usd::ZERO),
            None => RefusalReason::Unpriced,
            Some(usd) => {
                let wanted = state.spent.saturating_add(state.reserved).saturating_add(usd);
                if wanted <= self.budget.limit {
                    state.reserved = state.reserved.saturating_add(usd);
                    return Ok(usd);
                }
                RefusalReason::OverLimit { bound: usd, assumed_output: bound.assumed_output }
            }
        };
        let status = self.status_of(&state);
        let refusal =
            BudgetExceeded(Box::new(Refusal { scope: self.scope.clone(), model: model.clone(), status, reason }));
        state.refused += 1;
        if state.refusals.len() < MAX_REFUSALS {
            state.refusals.push(refusal.clone());
        }
        Err(refusal)
    }

    /// Replaces a reservation by what was spent, at once: nobody sees both, or neither.
    fn settle(&self, reserved: Usd, cost: Usd) {
        let mut state = lock(&self.state);
        state.reserved = state.reserved.saturating_sub(reserved);
        state.spent = state.spent.saturating_add(cost);
    }

    fn status_of(&self, state: &State) -> BudgetStatus {
        BudgetStatus { limit: self.budget.limit, spent: state.spent, reserved: state.reserved, refused: state.refused }
    }
}

/// What one call has reserved in every budget above it. Dropped, it gives all back.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    held: Vec<(Arc<BudgetCell>, Usd)>,
}

impl Reservation {
    /// Reserves in all of the budgets or in none.
    pub(crate) fn make(
        budgets: &[Arc<BudgetCell>],
        bound: impl Fn(&Budget) -> Bound,
        model: &Arc<str>,
    ) -> Result<Self, BudgetExceeded> {
        let mut reservation = Self::default();
        // The innermost first: a call that its own task refuses does not hold up those of the task around.
        for cell in budgets.iter().rev() {
            let reserved = cell.reserve(bound(&cell.budget), model)?;
            reservation.held.push((cell.clone(), reserved));
        }
        Ok(reservation)
    }

    /// Replaces what is reserved by what was spent.
    pub(crate) fn settle(mut self, cost: Usd) {
        for (cell, reserved) in self.held.drain(..) {
            cell.settle(reserved, cost);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for (cell, reserved) in self.held.drain(..) {
            cell.settle(reserved, Usd::ZERO);
        }
    }
}
