use std::fmt;
use std::str::FromStr;

/// How certain a row of the price table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Confidence {
    /// The user's own price.
    Own,
    /// A price that AWS's Price List or pricing page states.
    Listed,
    /// A price that independent sources agree on.
    Agreed,
    /// A price that a documented rule chose from differing sources.
    Resolved,
    /// A price that a documented rule derived from another row.
    Derived,
    /// A price from a single source.
    Single,
    /// The price of another region, because no source has a price for the called region.
    Elsewhere,
}

/// The error for an unknown confidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown confidence `{word}`: expected one of own, listed, agreed, resolved, derived, single, elsewhere")]
pub struct ParseConfidenceError {
    word: String,
}

impl Confidence {
    /// Returns whether a cost at this price can be [`Exact`](crate::CostStatus::Exact): AWS states the price, two sources
    /// agree on it, or it is the user's own.
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Own | Self::Listed | Self::Agreed)
    }

    /// Returns the word used in price files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Listed => "listed",
            Self::Agreed => "agreed",
            Self::Resolved => "resolved",
            Self::Derived => "derived",
            Self::Single => "single",
            Self::Elsewhere => "elsewhere",
        }
    }
}

impl FromStr for Confidence {
    type Err = ParseConfidenceError;

    fn from_str(word: &str) -> Result<Self, ParseConfidenceError> {
        [Self::Own, Self::Listed, Self::Agreed, Self::Resolved, Self::Derived, Self::Single, Self::Elsewhere]
            .into_iter()
            .find(|confidence| confidence.as_str() == word)
            .ok_or_else(|| ParseConfidenceError { word: word.to_owned() })
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
