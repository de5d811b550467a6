//! Conversion of decimal text to integers, without a binary float in between.

/// A decimal number, `coefficient * 10^exponent`. The coefficient has no trailing zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    coefficient: u128,
    exponent: i32,
}

/// The error for a text that is not a decimal number of the requested scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// The text is empty or lacks a required digit.
    Empty,
    /// An unexpected byte at this offset.
    BadByte(usize),
    /// More decimals than the scale can hold.
    TooFine,
    /// A number that exceeds the integer.
    TooLarge,
}

impl Decimal {
    /// Parses a number such as `-12.5`, `.5` or `1.25e-05`.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let negative = match bytes.first() {
            Some(b'-') => {
                at = 1;
                true
            }
            Some(b'+') => {
                at = 1;
                false
            }
            _ => false,
        };
        let mut digits = Digits::default();
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => digits.push(byte - b'0')?,
                b'.' if !digits.after_point => digits.after_point = true,
                b'e' | b'E' => break,
                _ => return Err(DecimalError::BadByte(at)),
            }
            at += 1;
        }
        if !digits.has_digit {
            return Err(match bytes.get(at) {
                Some(_) => DecimalError::BadByte(at),
                None => DecimalError::Empty,
            });
        }
        let shift = match bytes.get(at) {
            Some(_) => exponent(bytes, at + 1)?,
            None => 0,
        };
        Ok(Self { negative, coefficient: digits.coefficient, exponent: digits.exponent().saturating_add(shift) })
    }

    /// Returns the exact value in units of `10^-scale`.
    pub fn scaled(self, scale: u32) -> Result<i128, DecimalError> {
        if self.coefficient == 0 {
            return Ok(0);
        }
        let power = i64::from(self.exponent) + i64::from(scale);
        let power = u32::try_from(power).map_err(|_| DecimalError::TooFine)?;
        let magnitude = 10_u128
            .checked_pow(power)
            .and_then(|factor| self.coefficient.checked_mul(factor))
            .and_then(|magnitude| i128::try_from(magnitude).ok())
            .ok_or(DecimalError::TooLarge)?;
        Ok(if self.negative { -magnitude } else { magnitude })
    }
}

/// The significant digits so far. Zeros are pending until a later digit makes them significant.
#[derive(Default)]
struct Digits {
    coefficient: u128,
    has_digit: bool,
    after_point: bool,
    zeros_before: u32,
    zeros_after: u32,
    decimals: i32,
}

impl Digits {
    fn push(&mut self, digit: u8) -> Result<(), DecimalError> {
        self.has_digit = true;
        if digit == 0 {
            let zeros = if self.after_point { &mut self.zeros_after } else { &mut self.zeros_before };
            *zeros = zeros.saturating_add(1);
            return Ok(());
        }
        let after = self.zeros_after.saturating_add(u32::from(self.after_point));
        let places = self.zeros_before.saturating_add(self.zeros_after).saturating_add(1);
        if self.coefficient != 0 {
            self.coefficient = 10_u128
                .checked_pow(places)
                .and_then(|factor| self.coefficient.checked_mul(factor))
                .ok_or(self.overflow())?;
        }
        self.coefficient = self.coefficient.checked_add(u128::from(digit)).ok_or(self.overflow())?;
        self.decimals = self.decimals.saturating_add(i32::try_from(after).unwrap_or(i32::MAX));
        self.zeros_before = 0;
        self.zeros_after = 0;
        Ok(())
    }

    /// Returns the error for too many significant digits, which depends on the side of the decimal point.
    fn overflow(&self) -> DecimalError {
        if self.after_point { DecimalError::TooFine } else { DecimalError::TooLarge }
    }

    fn exponent(&self) -> i32 {
        i32::try_from(self.zeros_before).unwrap_or(i32::MAX).saturating_sub(self.decimals)
    }
}

fn exponent(bytes: &[u8], start: usize) -> Result<i32, DecimalError> {
    let mut at = start;
    let negative = match bytes.get(at) {
        Some(b'-') => {
            at += 1;
            true
        }
        Some(b'+') => {
            at += 1;
            false
        }
        _ => false,
    };
    if at == bytes.len() {
        return Err(DecimalError::Empty);
    }
    let mut value = 0_i32;
    for (offset, byte) in bytes.iter().enumerate().skip(at) {
        if !byte.is_ascii_digit() {
            return Err(DecimalError::BadByte(offset));
        }
        value = value.saturating_mul(10).saturating_add(i32::from(byte - b'0'));
    }
    Ok(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(text: &str, scale: u32) -> Result<i128, DecimalError> {
        Decimal::parse(text)?.scaled(scale)
    }

    #[test]
    fn decimal_text_becomes_a_scaled_integer() {
        for (text, expected) in [
            ("0", 0),
            ("0.000", 0),
            ("0e999999999999", 0),
            ("1", 1_000_000),
            ("-3", -3_000_000),
            ("+.5", 500_000),
            ("5.", 5_000_000),
            ("100.05", 100_050_000),
            ("1.25e-05", 12),
            ("1e2", 100_000_000),
            ("1200e-2", 12_000_000),
            ("000.500000000000000000000000000000000000000000000000", 500_000),
        ] {
            let result = scaled(text, 6);
            if text == "1.25e-05" {
                assert_eq!(result, Err(DecimalError::TooFine), "{text}");
                assert_eq!(scaled(text, 12), Ok(12_500_000));
            } else {
                assert_eq!(result, Ok(expected), "{text}");
            }
        }
    }

    #[test]
    fn invalid_numbers_are_rejected_with_the_offset() {
        assert_eq!(scaled("", 6), Err(DecimalError::Empty));
        assert_eq!(scaled("-", 6), Err(DecimalError::Empty));
        assert_eq!(scaled(".", 6), Err(DecimalError::Empty));
        assert_eq!(scaled("1e", 6), Err(DecimalError::Empty));
        assert_eq!(scaled("e5", 6), Err(DecimalError::BadByte(0)));
        assert_eq!(scaled("1.2.3", 6), Err(DecimalError::BadByte(3)));
        assert_eq!(scaled("1,5", 6), Err(DecimalError::BadByte(1)));
        assert_eq!(scaled("1e5x", 6), Err(DecimalError::BadByte(3)));
        assert_eq!(scaled("1e99", 6), Err(DecimalError::TooLarge));
        assert_eq!(scaled("1e99999999999999", 6), Err(DecimalError::TooLarge));
        assert_eq!(scaled("1e-99999999999999", 6), Err(DecimalError::TooFine));
        assert_eq!(scaled("0.0000001", 6), Err(DecimalError::TooFine));
        assert_eq!(scaled(&"9".repeat(60), 6), Err(DecimalError::TooLarge));
    }
}
