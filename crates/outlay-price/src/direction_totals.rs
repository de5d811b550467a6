use crate::Usd;

/// A cost by what the money went into; the parts add up to the cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirectionTotals {
    /// Input tokens that no cache served or stored.
    pub input: Usd,
    /// Output tokens.
    pub output: Usd,
    /// Input tokens read from a cache.
    pub cache_read: Usd,
    /// Input tokens written to a cache.
    pub cache_write: Usd,
    /// External charges: a paid search, a hosted tool.
    pub external: Usd,
    /// Anything else that a call is billed for, such as guardrails.
    pub other: Usd,
}

impl DirectionTotals {
    /// No cost in any direction.
    pub const ZERO: Self = Self {
        input: Usd::ZERO,
        output: Usd::ZERO,
        cache_read: Usd::ZERO,
        cache_write: Usd::ZERO,
        external: Usd::ZERO,
        other: Usd::ZERO,
    };

    /// Returns the parts with their names, in the order in which they are shown.
    pub const fn parts(&self) -> [(&'static str, Usd); 6] {
        [
            ("input", self.input),
            ("output", self.output),
            ("cache_read", self.cache_read),
            ("cache_write", self.cache_write),
            ("external", self.external),
            ("other", self.other),
        ]
    }

    /// Returns the sum of the parts, limited to the range of [`Usd`].
    pub const fn sum(&self) -> Usd {
        self.input
            .saturating_add(self.output)
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
            .saturating_add(self.external)
            .saturating_add(self.other)
    }

    /// Returns the sum of two costs, direction by direction, each limited to the range of [`Usd`].
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            external: self.external.saturating_add(other.external),
            other: self.other.saturating_add(other.other),
        }
    }
}
