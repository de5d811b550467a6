//! What only the generator does with rates.

use crate::Usd;
use crate::decimal::{Decimal, DecimalError};
use crate::rate::{Rate, Rates};

/// Reads dollars per token.
pub(super) fn per_token(text: &str) -> Result<Rate, DecimalError> {
    Rate::from_picos(Decimal::parse(text)?.scaled(12)?)
}

/// The decimal text of dollars per million tokens.
pub(super) fn per_million(rate: Rate) -> String {
    decimal(rate.times(1_000_000))
}

/// Dollars as decimal text: all digits, and no more.
pub(super) fn decimal(amount: Usd) -> String {
    let text = format!("{amount:.12}");
    text.trim_start_matches('$').trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The rates of all kinds, in the order of [`Rates::NAMES`].
pub(super) fn all(rates: &Rates) -> [Option<Rate>; 6] {
    [rates.input, rates.output, rates.cache_read, rates.cache_write_5m, rates.cache_write_30m, rates.cache_write_1h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_and_write_as_dollars_per_million() {
        for text in ["0", "3.3", "0.00875", "137.5", "0.000001", "100", "1000000000"] {
            assert_eq!(per_million(Rate::per_million(text).unwrap()), text);
        }
        assert_eq!(per_token("1.25e-05"), Rate::per_million("12.5"));
    }
}
