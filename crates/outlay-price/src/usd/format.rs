//! Conversion of money to text and to a double.

use std::fmt::{self, Alignment, Write};

use super::Usd;

const PICOS: u128 = 1_000_000_000_000;
const DECIMALS: usize = 12;
const DEFAULT_DECIMALS: usize = 6;

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let picos = self.picos();
        let decimals = if f.alternate() {
            exact_decimals(picos).max(DEFAULT_DECIMALS)
        } else if let Some(precision) = f.precision() {
            precision.min(DECIMALS)
        } else if picos != 0 && rounded(picos.unsigned_abs(), DEFAULT_DECIMALS) == 0 {
            exact_decimals(picos)
        } else {
            DEFAULT_DECIMALS
        };
        let sign = match (picos < 0, f.sign_plus()) {
            (true, _) => "-$",
            (false, true) => "+$",
            (false, false) => "$",
        };
        pad(f, &Text::new(sign, picos.unsigned_abs(), decimals))
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Usd({})", exact(self.picos(), "$").as_str())
    }
}

/// Formats the exact amount without trailing zeros, such as `-0.00421` with the currency `""`.
pub(super) fn exact(picos: i128, currency: &'static str) -> Text {
    let sign = match (picos < 0, currency) {
        (true, "$") => "-$",
        (true, _) => "-",
        (false, currency) => currency,
    };
    Text::new(sign, picos.unsigned_abs(), exact_decimals(picos))
}

/// Returns the double nearest to `picos` pico-dollars.
#[expect(clippy::float_arithmetic, reason = "the only conversion of money to a double, for output")]
pub(super) fn to_f64(picos: i128) -> f64 {
    // Both operands are exact doubles, so IEEE 754 rounds the quotient correctly.
    if picos.unsigned_abs() < 1 << f64::MANTISSA_DIGITS {
        return picos as f64 / 1e12;
    }
    // The text is plain decimal digits, which always parse.
    exact(picos, "").as_str().parse().unwrap_or(f64::NAN)
}

/// Returns the number of decimals of the exact amount.
fn exact_decimals(picos: i128) -> usize {
    let mut fraction = picos.unsigned_abs() % PICOS;
    let mut decimals = DECIMALS;
    while decimals > 0 && fraction.is_multiple_of(10) {
        fraction /= 10;
        decimals -= 1;
    }
    decimals
}

/// Rounds half-even to units of `10^-decimals` dollars.
fn rounded(picos: u128, decimals: usize) -> u128 {
    let unit = 10_u128.pow((DECIMALS - decimals) as u32);
    let (whole, rest) = (picos / unit, picos % unit);
    let up = match (rest * 2).cmp(&unit) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    whole + u128::from(up)
}

/// A formatted amount on the stack: 39 digits of an `i128`, sign, currency and decimal point.
pub(super) struct Text {
    bytes: [u8; 48],
    length: usize,
}

impl Text {
    fn new(sign: &str, picos: u128, decimals: usize) -> Self {
        let scaled = rounded(picos, decimals);
        let unit = 10_u128.pow(decimals as u32);
        let mut text = Self { bytes: [0; 48], length: 0 };
        // At most 2 + 27 + 1 + 12 bytes, so it fits. A longer text would be cut off.
        let _ = write!(text, "{sign}{}", scaled / unit);
        if decimals > 0 {
            let _ = write!(text, ".{:0decimals$}", scaled % unit);
        }
        text
    }

    pub(super) fn as_str(&self) -> &str {
        // `write_str` only appends whole `str`s, so this is valid UTF-8.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }
}

impl Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.length + part.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Like `Formatter::pad`, but does not truncate the text to the precision.
fn pad(f: &mut fmt::Formatter<'_>, text: &Text) -> fmt::Result {
    let missing = f.width().unwrap_or(0).saturating_sub(text.length);
    let before = match f.align() {
        None | Some(Alignment::Left) => 0,
        Some(Alignment::Center) => missing / 2,
        Some(Alignment::Right) => missing,
    };
    let fill = f.fill();
    for _ in 0..before {
        f.write_char(fill)?;
    }
    f.write_str(text.as_str())?;
    for _ in before..missing {
        f.write_char(fill)?;
    }
    Ok(())
}
