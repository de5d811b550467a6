use std::sync::Arc;

use outlay_price::Usd;

use super::forecast::Forecast;
use super::reserve::Reserve;
use super::{Amount, Budget};

/// The most that a call can come to.
pub(crate) struct Bound<'a> {
    pub(crate) model: &'a Arc<str>,
    /// The most tokens of its input.
    pub(crate) input: u64,
    /// The most tokens that it allows itself, where it says so.
    pub(crate) max_output: Option<u64>,
    pub(crate) is_turn: bool,
    /// In dollars, if it writes at most so many tokens; `None` where it has no price.
    pub(crate) usd: &'a dyn Fn(u64) -> Option<Usd>,
    pub(crate) forecast: &'a Forecast<'a>,
}

impl Bound<'_> {
    /// In what the budget counts; `None` where that cannot be said.
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

    /// What was assumed of the output, where the budget counts that and the call says nothing.
    pub(super) fn assumed_output(&self, budget: &Budget) -> Option<u64> {
        let counts_output = matches!(budget.limit, Amount::Usd(_) | Amount::Tokens(_));
        (self.max_output.is_none() && counts_output).then(|| self.assumed(budget))
    }

    const fn assumed(&self, budget: &Budget) -> u64 {
        budget.assumed_output.saturating_mul(self.forecast.answers)
    }
}
