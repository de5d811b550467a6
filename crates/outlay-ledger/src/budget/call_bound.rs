use std::sync::Arc;

use outlay_price::Usd;

use super::forecast::Forecast;
use super::reserve_mode::Reserve;
use super::{Amount, Budget};

/// The most that a call can cost.
pub(crate) struct Bound<'a> {
    pub(crate) model: &'a Arc<str>,
    /// The maximum number of input tokens.
    pub(crate) input: u64,
    /// The call's own maximum of output tokens, if it sets one.
    pub(crate) max_output: Option<u64>,
    pub(crate) is_turn: bool,
    /// Returns the maximum cost for a number of output tokens, or `None` if the model has no price.
    pub(crate) usd: &'a dyn Fn(u64) -> Option<Usd>,
    pub(crate) forecast: &'a Forecast<'a>,
}

impl Bound<'_> {
    /// Returns the bound in the budget's unit, or `None` if it is unknown.
    pub(super) fn units(&self, budget: &Budget) -> Option<i128> {
        let output = self.max_output.unwrap_or_else(|| self.assumed(budget));
        let expected = self.forecast.usd.filter(|_| budget.reserve == Reserve::Expected);
        let input = match budget.reserve {
            Reserve::Bound => self.input,
            Reserve::Expected => self.input.min(self.forecast.input),
        };
        Some(match budget.limit {
            Amount::Usd(_) => {
                let most = (self.usd)(output)?;
                expected.and_then(|expected| expected(output)).map_or(most, |expected| expected.min(most)).picos()
            }
            Amount::Tokens(_) => i128::from(input) + i128::from(output),
            Amount::Calls(_) => 1,
            Amount::Turns(_) => i128::from(self.is_turn),
        })
    }

    /// Returns the assumed output tokens, if the budget counts them and the call sets no maximum.
    pub(super) fn assumed_output(&self, budget: &Budget) -> Option<u64> {
        let counts_output = matches!(budget.limit, Amount::Usd(_) | Amount::Tokens(_));
        (self.max_output.is_none() && counts_output).then(|| self.assumed(budget))
    }

    const fn assumed(&self, budget: &Budget) -> u64 {
        budget.assumed_output.saturating_mul(self.forecast.answers)
    }
}
