//! Parsing of money.

use std::str::FromStr;

use super::Usd;
use crate::decimal::{Decimal, DecimalError};

/// The error for a text that is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseUsdError {
    /// The text has no digits.
    #[error("no amount: write a decimal number such as 0.50")]
    Empty,
    /// A character that is not allowed in an amount.
    #[error("unexpected character at byte {at}: write a decimal number such as 0.50 or $0.50")]
    BadCharacter {
        /// The offset in bytes from the start of the text.
        at: usize,
    },
    /// More than 12 significant decimals.
    #[error("more than 12 decimals: the smallest amount is 0.000000000001")]
    TooManyDecimals,
    /// An amount above [`Usd::MAX`].
    #[error("the amount is too large")]
    TooLarge,
}

impl FromStr for Usd {
    type Err = ParseUsdError;

    /// Parses an amount such as `0.5`, `$0.5`, `-$3` or `1e-6`, exactly.
    fn from_str(text: &str) -> Result<Self, ParseUsdError> {
        let (sign, number) = match text.as_bytes() {
            [b'-' | b'+', b'$', ..] => text.split_at(2),
            [b'$', ..] => text.split_at(1),
            _ => ("", text),
        };
        if !sign.is_empty() && number.starts_with(['-', '+']) {
            return Err(ParseUsdError::BadCharacter { at: sign.len() });
        }
        let picos = Decimal::parse(number).and_then(|decimal| decimal.scaled(12)).map_err(|error| match error {
            DecimalError::Empty => ParseUsdError::Empty,
            DecimalError::BadByte(at) => ParseUsdError::BadCharacter { at: sign.len() + at },
            DecimalError::TooFine => ParseUsdError::TooManyDecimals,
            DecimalError::TooLarge => ParseUsdError::TooLarge,
        })?;
        Ok(Self::from_picos(if sign.starts_with('-') { -picos } else { picos }))
    }
}
