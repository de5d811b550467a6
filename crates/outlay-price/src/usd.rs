use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

mod format;
mod parse;
mod serde_impl;

#[cfg(test)]
mod usd_tests;

pub use parse::ParseUsdError;

/// An exact amount of money: a signed whole number of 1e-12 US dollars (pico-dollars).
///
/// Every list price of Bedrock is a whole number of pico-dollars per token, so sums of token costs
/// are exact and do not depend on their order. Negative amounts are savings and adjustments.
///
/// `Display` rounds half-even to 6 decimals, or to the given precision (at most 12). `{:#}` is
/// exact, with at least 6 decimals. Without a precision, a non-zero amount too small for 6 decimals
/// is printed exactly, so that only zero is printed as zero.
///
/// ```
/// use outlay_price::Usd;
///
/// let cost: Usd = "0.0042105".parse()?;
/// assert_eq!(cost.to_string(), "$0.004210");
/// assert_eq!(format!("{cost:#}"), "$0.0042105");
/// assert_eq!(format!("{cost:.2}"), "$0.00");
/// assert_eq!(Usd::from_picos(1).to_string(), "$0.000000000001");
/// # Ok::<(), outlay_price::ParseUsdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i128);

impl Usd {
    /// Zero dollars.
    pub const ZERO: Self = Self(0);
    /// The maximum amount: about 1.7e26 dollars.
    pub const MAX: Self = Self(i128::MAX);

    /// Creates an amount from pico-dollars (1e-12 dollars).
    pub const fn from_picos(picos: i128) -> Self {
        Self(picos)
    }

    /// Returns the amount in pico-dollars (1e-12 dollars).
    pub const fn picos(self) -> i128 {
        self.0
    }

    /// Creates an amount from cents.
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents as i128 * 10_000_000_000)
    }

    /// Creates an amount from millionths of a dollar.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros as i128 * 1_000_000)
    }

    /// Creates an amount from whole dollars.
    pub const fn from_dollars(dollars: i64) -> Self {
        Self(dollars as i128 * 1_000_000_000_000)
    }

    /// Returns the sum, or `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(picos) => Some(Self(picos)),
            None => None,
        }
    }

    /// Returns the difference, or `None` on overflow.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(picos) => Some(Self(picos)),
            None => None,
        }
    }

    /// Returns the product with `count`, or `None` on overflow.
    #[must_use]
    pub const fn checked_mul(self, count: u64) -> Option<Self> {
        match self.0.checked_mul(count as i128) {
            Some(picos) => Some(Self(picos)),
            None => None,
        }
    }

    /// Returns the sum, saturating on overflow.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, saturating on overflow.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Returns the product with `count`, saturating on overflow.
    #[must_use]
    pub const fn saturating_mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count as i128))
    }

    /// Returns the exact decimal text without trailing zeros, such as `0.00421`.
    #[must_use]
    pub fn to_decimal(self) -> String {
        format::exact(self.0, "").as_str().to_owned()
    }

    /// Returns whether the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Returns whether the amount is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Returns the nearest double, which is also the result of parsing the decimal text.
    ///
    /// It is for telemetry attributes, which are doubles. Do not compute with it.
    pub fn to_f64(self) -> f64 {
        format::to_f64(self.0)
    }

    /// Returns the amount in pico-dollars (1e-12 dollars), saturating at the range of 64 bits (9.2 million dollars).
    ///
    /// It is for telemetry attributes, which are 64-bit integers.
    pub fn picos_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX })
    }
}

impl Add for Usd {
    type Output = Self;

    /// Adds two amounts, saturating on overflow.
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sub for Usd {
    type Output = Self;

    /// Subtracts an amount, saturating on overflow.
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl AddAssign for Usd {
    /// Adds an amount, saturating on overflow.
    fn add_assign(&mut self, other: Self) {
        *self = self.saturating_add(other);
    }
}

impl SubAssign for Usd {
    /// Subtracts an amount, saturating on overflow.
    fn sub_assign(&mut self, other: Self) {
        *self = self.saturating_sub(other);
    }
}

impl Neg for Usd {
    type Output = Self;

    /// Negates the amount, saturating on overflow.
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

impl<'a> Sum<&'a Usd> for Usd {
    fn sum<I: Iterator<Item = &'a Self>>(amounts: I) -> Self {
        amounts.copied().sum()
    }
}
