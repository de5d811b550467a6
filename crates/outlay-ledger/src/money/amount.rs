use std::fmt;

use outlay_price::Usd;

/// An amount of something that a budget limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Amount {
    /// US dollars.
    Usd(Usd),
    /// Tokens, input and output.
    Tokens(u64),
    /// Model calls.
    Calls(u64),
    /// Answered chat calls.
    Turns(u64),
}

impl Amount {
    /// Returns the dollars, or `None` if it is not an amount of dollars.
    pub const fn usd(self) -> Option<Usd> {
        match self {
            Self::Usd(usd) => Some(usd),
            _ => None,
        }
    }

    /// Returns the unit's name in policy files.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Usd(_) => "usd",
            Self::Tokens(_) => "tokens",
            Self::Calls(_) => "calls",
            Self::Turns(_) => "turns",
        }
    }

    /// Returns the amount in its smallest unit: pico-dollars, or ones.
    pub const fn units(self) -> i128 {
        match self {
            Self::Usd(usd) => usd.picos(),
            Self::Tokens(count) | Self::Calls(count) | Self::Turns(count) => count as i128,
        }
    }

    /// Returns an amount of the same kind with this number of smallest units.
    #[must_use]
    pub fn with_units(self, units: i128) -> Self {
        let count = || u64::try_from(units.max(0)).unwrap_or(u64::MAX);
        match self {
            Self::Usd(_) => Self::Usd(Usd::from_picos(units)),
            Self::Tokens(_) => Self::Tokens(count()),
            Self::Calls(_) => Self::Calls(count()),
            Self::Turns(_) => Self::Turns(count()),
        }
    }

    /// Returns the percentage of `whole`, rounded away from 100: exactly 100 means equal, and more means over. `None` if
    /// `whole` is zero.
    pub fn percent_of(self, whole: Self) -> Option<u64> {
        let (part, whole) = (self.units(), whole.units());
        let up = if part > whole { whole.saturating_sub(1) } else { 0 };
        let percent = part.saturating_mul(100).saturating_add(up).checked_div(whole)?;
        Some(u64::try_from(percent.max(0)).unwrap_or(u64::MAX))
    }
}

impl PartialEq<Usd> for Amount {
    fn eq(&self, other: &Usd) -> bool {
        self.usd() == Some(*other)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counted = |count: &u64, one: &str| write!(f, "{count} {one}{}", if *count == 1 { "" } else { "s" });
        match self {
            Self::Usd(usd) => usd.fmt(f),
            Self::Tokens(count) => counted(count, "token"),
            Self::Calls(count) => counted(count, "call"),
            Self::Turns(count) => counted(count, "turn"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_displays_its_unit() {
        assert_eq!(Amount::Usd(Usd::from_cents(50)).to_string(), "$0.500000");
        assert_eq!(Amount::Calls(1).to_string(), "1 call");
        assert_eq!(Amount::Turns(12).to_string(), "12 turns");
        assert_eq!(Amount::Tokens(5).with_units(-3), Amount::Tokens(0));
        assert_eq!(Amount::Calls(201).percent_of(Amount::Calls(200)), Some(101));
        assert_eq!(Amount::Calls(199).percent_of(Amount::Calls(200)), Some(99));
        assert_eq!(Amount::Calls(1).percent_of(Amount::Calls(0)), None);
        assert!(Amount::Usd(Usd::ZERO) == Usd::ZERO && Amount::Calls(0) != Usd::ZERO);
    }
}
