use std::fmt;
use std::sync::Arc;

use crate::message_text::shown;

use super::reserve::Reserve;
use super::{Amount, BudgetStatus};

/// Why a budget refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The call may come to more than is left.
    OverLimit {
        /// The most that the call can come to.
        bound: Amount,
        /// The output tokens that were assumed, where the call said no maximum.
        assumed_output: Option<u64>,
    },
    /// The call has no price, so that no limit can hold it.
    Unpriced,
    /// The store that holds the budget for several processes could not be asked in time, and its rule is to refuse. What
    /// the refusal says of spent and reserved is what the store said last, if it ever did.
    StoreUnavailable,
}

impl RefusalReason {
    /// Returns a bit of its own for each reason, whatever its figures are.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::OverLimit { .. } => 1,
            Self::Unpriced => 2,
            Self::StoreUnavailable => 4,
        }
    }

    /// Returns the reason as a word, whatever its figures are.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::OverLimit { .. } => "over limit",
            Self::Unpriced => "unpriced",
            Self::StoreUnavailable => "store unavailable",
        }
    }
}

/// A budget refused a call. Nothing was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct BudgetExceeded(Box<Refused>);

/// Boxed, so that the results that may hold it stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    scope: Arc<str>,
    model: Arc<str>,
    status: BudgetStatus,
    reason: RefusalReason,
    /// Whether the budget reserves what is expected of a prompt, and not its bound.
    is_expected: bool,
    /// Whether this is the budget's first refusal in this period.
    is_first: bool,
}

impl BudgetExceeded {
    pub(super) fn new(scope: Arc<str>, model: Arc<str>, status: BudgetStatus, reason: RefusalReason) -> Self {
        Self(Box::new(Refused { scope, model, status, reason, is_expected: false, is_first: false }))
    }

    /// The same of a budget that reserves this.
    pub(super) fn reserving(mut self, reserve: Reserve) -> Self {
        self.0.is_expected = reserve == Reserve::Expected;
        self
    }

    /// Sets whether this is the budget's first refusal in this period.
    pub(crate) fn told_first(mut self, is_first: bool) -> Self {
        self.0.is_first = is_first;
        self
    }

    /// Whether it is the first that the budget refuses, or would, in its period: what is worth to be told to people. Where a
    /// store holds the budget, it is the first in this process.
    pub fn is_first(&self) -> bool {
        self.0.is_first
    }

    /// The limit.
    pub fn limit(&self) -> Amount {
        self.0.status.limit
    }

    /// What was spent and settled at the refusal.
    pub fn spent(&self) -> Amount {
        self.0.status.spent
    }

    /// What open calls had reserved at the refusal.
    pub fn reserved(&self) -> Amount {
        self.0.status.reserved
    }

    /// What was left at the refusal.
    pub fn left(&self) -> Amount {
        let BudgetStatus { limit, spent, reserved, .. } = self.0.status;
        let used = spent.units().saturating_add(reserved.units());
        limit.with_units(limit.units().saturating_sub(used).max(0))
    }

    /// The task whose budget it is, or the name that the budget goes by.
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
        let Refused { scope, model, status, reason, is_expected, .. } = &*self.0;
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
                "the model has no price, so the limit of {} cannot hold it (give it one in a price file, or \
                 Budget::allow_unpriced)",
                status.limit
            ),
            RefusalReason::StoreUnavailable => {
                f.write_str("the store that holds it could not be asked in time, and the rule for that is to refuse")
            }
        }
    }
}

impl fmt::Debug for BudgetExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refused { scope, model, status, reason, .. } = &*self.0;
        f.debug_struct("BudgetExceeded")
            .field("scope", scope)
            .field("model", model)
            .field("status", status)
            .field("reason", reason)
            .finish()
    }
}

impl std::error::Error for BudgetExceeded {}
