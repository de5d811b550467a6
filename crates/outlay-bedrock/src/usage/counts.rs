use outlay_price::{CacheTtl, Usage};

/// The token counts that one source has. Each may be missing; none is taken for zero because it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Input that no cache served or stored.
    pub(crate) input: Option<u64>,
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
}

impl Counts {
    /// Whether the source says anything at all.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes the numbers that `later` has, as a stream's cumulative counts go on.
    pub(crate) fn update(&mut self, later: &Self) {
        for (own, later) in self.all_mut().into_iter().zip(later.all()) {
            *own = later.or(*own);
        }
    }

    /// The numbers with their names, in one order for all.
    pub(super) const fn named(&self) -> [(&'static str, Option<u64>); 8] {
        [
            ("input", self.input),
            ("output", self.output),
            ("cache read", self.cache_read),
            ("cache write", self.cache_write),
            ("cache write 5m", self.cache_write_5m),
            ("cache write 30m", self.cache_write_30m),
            ("cache write 1h", self.cache_write_1h),
            ("reasoning", self.reasoning),
        ]
    }

    pub(super) fn all(&self) -> [Option<u64>; 8] {
        self.named().map(|(_, count)| count)
    }

    pub(super) const fn all_mut(&mut self) -> [&mut Option<u64>; 8] {
        [
            &mut self.input,
            &mut self.output,
            &mut self.cache_read,
            &mut self.cache_write,
            &mut self.cache_write_5m,
            &mut self.cache_write_30m,
            &mut self.cache_write_1h,
            &mut self.reasoning,
        ]
    }

    /// As a usage: what of the writes no lifetime is given for has the model's default one.
    pub(super) fn to_usage(self, default_ttl: impl FnOnce() -> CacheTtl) -> Usage {
        let by_ttl = [
            (CacheTtl::FiveMinutes, self.cache_write_5m.unwrap_or(0)),
            (CacheTtl::ThirtyMinutes, self.cache_write_30m.unwrap_or(0)),
            (CacheTtl::OneHour, self.cache_write_1h.unwrap_or(0)),
        ];
        let split: u64 = by_ttl.iter().fold(0, |sum: u64, (_, n)| sum.saturating_add(*n));
        let rest = self.cache_write.unwrap_or(0).saturating_sub(split);
        let usage = Usage::new()
            .with_uncached_input(self.input.unwrap_or(0))
            .with_output(self.output.unwrap_or(0))
            .with_cache_read(self.cache_read.unwrap_or(0))
            .with_reasoning(self.reasoning.unwrap_or(0));
        let usage = by_ttl.into_iter().fold(usage, |usage, (ttl, n)| usage.with_cache_write(ttl, n));
        if rest == 0 {
            return usage;
        }
        let ttl = default_ttl();
        usage.with_cache_write(ttl, usage.cache_write_tokens_for(ttl).saturating_add(rest))
    }
}
