use outlay_price::{CacheTtl, Usage};

/// The token counts of one source, with each token in one of them. Each may be missing, and a missing count is not
/// zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Input that the cache neither served nor stored.
    pub(crate) input: Option<u64>,
    /// Whether `input` is the whole prompt because the source does not report what the cache served or stored.
    pub(crate) is_whole_prompt: bool,
    /// Output, including reasoning.
    pub(crate) output: Option<u64>,
    pub(crate) cache_read: Option<u64>,
    /// All cache writes, of any lifetime.
    pub(crate) cache_write: Option<u64>,
    pub(crate) cache_write_5m: Option<u64>,
    pub(crate) cache_write_30m: Option<u64>,
    pub(crate) cache_write_1h: Option<u64>,
    /// The part of the output that is reasoning.
    pub(crate) reasoning: Option<u64>,
    /// Input, output, cache reads and cache writes of the reply alone, if the counts cover several inferences: other
    /// sources may only report these.
    pub(super) reply: Option<[Option<u64>; 4]>,
}

impl Counts {
    /// Returns whether there is no count.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns all input, cached or not, or `None` if the source reports none of it.
    pub(crate) fn all_input(&self) -> Option<u64> {
        let parts = [self.input, self.cache_read, self.cache_write];
        parts.into_iter().flatten().reduce(u64::saturating_add)
    }

    /// Returns the tokens that the cache served and stored.
    pub(crate) fn cached(&self) -> u64 {
        self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0))
    }

    /// Returns the cache writes without a known lifetime.
    pub(crate) fn unsplit_writes(&self) -> u64 {
        let split = [self.cache_write_5m, self.cache_write_30m, self.cache_write_1h];
        let split = split.into_iter().flatten().fold(0, u64::saturating_add);
        self.cache_write.unwrap_or(0).saturating_sub(split)
    }

    /// Converts the counts to a usage, with zero for missing ones. Writes without a lifetime get the model's default
    /// one. If a split is larger than its total, the longest lifetimes are used.
    pub(crate) fn to_usage(self, default_ttl: impl FnOnce() -> CacheTtl) -> Usage {
        let mut rest = self.cache_write.unwrap_or(0);
        let mut usage = Usage::new()
            .with_uncached_input(self.input.unwrap_or(0))
            .with_output(self.output.unwrap_or(0))
            .with_cache_read(self.cache_read.unwrap_or(0))
            .with_reasoning(self.reasoning.unwrap_or(0));
        for (ttl, written) in [
            (CacheTtl::OneHour, self.cache_write_1h),
            (CacheTtl::ThirtyMinutes, self.cache_write_30m),
            (CacheTtl::FiveMinutes, self.cache_write_5m),
        ] {
            let written = written.unwrap_or(0).min(rest);
            rest -= written;
            usage = usage.with_cache_write(ttl, written);
        }
        if rest == 0 {
            return usage;
        }
        let ttl = default_ttl();
        usage.with_cache_write(ttl, usage.cache_write_tokens_for(ttl).saturating_add(rest))
    }
}
