use std::borrow::Cow;
use std::fmt;

use crate::{CacheTtl, Tier, Unit};

mod billing_region;
mod guardrail_usage_type;
mod image;
mod keywords;
mod label;
mod words;

#[cfg(test)]
mod usage_type_tests;

use keywords::Keywords;
pub use label::base_id;
use words::Word;

/// A parsed usage type of AWS's bill or price list.
///
/// AWS uses several formats for usage types. All formats found in public sources are supported. The meaning of a part is
/// never guessed: an unknown part is an error that names it.
///
/// ```
/// use outlay_price::{BilledRouting, Tier, TokenKind, UsageKind, UsageType};
///
/// let line = UsageType::parse("USE1-Claude4.6Sonnet-input-tokens-cross-region-global-batch")?;
/// assert_eq!(line.region(), "us-east-1");
/// assert_eq!(line.base_id().as_deref(), Some("anthropic.claude-sonnet-4-6"));
/// assert_eq!(line.kind(), &UsageKind::Tokens(TokenKind::Input));
/// assert_eq!((line.routing(), line.tier()), (BilledRouting::Global, Tier::Batch));
/// # Ok::<(), outlay_price::ParseUsageTypeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageType<'a> {
    region: &'static str,
    label: Option<&'a str>,
    kind: UsageKind<'a>,
    routing: BilledRouting,
    tier: Tier,
    long_context: bool,
    custom_model: bool,
    millions: bool,
}

/// The unit that a usage type counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageKind<'a> {
    /// Tokens of one kind.
    Tokens(TokenKind),
    /// Units other than tokens.
    #[non_exhaustive]
    Units {
        /// The unit.
        unit: Unit,
        /// The longest side of the image, in pixels.
        side: Option<u32>,
        /// The quality, guardrail policy or commitment, as a word used in the price table.
        word: Option<Cow<'a, str>>,
    },
    /// Reserved capacity, in tokens per minute.
    #[non_exhaustive]
    TokensPerMinute {
        /// The kind of token.
        kind: TokenKind,
        /// The duration of the commitment, such as `1-month`.
        commitment: Option<&'static str>,
    },
}

/// A kind of token that AWS bills separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// Uncached text input.
    Input,
    /// Text output.
    Output,
    /// Input read from the cache.
    CacheRead,
    /// Input written to the cache, with the lifetime if the usage type states it.
    CacheWrite(Option<CacheTtl>),
    /// Audio input.
    InputAudio,
    /// Audio output.
    OutputAudio,
    /// Image input, counted in tokens.
    InputImage,
}

/// The routing in a usage type, which is less precise than the routing in a model id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BilledRouting {
    /// No routing is stated: in the region, or in its geography if that is not billed separately.
    #[default]
    InRegion,
    /// In the geography of the region.
    Geo,
    /// In any commercial region.
    Global,
}

/// The error for an unsupported usage type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("usage type `{text}`: {problem} `{part}`")]
pub struct ParseUsageTypeError {
    text: String,
    part: String,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Region,
    ConflictingRegion,
    Word,
    NoUnit,
}

impl<'a> UsageType<'a> {
    /// Parses a usage type.
    ///
    /// # Errors
    ///
    /// Returns an error that names the unknown part, if there is one.
    pub fn parse(text: &'a str) -> Result<Self, ParseUsageTypeError> {
        Self::parts(text).map_err(|Unknown(problem, part)| {
            let (text, part) = (text.to_owned(), part.to_owned());
            ParseUsageTypeError { text, part, problem }
        })
    }

    fn parts(text: &'a str) -> Result<Self, Unknown<'a>> {
        let (prefix, body) = text.split_once('-').unwrap_or((text, ""));
        let region = billing_region::from_prefix(prefix).ok_or(Unknown(Problem::Region, prefix))?;
        if let Some(body) = body.strip_prefix("MP:") {
            let (inner, body) = body.split_once('_').unwrap_or((body, ""));
            if inner != prefix {
                return Err(Unknown(Problem::ConflictingRegion, inner));
            }
            let body = body.strip_suffix("-Units").unwrap_or(body);
            return Keywords::read(&words::split_marketplace(body), body)?.into_type(region, None);
        }
        if let Some(policy) = body.strip_prefix("Guardrail-") {
            let word = guardrail_usage_type::policy(policy).ok_or(Unknown(Problem::Word, policy))?;
            let kind = UsageKind::Units { unit: Unit::GuardrailUnit, side: None, word: Some(word.into()) };
            return Ok(Self::plain(region, None, kind));
        }
        let words = words::split_hyphens(body);
        if let Some((label, kind)) = image::parse(body, &words) {
            return Ok(Self::plain(region, Some(label), kind));
        }
        with_label(region, body, &words)
    }

    const fn plain(region: &'static str, label: Option<&'a str>, kind: UsageKind<'a>) -> Self {
        let (routing, tier) = (BilledRouting::InRegion, Tier::Default);
        Self { region, label, kind, routing, tier, long_context: false, custom_model: false, millions: false }
    }

    /// Returns the region that was called.
    pub const fn region(&self) -> &'static str {
        self.region
    }

    /// Returns the label of the model as written in the usage type. It is `None` if the usage type does not name a model:
    /// in AWS Marketplace, the product names it.
    pub const fn label(&self) -> Option<&'a str> {
        self.label
    }

    /// Returns the model id without geo prefix, or `None` if there is no label or it is unknown.
    pub fn base_id(&self) -> Option<Cow<'a, str>> {
        self.label.and_then(base_id)
    }

    /// Returns the counted unit.
    pub const fn kind(&self) -> &UsageKind<'a> {
        &self.kind
    }

    /// Returns where the calls are served.
    pub const fn routing(&self) -> BilledRouting {
        self.routing
    }

    /// Returns the service tier.
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// Returns whether it covers calls above the context size from which the model costs more.
    pub const fn is_long_context(&self) -> bool {
        self.long_context
    }

    /// Returns whether it covers a customized model.
    pub const fn is_custom_model(&self) -> bool {
        self.custom_model
    }

    /// Returns whether the usage type states that it counts millions. For other usage types, the price list and the bill
    /// state the quantity.
    pub const fn counts_millions(&self) -> bool {
        self.millions
    }
}

/// A problem and the part that has it.
struct Unknown<'a>(Problem, &'a str);

/// Parses a label followed by keywords. The label is as short as possible.
fn with_label<'a>(region: &'static str, body: &'a str, words: &[Word<'a>]) -> Result<UsageType<'a>, Unknown<'a>> {
    let mut first_error = None;
    for at in 1..words.len() {
        match Keywords::read(&words[at..], body) {
            Ok(keywords) => {
                let label = body.get(..words[at].start.saturating_sub(1));
                return keywords.into_type(region, label);
            }
            // Report the error that follows the first keyword.
            Err(unknown) if first_error.is_none() && keywords::is_keyword(&words[at..]) => first_error = Some(unknown),
            Err(_) => {}
        }
    }
    Err(first_error.unwrap_or(Unknown(Problem::NoUnit, body)))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Region => "unknown region prefix",
            Self::ConflictingRegion => "conflicting region prefix",
            Self::Word => "unknown part",
            Self::NoUnit => "no known unit in",
        })
    }
}
