//! Which price table a text is, and what that table said when the bundled one was built.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{ImportError, ImportOptions, Imported, aws_price_lists, genai_prices, litellm};

/// Whose a price table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Aws,
    LiteLlm,
    GenAi,
}

/// The keys at the top by which a table is told.
#[derive(Deserialize)]
struct Top {
    #[serde(rename = "offerCode")]
    offer: Option<IgnoredAny>,
    models: Option<IgnoredAny>,
}

const LITELLM: &str = include_str!("../../data/sources/litellm-1.110.2-bedrock.json");
const GENAI: &str = include_str!("../../data/sources/genai-prices-0.2.3-aws.json");

impl Source {
    /// Whose table a text is.
    ///
    /// # Errors
    ///
    /// Returns where the text is no JSON.
    pub(crate) fn of(text: &str) -> Result<Self, serde_json::Error> {
        if text.trim_start().starts_with('[') {
            return serde_json::from_str::<IgnoredAny>(text).map(|_| Self::GenAi);
        }
        let top: Top = serde_json::from_str(text)?;
        Ok(match top {
            Top { offer: Some(_), .. } => Self::Aws,
            Top { models: Some(_), .. } => Self::GenAi,
            _ => Self::LiteLlm,
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws-price-list",
            Self::LiteLlm => "litellm",
            Self::GenAi => "genai-prices",
        }
    }

    /// Reads texts of it.
    pub(crate) fn read(self, texts: &[&str], options: &ImportOptions) -> Result<Imported, ImportError> {
        let one = |read: fn(&str, &ImportOptions) -> Result<Imported, ImportError>| {
            let mut all: Option<Imported> = None;
            for text in texts {
                let read = read(text, options)?;
                match &mut all {
                    Some(all) => {
                        all.rows.extend(read.rows);
                        all.skipped.extend(read.skipped);
                    }
                    None => all = Some(read),
                }
            }
            all.ok_or_else(|| ImportError::new(self.name(), "there is no text"))
        };
        match self {
            Self::Aws => aws_price_lists(texts),
            Self::LiteLlm => one(litellm),
            Self::GenAi => one(genai_prices),
        }
    }

    /// What it said when the bundled table was built: what it still says is no news. AWS's list comes in another form, and
    /// what of it the bundled table has otherwise is in `differences.tsv`.
    pub(crate) fn before(self) -> Result<Option<Imported>, ImportError> {
        let options = ImportOptions::new(self.name());
        match self {
            Self::Aws => Ok(None),
            Self::LiteLlm => litellm(LITELLM, &options).map(Some),
            Self::GenAi => genai_prices(GENAI, &options).map(Some),
        }
    }
}
