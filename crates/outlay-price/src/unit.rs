use std::fmt;
use std::str::FromStr;

use crate::Usd;

/// What is billed other than by text token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// A million tokens of audio that came in.
    InputAudioMtok,
    /// A million tokens of audio that went out.
    OutputAudioMtok,
    /// A million tokens of images that came in.
    InputImageMtok,
    /// An image that came in.
    InputImage,
    /// An image that was made.
    OutputImage,
    /// A second of audio that came in.
    InputAudioSecond,
    /// A second of video that came in.
    InputVideoSecond,
    /// A query: a rerank, or an embedding request.
    Query,
    /// A unit of a guardrail policy: 1,000 characters, or an image.
    GuardrailUnit,
}

/// The price of one unit, of one size or quality where that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitPrice {
    pub(crate) unit: Unit,
    pub(crate) variant: Option<Box<str>>,
    pub(crate) price: Usd,
}

/// A word that names no unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown unit `{word}`")]
pub struct ParseUnitError {
    word: String,
}

impl UnitPrice {
    /// What is counted.
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// The size and quality, or the guardrail policy, as the source names it.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// US dollars per unit.
    pub const fn price(&self) -> Usd {
        self.price
    }
}

impl Unit {
    const ALL: [Self; 9] = [
        Self::InputAudioMtok,
        Self::OutputAudioMtok,
        Self::InputImageMtok,
        Self::InputImage,
        Self::OutputImage,
        Self::InputAudioSecond,
        Self::InputVideoSecond,
        Self::Query,
        Self::GuardrailUnit,
    ];

    /// The word in price files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InputAudioMtok => "input_audio_mtok",
            Self::OutputAudioMtok => "output_audio_mtok",
            Self::InputImageMtok => "input_image_mtok",
            Self::InputImage => "input_image",
            Self::OutputImage => "output_image",
            Self::InputAudioSecond => "input_audio_second",
            Self::InputVideoSecond => "input_video_second",
            Self::Query => "query",
            Self::GuardrailUnit => "guardrail_unit",
        }
    }
}

impl FromStr for Unit {
    type Err = ParseUnitError;

    fn from_str(word: &str) -> Result<Self, ParseUnitError> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == word).ok_or_else(|| ParseUnitError { word: word.to_owned() })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for unit in Unit::ALL {
            assert_eq!(unit.as_str().parse(), Ok(unit));
        }
        assert!("furlong".parse::<Unit>().is_err());
    }
}
