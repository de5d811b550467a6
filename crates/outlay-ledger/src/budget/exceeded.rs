use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::message_text::shown;

use super::budget_rule;
use super::reserve_mode::Reserve;
use super::{Amount, BudgetStatus, Period};

/// The reason why a budget refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The call may cost more than is left.
    OverLimit {
        /// The most that the call can cost.
        bound: Amount,
        /// The assumed output tokens, if the call sets no maximum.
        assumed_output: Option<u64>,
    },
    /// The call has no price, so no limit can be enforced.
    Unpriced,
    /// The store that keeps the budget could not be asked in time, and is set to refuse then. The spent and reserved
    /// amounts of the refusal are those of the store's last answer, if there was one.
    StoreUnavailable,
}

impl RefusalReason {
    /// Returns a bit that is unique to the kind of reason.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::OverLimit { .. } => 1,
            Self::Unpriced => 2,
            Self::StoreUnavailable => 4,
        }
    }

    /// Returns the name of the kind of reason.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::OverLimit { .. } => "over limit",
            Self::Unpriced => "unpriced",
            Self::StoreUnavailable => "store unavailable",
        }
    }
}

/// Whose budget it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BudgetOwner {
    /// The name of the rule, or of the task, agent or step.
    pub(super) name: Arc<str>,
    pub(super) is_rule: bool,
    pub(super) period: Option<Period>,
}

/// The error for a call that a budget refused. Nothing was sent.
///
/// Its text is for logs: it names the budget, the model and the amounts. Answer a user from the fields, such as with status
/// 402 and the time at which the budget starts anew:
///
/// ```
/// use std::time::SystemTime;
/// use outlay_ledger::BudgetExceeded;
///
/// /// Returns the seconds for the header `Retry-After`.
/// fn retry_after(refused: &BudgetExceeded, now: SystemTime) -> Option<u64> {
///     Some(refused.resets_at()?.duration_since(now).ok()?.as_secs() + 1)
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BudgetExceeded(Box<Details>);

/// Boxed to keep results that contain it small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    scope: Arc<str>,
    whose: BudgetOwner,
    model: Arc<str>,
    status: BudgetStatus,
    reason: RefusalReason,
    /// When the budget's current period ends.
    resets_at: Option<SystemTime>,
    /// Whether the budget reserves the expected tokens of a prompt instead of the bound.
    is_expected: bool,
    /// Whether this is the budget's first refusal in this period.
    is_first: bool,
}

impl BudgetExceeded {
    pub(super) fn new(
        scope: Arc<str>,
        whose: BudgetOwner,
        model: Arc<str>,
        status: BudgetStatus,
        reason: RefusalReason,
    ) -> Self {
        let (resets_at, is_expected, is_first) = (None, false, false);
        Self(Box::new(Details { scope, whose, model, status, reason, resets_at, is_expected, is_first }))
    }

    /// Sets the reserve mode of the budget.
    pub(super) fn reserving(mut self, reserve: Reserve) -> Self {
        self.0.is_expected = reserve == Reserve::Expected;
        self
    }

    /// Sets when the call was refused, and whether this is the budget's first refusal in this period.
    pub(super) fn at(mut self, now: SystemTime, is_first: bool) -> Self {
        self.0.resets_at = self.0.whose.period.and_then(|period| period.end(now));
        self.0.is_first = is_first;
        self
    }

    /// Returns whether this is the budget's first refusal in its period, so that it can be reported once. If a store
    /// keeps the budget, it is the first in this process.
    pub fn is_first(&self) -> bool {
        self.0.is_first
    }

    /// Returns the limit.
    pub fn limit(&self) -> Amount {
        self.0.status.limit
    }

    /// Returns the amount that was spent and settled at the time of the refusal.
    pub fn spent(&self) -> Amount {
        self.0.status.spent
    }

    /// Returns the amount that open calls had reserved at the time of the refusal.
    pub fn reserved(&self) -> Amount {
        self.0.status.reserved
    }

    /// Returns the amount that was left at the time of the refusal.
    pub fn left(&self) -> Amount {
        let BudgetStatus { limit, spent, reserved, .. } = self.0.status;
        let used = spent.units().saturating_add(reserved.units());
        limit.with_units(limit.units().saturating_sub(used).max(0))
    }

    /// Returns the name of the scope with the budget, or of the budget itself.
    pub fn scope(&self) -> &str {
        &self.0.scope
    }

    /// Returns the name of the budget's rule, or of its task, agent or step. All budgets of a rule have the same name.
    pub fn budget(&self) -> &str {
        &self.0.whose.name
    }

    /// Returns the name of the budget's rule, or `None` if it is the budget of a task, an agent or a step.
    pub fn rule(&self) -> Option<&str> {
        self.0.whose.is_rule.then_some(&*self.0.whose.name)
    }

    /// Returns the keys that the rule has a separate budget for, with the values of this budget: `("team", "support")` for a
    /// rule per team. A key that the task does not have is left out. A value of more than 256 characters is cut, and ends in
    /// a hash.
    pub fn key(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let key = self.rule().and_then(|rule| self.0.scope.strip_prefix(rule));
        budget_rule::key_of(key.unwrap_or_default())
    }

    /// Returns the period after which the budget starts at zero, or `None` if it never does.
    pub fn period(&self) -> Option<Period> {
        self.0.whose.period
    }

    /// Returns when the budget starts at zero again, or `None` if it never does.
    pub fn resets_at(&self) -> Option<SystemTime> {
        self.0.resets_at
    }

    /// Returns the requested model.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// Returns the reason.
    pub fn reason(&self) -> RefusalReason {
        self.0.reason
    }
}

impl fmt::Display for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { scope, model, status, reason, is_expected, .. } = &*self.0;
        write!(f, "the budget of `{scope}` refused a call to `{}`: ", shown(model))?;
        match reason {
            RefusalReason::OverLimit { bound, assumed_output } => {
                write!(
                    f,
                    "it {} come to {bound}; the limit is {}, with {} spent",
                    if *is_expected { "is expected to" } else { "may" },
                    status.limit,
                    status.spent,
                )?;
                if status.reserved.units() != 0 {
                    write!(f, " and {} reserved by open calls", status.reserved)?;
                }
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
                "the model has no price, so the limit of {} cannot be enforced (add a price in a price file, or \
                 set Budget::allow_unpriced)",
                status.limit
            ),
            RefusalReason::StoreUnavailable => {
                f.write_str("the budget store could not be asked in time, and is set to refuse calls then")
            }
        }
    }
}

impl fmt::Debug for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { scope, model, status, reason, .. } = &*self.0;
        f.debug_struct("BudgetExceeded")
            .field("scope", scope)
            .field("model", model)
            .field("status", status)
            .field("reason", reason)
            .finish()
    }
}

impl std::error::Error for BudgetExceeded {}
