//! Whose price table a text is, and what that table said when the bundled one was built from it.

use serde::Deserialize;
use serde::de::IgnoredAny;

use outlay_price::parts::Start;

use super::resolutions::Resolutions;
use super::{ImportError, ImportOptions, Imported, aws_price_lists, genai_prices, litellm};

/// A price table of somebody, in the order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PriceTable {
    Aws,
    LiteLlm,
    GenAi,
}

/// A table on the day on which the bundled one was built from it.
pub(crate) struct Snapshot {
    pub(crate) day: Start,
    /// Of AWS's list it is in another form: what of it the bundled table has otherwise is in `differences.tsv`.
    pub(crate) imported: Option<Imported>,
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

impl PriceTable {
    /// Returns whose table a text is; an error says why it is none.
    pub(crate) fn of(text: &str) -> Result<Self, String> {
        let json = |error: serde_json::Error| error.to_string();
        match text.trim_start().bytes().next() {
            Some(b'[') => serde_json::from_str::<IgnoredAny>(text).map(|_| Self::GenAi).map_err(json),
            Some(b'{') => Ok(match serde_json::from_str(text).map_err(json)? {
                Top { offer: Some(_), .. } => Self::Aws,
                Top { models: Some(_), .. } => Self::GenAi,
                _ => Self::LiteLlm,
            }),
            Some(_) => Err("it is no JSON object".to_owned()),
            None => Err("it is empty".to_owned()),
        }
    }

    /// What the sources of its rows begin with.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws-price-list",
            Self::LiteLlm => "litellm",
            Self::GenAi => "genai-prices",
        }
    }

    /// Reads texts of it: the offer files of AWS together, of the others one.
    pub(crate) fn read(self, texts: &[&str], options: &ImportOptions) -> Result<Imported, ImportError> {
        match (self, texts) {
            (Self::Aws, texts) => aws_price_lists(texts),
            (Self::LiteLlm, [text]) => litellm(text, options),
            (Self::GenAi, [text]) => genai_prices(text, options),
            _ => Err(ImportError::new(self.name(), "there is more than one: give the newest")),
        }
    }

    /// What it said when the bundled table was built: what it still says is no news.
    pub(crate) fn snapshot(self) -> Result<Snapshot, Box<dyn std::error::Error>> {
        let options = ImportOptions::new(self.name());
        let sources = &Resolutions::bundled().ok_or("the resolutions do not load")?.sources;
        let (day, imported) = match self {
            Self::Aws => (&sources.price_list.as_of, None),
            Self::LiteLlm => (&sources.litellm.as_of, Some(litellm(LITELLM, &options)?)),
            Self::GenAi => (&sources.genai.as_of, Some(genai_prices(GENAI, &options)?)),
        };
        let day = Start::parse(day).ok_or_else(|| format!("the resolutions: {day} is no day"))?;
        Ok(Snapshot { day, imported })
    }
}
