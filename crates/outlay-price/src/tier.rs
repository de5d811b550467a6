use std::fmt;
use std::str::FromStr;

/// The service tier of a call. Each tier has its own prices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// On demand, `default` on the wire.
    #[default]
    Default,
    /// A cheaper and slower tier.
    Flex,
    /// A more expensive tier that is served first.
    Priority,
    /// Capacity bought in advance. It is billed by reserved tokens per minute, not per call.
    Reserved,
    /// Batch inference jobs.
    Batch,
    /// The fastest and most expensive tier, offered for a few OpenAI models.
    Ultrafast,
    /// Provisioned throughput. It is billed by the hour of a model unit, not per call.
    Provisioned,
}

/// The latency mode of a call, `performanceConfig.latency` on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Latency {
    /// The default mode.
    #[default]
    Standard,
    /// Optimized for speed, with its own prices.
    Optimized,
}

/// The error for an unknown tier or latency mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{word}`: expected one of {known}")]
pub struct ParseTierError {
    what: &'static str,
    word: String,
    known: &'static str,
}

impl Tier {
    /// Returns the word used on the wire and in price files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Reserved => "reserved",
            Self::Batch => "batch",
            Self::Ultrafast => "ultrafast",
            Self::Provisioned => "provisioned",
        }
    }
}

impl Latency {
    /// Returns the word used on the wire and in price files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Optimized => "optimized",
        }
    }
}

impl FromStr for Tier {
    type Err = ParseTierError;

    /// Parses the words used on the wire, and `standard` for the default tier, as on AWS's bill.
    fn from_str(word: &str) -> Result<Self, ParseTierError> {
        Ok(match word {
            "default" | "standard" => Self::Default,
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            "reserved" => Self::Reserved,
            "batch" => Self::Batch,
            "ultrafast" => Self::Ultrafast,
            "provisioned" => Self::Provisioned,
            _ => {
                return Err(ParseTierError {
                    what: "tier",
                    word: word.to_owned(),
                    known: "default, flex, priority, reserved, batch, ultrafast, provisioned",
                });
            }
        })
    }
}

impl FromStr for Latency {
    type Err = ParseTierError;

    fn from_str(word: &str) -> Result<Self, ParseTierError> {
        match word {
            "standard" => Ok(Self::Standard),
            "optimized" => Ok(Self::Optimized),
            _ => Err(ParseTierError { what: "latency", word: word.to_owned(), known: "standard, optimized" }),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_words_round_trip() {
        use Tier::{Batch, Default, Flex, Priority, Provisioned, Reserved, Ultrafast};
        for tier in [Default, Flex, Priority, Reserved, Batch, Ultrafast, Provisioned] {
            assert_eq!(tier.as_str().parse(), Ok(tier));
        }
        assert_eq!("standard".parse(), Ok(Tier::Default));
        for latency in [Latency::Standard, Latency::Optimized] {
            assert_eq!(latency.as_str().parse(), Ok(latency));
        }
    }

    #[test]
    fn an_unknown_word_is_named() {
        let error = "turbo".parse::<Tier>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown tier `turbo`: expected one of default, flex, priority, reserved, batch, ultrafast, provisioned"
        );
    }
}
