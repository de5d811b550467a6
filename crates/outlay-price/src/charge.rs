use crate::{CostStatus, Usd};

/// What one call (or one external charge) cost, split by direction.
///
/// The total is always the sum of the split. Where the status is [`CostStatus::Unpriced`], the
/// amounts are what is known and the whole is more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    pub(crate) input: Usd,
    pub(crate) output: Usd,
    pub(crate) cache_read: Usd,
    pub(crate) cache_write: Usd,
    pub(crate) external: Usd,
    pub(crate) other: Usd,
    pub(crate) savings: Usd,
    pub(crate) status: CostStatus,
}

impl Charge {
    /// Nothing, for sure: an attempt that was refused, or an operation that is free.
    pub const fn free() -> Self {
        Self {
            input: Usd::ZERO,
            output: Usd::ZERO,
            cache_read: Usd::ZERO,
            cache_write: Usd::ZERO,
            external: Usd::ZERO,
            other: Usd::ZERO,
            savings: Usd::ZERO,
            status: CostStatus::Exact,
        }
    }

    /// Of unknown cost: no price or no usage is known.
    pub const fn unpriced() -> Self {
        Self::free().with_status(CostStatus::Unpriced)
    }

    /// A known amount for something other than a model call, such as a paid tool.
    pub const fn external(amount: Usd) -> Self {
        let mut charge = Self::free();
        charge.external = amount;
        charge
    }

    /// The whole: the sum of all directions.
    pub const fn total(&self) -> Usd {
        self.input
            .saturating_add(self.output)
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
            .saturating_add(self.external)
            .saturating_add(self.other)
    }

    /// For input that touched no cache.
    pub const fn input(&self) -> Usd {
        self.input
    }

    /// For output, reasoning included.
    pub const fn output(&self) -> Usd {
        self.output
    }

    /// For input read from the cache.
    pub const fn cache_read(&self) -> Usd {
        self.cache_read
    }

    /// For input written to the cache.
    pub const fn cache_write(&self) -> Usd {
        self.cache_write
    }

    /// For what is no model call, see [`Charge::external`].
    pub const fn external_amount(&self) -> Usd {
        self.external
    }

    /// For what has no direction of its own.
    pub const fn other(&self) -> Usd {
        self.other
    }

    /// How sure the amounts are.
    pub const fn status(&self) -> CostStatus {
        self.status
    }

    /// Whether the whole is known, be it as a bound.
    pub const fn is_priced(&self) -> bool {
        !matches!(self.status, CostStatus::Unpriced)
    }

    /// What the cache saved: the same tokens at the plain input price, less what reading and
    /// writing them cost. Negative where writes cost more than reads saved.
    pub const fn cache_savings(&self) -> Usd {
        self.savings
    }

    /// Both charges as one, with the weakest status of both.
    #[must_use]
    pub const fn and(mut self, other: Self) -> Self {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.external = self.external.saturating_add(other.external);
        self.other = self.other.saturating_add(other.other);
        self.savings = self.savings.saturating_add(other.savings);
        self.with_status(other.status)
    }

    /// Weakens the status: the result has the weakest of both.
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
