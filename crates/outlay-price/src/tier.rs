use std::fmt;
use std::str::FromStr;

/// The service tier that served a call. Each has prices of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tier {
    /// On demand, `default` on the wire.
    #[default]
    Default,
    /// Cheaper and slower.
    Flex,
    /// Dearer and ahead of others.
    Priority,
    /// Capacity bought ahead: billed by reserved tokens per minute, not per call.
    Reserved,
    /// Batch inference jobs.
    Batch,
    /// The fastest and dearest, offered for a few OpenAI models.
    Ultrafast,
    /// Provisioned throughput: billed by the hour of a model unit, and nothing per call.
    Provisioned,
}

/// The latency mode that served a call, `performanceConfig.latency` on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Latency {
    /// The usual one.
    #[default]
    Standard,
    /// Optimized for speed, at a price of its own.
    Optimized,
}

/// A word that names no tier or latency mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{word}`: one of {known} is known")]
pub struct ParseTierError {
    what: &'static str,
    word: String,
    known: &'static str,
}

impl Tier {
    /// The word on the wire, and in price files.
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
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Optimized => "optimized",
        }
    }
}

impl FromStr for Tier {
    type Err = ParseTierError;

    /// Reads the words on the wire, and `standard` (as AWS's bill says) for the default tier.
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
            "unknown tier `turbo`: one of default, flex, priority, reserved, batch, ultrafast, provisioned is known"
        );
    }
}
