//! Money from text.

use std::str::FromStr;

use super::Usd;
use crate::decimal::{Decimal, DecimalError};

/// Why a text is no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseUsdError {
    /// There is no digit where the number should be.
    #[error("no amount: write a decimal number such as 0.50")]
    Empty,
    /// A character that no amount has, at this byte offset.
    #[error("unexpected character at byte {at}: write a decimal number such as 0.50 or $0.50")]
    BadCharacter {
        /// The offset in bytes from the start of the text.
        at: usize,
    },
    /// More than 12 decimals that are not zero.
    #[error("more than 12 decimals: the smallest amount is 0.000000000001")]
    TooManyDecimals,
    /// Beyond [`Usd::MAX`].
    #[error("too large an amount")]
    TooLarge,
}

impl FromStr for Usd {
    type Err = ParseUsdError;

    /// Reads `0.5`, `$0.5`, `-$3` and `1e-6`, exactly.
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
