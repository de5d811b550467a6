//! Reading and writing of rates.

use serde_json::value::RawValue;

use outlay_price::parts::Rate;
use outlay_price::parts::{Decimal, DecimalError};

/// Parses dollars per token.
pub(super) fn per_token(text: &str) -> Result<Rate, DecimalError> {
    Rate::from_picos(Decimal::parse(text)?.scaled(12)?)
}

/// Returns the digits of a JSON number, which may be quoted.
pub(super) fn digits(raw: &RawValue) -> &str {
    let text = raw.get();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// Formats a rate as dollars per million tokens.
pub(super) fn per_million(rate: Rate) -> String {
    rate.times(1_000_000).to_decimal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_round_trip_as_dollars_per_million() {
        for text in ["0", "3.3", "0.00875", "137.5", "0.000001", "100", "1000000000"] {
            assert_eq!(per_million(Rate::per_million(text).unwrap()), text);
        }
        assert_eq!(per_token("1.25e-05"), Rate::per_million("12.5"));
    }
}
