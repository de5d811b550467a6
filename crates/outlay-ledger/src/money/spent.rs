use outlay_price::Usd;

use super::amount::Amount;

/// What was spent, in every unit that budgets count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) usd: Usd,
    pub(crate) tokens: u64,
    pub(crate) calls: u64,
    pub(crate) turns: u64,
}

impl Spent {
    /// Returns an amount of money only.
    pub(crate) const fn usd(usd: Usd) -> Self {
        Self { usd, tokens: 0, calls: 0, turns: 0 }
    }

    /// Returns what was spent, in the unit of a limit.
    pub(crate) fn amount(&self, limit: Amount) -> Amount {
        limit.with_units(self.units(limit))
    }

    pub(crate) fn units(&self, limit: Amount) -> i128 {
        match limit {
            Amount::Usd(_) => self.usd.picos(),
            Amount::Tokens(_) => i128::from(self.tokens),
            Amount::Calls(_) => i128::from(self.calls),
            Amount::Turns(_) => i128::from(self.turns),
        }
    }
}
