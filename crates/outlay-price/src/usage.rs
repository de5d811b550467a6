use std::ops::{Add, AddAssign};

/// The lifetime of a cache write. Each lifetime has its own price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CacheTtl {
    /// Five minutes, the default.
    FiveMinutes,
    /// Thirty minutes, the only lifetime of OpenAI, Kimi and GLM models.
    ThirtyMinutes,
    /// One hour.
    OneHour,
}

impl CacheTtl {
    /// Returns `5m`, `30m` or `1h`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::ThirtyMinutes => "30m",
            Self::OneHour => "1h",
        }
    }
}

/// The tokens of a call or of several calls, each counted once.
///
/// Bedrock's Converse reports input without the tokens read from or written to the cache. Other
/// conventions include them. Here the parts are separate, and [`input_tokens`] is their sum,
/// so that no cached token is priced twice.
///
/// ```
/// use outlay_price::{CacheTtl, Usage};
///
/// let usage = Usage::new()
///     .with_uncached_input(1_000)
///     .with_cache_read(20_000)
///     .with_cache_write(CacheTtl::FiveMinutes, 4_000)
///     .with_output(500);
/// assert_eq!(usage.input_tokens(), 25_000);
/// assert_eq!(usage.total_tokens(), 25_500);
/// ```
///
/// [`input_tokens`]: Usage::input_tokens
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    uncached_input: u64,
    output: u64,
    cache_read: u64,
    cache_write_5m: u64,
    cache_write_30m: u64,
    cache_write_1h: u64,
    input_audio: u64,
    output_audio: u64,
    reasoning: u64,
}

impl Usage {
    /// Creates a usage without tokens.
    pub const fn new() -> Self {
        Self {
            uncached_input: 0,
            output: 0,
            cache_read: 0,
            cache_write_5m: 0,
            cache_write_30m: 0,
            cache_write_1h: 0,
            input_audio: 0,
            output_audio: 0,
            reasoning: 0,
        }
    }

    /// Sets the input tokens that were neither read from nor written to the cache, nor audio.
    #[must_use]
    pub const fn with_uncached_input(mut self, tokens: u64) -> Self {
        self.uncached_input = tokens;
        self
    }

    /// Sets the output tokens that were not audio, including reasoning.
    #[must_use]
    pub const fn with_output(mut self, tokens: u64) -> Self {
        self.output = tokens;
        self
    }

    /// Sets the input tokens read from the cache.
    #[must_use]
    pub const fn with_cache_read(mut self, tokens: u64) -> Self {
        self.cache_read = tokens;
        self
    }

    /// Sets the input tokens written to the cache for one lifetime. Other lifetimes are unchanged.
    #[must_use]
    pub const fn with_cache_write(mut self, ttl: CacheTtl, tokens: u64) -> Self {
        match ttl {
            CacheTtl::FiveMinutes => self.cache_write_5m = tokens,
            CacheTtl::ThirtyMinutes => self.cache_write_30m = tokens,
            CacheTtl::OneHour => self.cache_write_1h = tokens,
        }
        self
    }

    /// Sets the audio input tokens, which have their own price.
    #[must_use]
    pub const fn with_input_audio(mut self, tokens: u64) -> Self {
        self.input_audio = tokens;
        self
    }

    /// Sets the audio output tokens, which have their own price.
    #[must_use]
    pub const fn with_output_audio(mut self, tokens: u64) -> Self {
        self.output_audio = tokens;
        self
    }

    /// Sets the number of output tokens that were reasoning. They are billed once, as output.
    #[must_use]
    pub const fn with_reasoning(mut self, tokens: u64) -> Self {
        self.reasoning = tokens;
        self
    }

    /// Returns all input tokens, including cache reads, cache writes and audio, as OpenTelemetry counts them. Saturating.
    pub const fn input_tokens(&self) -> u64 {
        self.uncached_input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_tokens())
            .saturating_add(self.input_audio)
    }

    /// Returns the input tokens that were neither read from nor written to the cache, nor audio.
    pub const fn uncached_input_tokens(&self) -> u64 {
        self.uncached_input
    }

    /// Returns all output tokens, including reasoning and audio. Saturating.
    pub const fn output_tokens(&self) -> u64 {
        self.output.saturating_add(self.output_audio)
    }

    /// Returns the output tokens that were not audio, including reasoning.
    pub const fn text_output_tokens(&self) -> u64 {
        self.output
    }

    /// Returns the audio input tokens.
    pub const fn input_audio_tokens(&self) -> u64 {
        self.input_audio
    }

    /// Returns the audio output tokens.
    pub const fn output_audio_tokens(&self) -> u64 {
        self.output_audio
    }

    /// Returns the input tokens read from the cache.
    pub const fn cache_read_tokens(&self) -> u64 {
        self.cache_read
    }

    /// Returns the input tokens written to the cache, for all lifetimes. Saturating.
    pub const fn cache_write_tokens(&self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_30m).saturating_add(self.cache_write_1h)
    }

    /// Returns the input tokens written to the cache for one lifetime.
    pub const fn cache_write_tokens_for(&self, ttl: CacheTtl) -> u64 {
        match ttl {
            CacheTtl::FiveMinutes => self.cache_write_5m,
            CacheTtl::ThirtyMinutes => self.cache_write_30m,
            CacheTtl::OneHour => self.cache_write_1h,
        }
    }

    /// Returns the number of output tokens that were reasoning.
    pub const fn reasoning_tokens(&self) -> u64 {
        self.reasoning
    }

    /// Returns all input and output tokens. Saturating.
    pub const fn total_tokens(&self) -> u64 {
        self.input_tokens().saturating_add(self.output_tokens())
    }

    /// Returns whether no tokens were used.
    pub const fn is_empty(&self) -> bool {
        self.total_tokens() == 0 && self.reasoning == 0
    }
}

impl Add for Usage {
    type Output = Self;

    /// Adds each kind of token. Saturating.
    fn add(self, other: Self) -> Self {
        Self {
            uncached_input: self.uncached_input.saturating_add(other.uncached_input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write_5m: self.cache_write_5m.saturating_add(other.cache_write_5m),
            cache_write_30m: self.cache_write_30m.saturating_add(other.cache_write_30m),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            input_audio: self.input_audio.saturating_add(other.input_audio),
            output_audio: self.output_audio.saturating_add(other.output_audio),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

impl AddAssign for Usage {
    /// Adds each kind of token. Saturating.
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_includes_the_cache_and_total_includes_reasoning_once() {
        let usage = Usage::new()
            .with_uncached_input(1)
            .with_cache_read(10)
            .with_cache_write(CacheTtl::FiveMinutes, 100)
            .with_cache_write(CacheTtl::ThirtyMinutes, 1_000)
            .with_cache_write(CacheTtl::OneHour, 10_000)
            .with_output(100_000)
            .with_reasoning(90_000)
            .with_input_audio(1_000_000)
            .with_output_audio(10_000_000);
        assert_eq!(usage.input_tokens(), 1_011_111);
        assert_eq!(usage.output_tokens(), 10_100_000);
        assert_eq!(usage.text_output_tokens(), 100_000);
        assert_eq!(usage.cache_write_tokens(), 11_100);
        assert_eq!(usage.cache_write_tokens_for(CacheTtl::OneHour), 10_000);
        assert_eq!(usage.total_tokens(), 11_111_111);
        assert!(!usage.is_empty());
        assert!(Usage::new().is_empty());
    }

    #[test]
    fn sums_saturate() {
        let mut usage = Usage::new().with_output(u64::MAX).with_cache_read(u64::MAX);
        usage += usage;
        assert_eq!(usage.output_tokens(), u64::MAX);
        assert_eq!(usage.total_tokens(), u64::MAX);
    }
}
