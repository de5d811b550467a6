use crate::{CostStatus, DirectionTotals, Usd};

/// The cost of a call or of an external charge, split by direction.
///
/// The total is always the sum of the parts. If the status is [`CostStatus::Unpriced`], the amounts only cover the known
/// part of the cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    pub(crate) directions: DirectionTotals,
    pub(crate) savings: Usd,
    pub(crate) status: CostStatus,
}

impl Charge {
    /// Returns an exact charge of zero, such as for a refused attempt or a free operation.
    pub const fn free() -> Self {
        Self { directions: DirectionTotals::ZERO, savings: Usd::ZERO, status: CostStatus::Exact }
    }

    /// Returns a charge of unknown cost, because the price or the usage is unknown.
    pub const fn unpriced() -> Self {
        Self::free().with_status(CostStatus::Unpriced)
    }

    /// Returns an exact charge for something other than a model call, such as a paid tool.
    pub const fn external(amount: Usd) -> Self {
        let mut charge = Self::free();
        charge.directions.external = amount;
        charge
    }

    /// Returns the sum of all parts.
    pub const fn total(&self) -> Usd {
        self.directions.sum()
    }

    /// Returns the cost by direction.
    pub const fn by_direction(&self) -> &DirectionTotals {
        &self.directions
    }

    /// Returns the cost of uncached input.
    pub const fn input(&self) -> Usd {
        self.directions.input
    }

    /// Returns the cost of output, including reasoning.
    pub const fn output(&self) -> Usd {
        self.directions.output
    }

    /// Returns the cost of input read from the cache.
    pub const fn cache_read(&self) -> Usd {
        self.directions.cache_read
    }

    /// Returns the cost of input written to the cache.
    pub const fn cache_write(&self) -> Usd {
        self.directions.cache_write
    }

    /// Returns the cost of things other than model calls, see [`Charge::external`].
    pub const fn external_amount(&self) -> Usd {
        self.directions.external
    }

    /// Returns the cost of units that are neither input nor output.
    pub const fn other(&self) -> Usd {
        self.directions.other
    }

    /// Returns how certain the amounts are.
    pub const fn status(&self) -> CostStatus {
        self.status
    }

    /// Returns whether the whole cost is known, possibly as an estimate or an upper bound.
    pub const fn is_priced(&self) -> bool {
        !matches!(self.status, CostStatus::Unpriced)
    }

    /// Returns the savings of the cache: the cost of the same tokens at the plain input price, minus the cost of
    /// reading and writing them. Negative if writes cost more than reads saved.
    pub const fn cache_savings(&self) -> Usd {
        self.savings
    }

    /// Returns the sum of two charges, with the weaker of their statuses.
    #[must_use]
    pub const fn and(mut self, other: Self) -> Self {
        self.directions = self.directions.saturating_add(other.directions);
        self.savings = self.savings.saturating_add(other.savings);
        self.with_status(other.status)
    }

    /// Weakens the status to the weaker of the two.
    #[must_use]
    pub const fn with_status(mut self, status: CostStatus) -> Self {
        self.status = self.status.weakest(status);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_only_weakens() {
        let charge = Charge::external(Usd::from_cents(1)).with_status(CostStatus::Bounded);
        assert_eq!(charge.with_status(CostStatus::Exact).status(), CostStatus::Bounded);
        assert!(charge.is_priced());
        assert!(!Charge::unpriced().is_priced());
        assert!(Charge::free().is_priced());
        assert_eq!(charge.total(), Usd::from_cents(1));
    }
}
