use crate::decimal::{Decimal, DecimalError};
use crate::{CacheTtl, Usage, Usd};

/// The price of a token: a whole number of pico-dollars, which is US dollars per million tokens with
/// six decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// The maximum: a thousand dollars per token. With it, no sum of token costs exceeds the range of [`Usd`].
    const MAX: i128 = 1_000_000_000_000_000;

    /// Parses US dollars per million tokens.
    pub fn per_million(text: &str) -> Result<Self, DecimalError> {
        Self::from_picos(Decimal::parse(text)?.scaled(6)?)
    }

    /// Creates a rate from pico-dollars (1e-12 dollars) per token.
    pub fn from_picos(picos: i128) -> Result<Self, DecimalError> {
        match u64::try_from(picos) {
            Ok(rate) if picos <= Self::MAX => Ok(Self(rate)),
            _ if picos < 0 => Err(DecimalError::BadByte(0)),
            _ => Err(DecimalError::TooLarge),
        }
    }

    /// Returns the rate in pico-dollars (1e-12 dollars) per token.
    pub const fn picos(self) -> u64 {
        self.0
    }

    /// Returns the cost of a number of tokens.
    pub const fn times(self, tokens: u64) -> Usd {
        Usd::from_picos(self.0 as i128 * tokens as i128)
    }
}

/// The number of token kinds with a rate.
pub const RATES: usize = 8;

/// The rates of one context tier by kind of token. An unknown rate is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Uncached input.
    pub input: Option<Rate>,
    /// Output, including reasoning.
    pub output: Option<Rate>,
    /// Input read from the cache.
    pub cache_read: Option<Rate>,
    /// Input written to the cache for five minutes.
    pub cache_write_5m: Option<Rate>,
    /// Input written to the cache for thirty minutes.
    pub cache_write_30m: Option<Rate>,
    /// Input written to the cache for an hour.
    pub cache_write_1h: Option<Rate>,
    /// Audio input.
    pub input_audio: Option<Rate>,
    /// Audio output.
    pub output_audio: Option<Rate>,
}

impl Rates {
    /// A rate of zero for every kind of token.
    pub const FREE: Self = Self::from_all([Some(Rate(0)); RATES]);

    /// Returns whether no rate is known.
    pub fn is_empty(&self) -> bool {
        self.all().iter().all(Option::is_none)
    }

    /// Returns the rate of a cache write.
    ///
    /// A response without a lifetime counts as five minutes. If thirty minutes is the only lifetime of a
    /// model, that rate applies instead. One hour is never guessed.
    pub fn cache_write(&self, ttl: CacheTtl) -> Option<Rate> {
        match ttl {
            CacheTtl::FiveMinutes if self.cache_write_1h.is_none() => self.cache_write_5m.or(self.cache_write_30m),
            CacheTtl::FiveMinutes => self.cache_write_5m,
            CacheTtl::ThirtyMinutes => self.cache_write_30m,
            CacheTtl::OneHour => self.cache_write_1h,
        }
    }

    /// The names of the kinds in price files, in the order of the columns.
    pub const NAMES: [&'static str; RATES] = [
        "input",
        "output",
        "cache_read",
        "cache_write_5m",
        "cache_write_30m",
        "cache_write_1h",
        "input_audio",
        "output_audio",
    ];

    /// Creates rates from an array in the order of [`NAMES`](Self::NAMES).
    pub const fn from_all(rates: [Option<Rate>; RATES]) -> Self {
        let [input, output, cache_read, cache_write_5m, cache_write_30m, cache_write_1h, input_audio, output_audio] =
            rates;
        Self { input, output, cache_read, cache_write_5m, cache_write_30m, cache_write_1h, input_audio, output_audio }
    }

    /// Returns the rates in the order of [`NAMES`](Self::NAMES).
    pub const fn all(&self) -> [Option<Rate>; RATES] {
        let Self {
            input,
            output,
            cache_read,
            cache_write_5m,
            cache_write_30m,
            cache_write_1h,
            input_audio,
            output_audio,
        } = *self;
        [input, output, cache_read, cache_write_5m, cache_write_30m, cache_write_1h, input_audio, output_audio]
    }
}

/// A set of token kinds, with one bit per kind in the order of [`Rates::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSet(u8);

impl RateSet {
    /// Parses a list such as `cache_read,cache_write_5m`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut set = Self::default();
        for name in text.split(',').filter(|name| !name.is_empty()) {
            set.insert(name)?;
        }
        Some(set)
    }

    /// Adds a kind by its name. Returns `None` if there is no such kind.
    pub fn insert(&mut self, name: &str) -> Option<()> {
        let index = Rates::NAMES.iter().position(|known| *known == name)?;
        self.0 |= 1 << index;
        Some(())
    }

    /// Returns the names of the kinds, in order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Rates::NAMES.into_iter().enumerate().filter(move |(index, _)| self.0 & (1 << index) != 0).map(|(_, name)| name)
    }

    /// Returns whether the set contains a kind, by its name.
    pub fn has(self, name: &str) -> bool {
        self.names().any(|own| own == name)
    }

    /// Returns whether the sets have a kind in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the kinds of the rates that apply to a usage.
    pub fn used(usage: &Usage, rates: &Rates) -> Self {
        let five_at_thirty = rates.cache_write_5m.is_none() && rates.cache_write_1h.is_none();
        let writes = |ttl| usage.cache_write_tokens_for(ttl) > 0;
        let used = [
            usage.uncached_input_tokens() > 0,
            usage.text_output_tokens() > 0,
            usage.cache_read_tokens() > 0,
            writes(CacheTtl::FiveMinutes) && !five_at_thirty,
            writes(CacheTtl::ThirtyMinutes) || (writes(CacheTtl::FiveMinutes) && five_at_thirty),
            writes(CacheTtl::OneHour),
            usage.input_audio_tokens() > 0,
            usage.output_audio_tokens() > 0,
        ];
        Self(used.iter().enumerate().fold(0, |set, (index, used)| set | (u8::from(*used) << index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_whole_number_of_picos_per_token() {
        assert_eq!(Rate::per_million("0.00875"), Rate::from_picos(8_750));
        assert_eq!(Rate::per_million("1000000000"), Rate::from_picos(1_000_000_000_000_000));
        assert_eq!(Rate::per_million("0.0000001"), Err(DecimalError::TooFine));
        assert_eq!(Rate::per_million("1000000001"), Err(DecimalError::TooLarge));
        assert_eq!(Rate::per_million("99999999999999999999"), Err(DecimalError::TooLarge));
        assert!(Rate::per_million("-1").is_err());
    }

    #[test]
    fn one_hour_is_never_priced_as_another_lifetime() {
        let five = Rate::per_million("1.25").ok();
        let rates = Rates { cache_write_5m: five, ..Rates::default() };
        assert_eq!(rates.cache_write(CacheTtl::OneHour), None);
        assert_eq!(rates.cache_write(CacheTtl::ThirtyMinutes), None);
        let rates = Rates { cache_write_30m: five, ..Rates::default() };
        assert_eq!(rates.cache_write(CacheTtl::FiveMinutes), five);
    }
}
