use std::fmt;
use std::str::FromStr;

/// How sure a row of the price table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Confidence {
    /// The user's own.
    Own,
    /// AWS's Price List or pricing page states it.
    Listed,
    /// Independent sources agree.
    Agreed,
    /// Sources differ, and a stated rule chose.
    Resolved,
    /// A stated rule derived it from another row.
    Derived,
    /// One source says so.
    Single,
    /// It is the price of another region: no source has one of the region that was called.
    Elsewhere,
}

/// A word that names no confidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown confidence `{word}`: one of own, listed, agreed, resolved, derived, single, elsewhere is known")]
pub struct ParseConfidenceError {
    word: String,
}

impl Confidence {
    /// Whether a cost at this price can be [`Exact`](crate::CostStatus::Exact): AWS states the price, two sources agree on
    /// it, or it is the user's own.
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Own | Self::Listed | Self::Agreed)
    }

    /// The word in the table.
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
