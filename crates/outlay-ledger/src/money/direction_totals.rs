use outlay_price::{Charge, Usd};

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
    pub(super) fn of(charge: &Charge) -> Self {
        Self {
            input: charge.input(),
            output: charge.output(),
            cache_read: charge.cache_read(),
            cache_write: charge.cache_write(),
            external: charge.external_amount(),
            other: charge.other(),
        }
    }

    /// The parts by name, in the order in which they are shown.
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

    pub(super) fn add(&mut self, other: &Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.external = self.external.saturating_add(other.external);
        self.other = self.other.saturating_add(other.other);
    }
}
