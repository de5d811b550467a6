use std::fmt;
use std::str::FromStr;

mod unit_count;
mod unit_price;

pub use unit_count::{UnitCount, Units};
pub use unit_price::{Conditions, UnitPrice, UnitPriceError};

/// A billing unit other than a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// An input image.
    InputImage,
    /// A second of input audio.
    InputAudioSecond,
    /// A second of input video.
    InputVideoSecond,
    /// A generated image.
    OutputImage,
    /// A second of generated video.
    OutputVideoSecond,
    /// A rerank query or an embedding request.
    Query,
    /// A unit of a guardrail policy: up to 1,000 characters, or an image.
    GuardrailUnit,
    /// A use of a tool that the model's vendor runs, such as a web search.
    ServerToolUse,
    /// Capacity: a minute of one custom model unit, which serves imported models.
    CustomModelUnitMinute,
    /// Capacity: a month of storage for the model of one custom model unit.
    CustomModelUnitMonth,
    /// Capacity: an hour of one provisioned model unit.
    ModelUnitHour,
}

/// The error for an unknown unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown unit `{word}`: expected one of {}", names())]
pub struct ParseUnitError {
    word: String,
}

/// The direction of a call that a unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
    Other,
}

impl Unit {
    const ALL: [Self; 11] = [
        Self::InputImage,
        Self::InputAudioSecond,
        Self::InputVideoSecond,
        Self::OutputImage,
        Self::OutputVideoSecond,
        Self::Query,
        Self::GuardrailUnit,
        Self::ServerToolUse,
        Self::CustomModelUnitMinute,
        Self::CustomModelUnitMonth,
        Self::ModelUnitHour,
    ];

    /// Returns the word used in price files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InputImage => "input_image",
            Self::InputAudioSecond => "input_audio_second",
            Self::InputVideoSecond => "input_video_second",
            Self::OutputImage => "output_image",
            Self::OutputVideoSecond => "output_video_second",
            Self::Query => "query",
            Self::GuardrailUnit => "guardrail_unit",
            Self::ServerToolUse => "server_tool_use",
            Self::CustomModelUnitMinute => "custom_model_unit_minute",
            Self::CustomModelUnitMonth => "custom_model_unit_month",
            Self::ModelUnitHour => "model_unit_hour",
        }
    }

    /// Returns whether the unit is capacity, which is billed by time, used or not, and separately from calls.
    pub const fn is_capacity(self) -> bool {
        matches!(self, Self::CustomModelUnitMinute | Self::CustomModelUnitMonth | Self::ModelUnitHour)
    }

    pub(crate) const fn direction(self) -> Direction {
        match self {
            Self::InputImage | Self::InputAudioSecond | Self::InputVideoSecond => Direction::Input,
            Self::OutputImage | Self::OutputVideoSecond => Direction::Output,
            _ => Direction::Other,
        }
    }
}

fn names() -> String {
    Unit::ALL.map(Unit::as_str).join(", ")
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
        let error = "furlong".parse::<Unit>().unwrap_err().to_string();
        assert!(error.starts_with("unknown unit `furlong`: expected one of input_image, "), "{error}");
    }
}
