use outlay_price::{CacheTtl, Usage};

/// The token counts that one source has, each token in one of them. Each may be missing; none is taken for zero because
/// it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Input that no cache served or stored.
    pub(crate) input: Option<u64>,
    /// Whether `input` is all of the prompt, of which the source does not say what a cache served or stored.
    pub(crate) is_whole_prompt: bool,
    /// Output, reasoning included.
    pub(crate) output: Option<u64>,
    pub(crate) cache_read: Option<u64>,
    /// All cache writes, whatever their lifetime.
    pub(crate) cache_write: Option<u64>,
    pub(crate) cache_write_5m: Option<u64>,
    pub(crate) cache_write_30m: Option<u64>,
    pub(crate) cache_write_1h: Option<u64>,
    /// The part of the output that is reasoning.
    pub(crate) reasoning: Option<u64>,
    /// Input, output, cache reads and cache writes of the reply alone, where the counts are those of several inferences:
    /// other sources may tell only these.
    pub(super) reply: Option<[Option<u64>; 4]>,
}

impl Counts {
    /// Whether the source says anything at all.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All input, cached or not; `None` where a source tells none of it.
    pub(crate) fn all_input(&self) -> Option<u64> {
        let parts = [self.input, self.cache_read, self.cache_write];
        parts.into_iter().flatten().reduce(u64::saturating_add)
    }

    /// What the cache served and stored.
    pub(crate) fn cached(&self) -> u64 {
        self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0))
    }

    /// The cache writes of which no lifetime is told.
    pub(crate) fn unsplit_writes(&self) -> u64 {
        let split = [self.cache_write_5m, self.cache_write_30m, self.cache_write_1h];
        let split = split.into_iter().flatten().fold(0, u64::saturating_add);
        self.cache_write.unwrap_or(0).saturating_sub(split)
    }

    /// As a usage, with nothing for what is missing. What of the writes no lifetime is given for has the model's usual one;
    /// of a split that is larger than the whole, the longest lifetimes hold.
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
