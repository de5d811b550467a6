use std::borrow::Cow;
use std::fmt;

use crate::{CacheTtl, Tier, Unit};

mod billing_region;
mod guardrail;
mod image;
mod keywords;
mod label;
mod words;

#[cfg(test)]
mod usage_type_tests;

use keywords::Keywords;
pub use label::base_id;
use words::Word;

/// A usage type of AWS's bill or price list, taken apart: what a line of them is about.
///
/// AWS writes them in several ways; all that have been seen in public are read. What a part means is never guessed: a
/// part that is not known is an error that names it.
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

/// What a usage type counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageKind<'a> {
    /// Tokens of one kind.
    Tokens(TokenKind),
    /// What is billed other than by token.
    #[non_exhaustive]
    Units {
        /// What is counted.
        unit: Unit,
        /// The longest side of the image, in pixels.
        side: Option<u32>,
        /// The quality, guardrail policy or commitment, by its word in the price table.
        word: Option<Cow<'a, str>>,
    },
    /// Reserved capacity, in tokens per minute.
    #[non_exhaustive]
    TokensPerMinute {
        /// Of which kind.
        kind: TokenKind,
        /// For how long, such as `1-month`.
        commitment: Option<&'static str>,
    },
}

/// A kind of token that AWS bills by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// Text that came in, outside the cache.
    Input,
    /// Text that was made.
    Output,
    /// Read from the cache.
    CacheRead,
    /// Written to the cache, and for how long where that is said.
    CacheWrite(Option<CacheTtl>),
    /// Speech that came in.
    InputAudio,
    /// Speech that was made.
    OutputAudio,
    /// An image that came in, counted in tokens.
    InputImage,
}

/// Where a usage type says that calls are served: it tells less than a model id does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BilledRouting {
    /// Nothing is said: in the region, or in its geography where that is not billed apart.
    #[default]
    InRegion,
    /// In the geography of the region.
    Geo,
    /// Anywhere.
    Global,
}

/// Why a text is no usage type that is understood.
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
    /// Takes a usage type apart.
    ///
    /// # Errors
    ///
    /// Where a part of it is not known; the error names the part.
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
            let word = guardrail::policy(policy).ok_or(Unknown(Problem::Word, policy))?;
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

    /// The region that was called.
    pub const fn region(&self) -> &'static str {
        self.region
    }

    /// What stands for the model, as it is written; `None` where the usage type names none, as those of AWS
    /// Marketplace, where the product does.
    pub const fn label(&self) -> Option<&'a str> {
        self.label
    }

    /// The id of the model without geo prefix; `None` where there is no label, or one that is not known.
    pub fn base_id(&self) -> Option<Cow<'a, str>> {
        self.label.and_then(base_id)
    }

    /// What is counted.
    pub const fn kind(&self) -> &UsageKind<'a> {
        &self.kind
    }

    /// Where the calls are served.
    pub const fn routing(&self) -> BilledRouting {
        self.routing
    }

    /// The service tier.
    pub const fn tier(&self) -> Tier {
        self.tier
    }

    /// Whether it is of calls above the context size from which the model costs more.
    pub const fn is_long_context(&self) -> bool {
        self.long_context
    }

    /// Whether it is of a customized model.
    pub const fn is_custom_model(&self) -> bool {
        self.custom_model
    }

    /// Whether it says itself that it counts millions; what others count is in the price list and the bill.
    pub const fn counts_millions(&self) -> bool {
        self.millions
    }
}

/// What is wrong, and with which part.
struct Unknown<'a>(Problem, &'a str);

/// A label, then what is counted: the label is as short as the rest allows.
fn with_label<'a>(region: &'static str, body: &'a str, words: &[Word<'a>]) -> Result<UsageType<'a>, Unknown<'a>> {
    let mut first_error = None;
    for at in 1..words.len() {
        match Keywords::read(&words[at..], body) {
            Ok(keywords) => {
                let label = body.get(..words[at].start.saturating_sub(1));
                return keywords.into_type(region, label);
            }
            // The error of the first word that means something is the one to tell.
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
            Self::ConflictingRegion => "another region prefix inside",
            Self::Word => "unknown part",
            Self::NoUnit => "nothing known is counted in",
        })
    }
}
