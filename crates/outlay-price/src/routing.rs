use std::fmt;
use std::str::FromStr;

/// Where a call may be served. AWS charges a premium for some routings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Routing {
    /// In the region that was called.
    InRegion,
    /// In any region of one geography: an inference profile such as `us.anthropic...`.
    Geo(Geo),
    /// In any commercial region: `global.anthropic...`.
    Global,
}

/// A geography of cross-region inference, by its id prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Geo {
    /// `us.`
    Us,
    /// `eu.`
    Eu,
    /// `apac.`
    Apac,
    /// `jp.`
    Jp,
    /// `au.`
    Au,
    /// `in.`
    In,
    /// `us-gov.`
    UsGov,
    /// `ca.`
    Ca,
}

/// The error for an unknown routing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown routing `{word}`: expected one of in-region, global, us, eu, apac, jp, au, in, us-gov, ca")]
pub struct ParseRoutingError {
    word: String,
}

impl Routing {
    /// Returns `in-region`, `global`, or the geo prefix without its dot.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InRegion => "in-region",
            Self::Geo(geo) => geo.as_str(),
            Self::Global => "global",
        }
    }

    /// Returns the routing for an id's first label, or `None` if it is not a known prefix.
    pub(crate) fn from_prefix(label: &str) -> Option<Self> {
        Some(match label {
            "global" => Self::Global,
            "us" => Self::Geo(Geo::Us),
            "eu" => Self::Geo(Geo::Eu),
            "apac" => Self::Geo(Geo::Apac),
            "jp" => Self::Geo(Geo::Jp),
            "au" => Self::Geo(Geo::Au),
            "in" => Self::Geo(Geo::In),
            "us-gov" => Self::Geo(Geo::UsGov),
            "ca" => Self::Geo(Geo::Ca),
            _ => return None,
        })
    }
}

impl Geo {
    /// Returns the prefix without its dot.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Eu => "eu",
            Self::Apac => "apac",
            Self::Jp => "jp",
            Self::Au => "au",
            Self::In => "in",
            Self::UsGov => "us-gov",
            Self::Ca => "ca",
        }
    }
}

impl FromStr for Routing {
    type Err = ParseRoutingError;

    fn from_str(word: &str) -> Result<Self, ParseRoutingError> {
        match word {
            "in-region" => Ok(Self::InRegion),
            _ => Self::from_prefix(word).ok_or_else(|| ParseRoutingError { word: word.to_owned() }),
        }
    }
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Geo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for word in ["in-region", "global", "us", "eu", "apac", "jp", "au", "in", "us-gov", "ca"] {
            assert_eq!(word.parse::<Routing>().unwrap().as_str(), word);
        }
        assert!("mars".parse::<Routing>().is_err());
    }
}
