//! The price tables, how they are detected, and their contents when the bundled table was built.

use serde::Deserialize;
use serde::de::IgnoredAny;

use outlay_price::parts::Start;

use super::resolutions::Resolutions;
use super::{ImportError, ImportOptions, Imported, aws_price_lists, genai_prices, litellm};

/// A price table, in the order of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PriceTable {
    Aws,
    LiteLlm,
    GenAi,
}

/// The contents of a table when the bundled one was built from it.
pub(crate) struct Snapshot {
    pub(crate) day: Start,
    /// `None` for AWS's list, which is in another form. `differences.tsv` has its differences from the bundled table.
    pub(crate) imported: Option<Imported>,
}

/// The top-level keys that identify a table.
#[derive(Deserialize)]
struct Top {
    #[serde(rename = "offerCode")]
    offer: Option<IgnoredAny>,
    models: Option<IgnoredAny>,
}

const LITELLM: &str = include_str!("../../data/sources/litellm-1.110.2-bedrock.json");
const GENAI: &str = include_str!("../../data/sources/genai-prices-0.2.3-aws.json");

impl PriceTable {
    /// Returns the table that a text holds, or why it holds none.
    pub(crate) fn detect(text: &str) -> Result<Self, String> {
        let json = |error: serde_json::Error| error.to_string();
        match text.trim_start().bytes().next() {
            Some(b'[') => serde_json::from_str::<IgnoredAny>(text).map(|_| Self::GenAi).map_err(json),
            Some(b'{') => Ok(match serde_json::from_str(text).map_err(json)? {
                Top { offer: Some(_), .. } => Self::Aws,
                Top { models: Some(_), .. } => Self::GenAi,
                _ => Self::LiteLlm,
            }),
            Some(_) => Err("it is not a JSON object".to_owned()),
            None => Err("it is empty".to_owned()),
        }
    }

    /// Returns the prefix of the sources of its rows.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws-price-list",
            Self::LiteLlm => "litellm",
            Self::GenAi => "genai-prices",
        }
    }

    /// Reads the table from texts: several offer files for AWS, one text for the others.
    pub(crate) fn read(self, texts: &[&str], options: &ImportOptions) -> Result<Imported, ImportError> {
        match (self, texts) {
            (Self::Aws, texts) => aws_price_lists(texts),
            (Self::LiteLlm, [text]) => litellm(text, options),
            (Self::GenAi, [text]) => genai_prices(text, options),
            _ => Err(ImportError::new(self.name(), "there is more than one: use the newest")),
        }
    }

    /// Returns its contents when the bundled table was built. What has not changed since is not an update.
    pub(crate) fn snapshot(self) -> Result<Snapshot, Box<dyn std::error::Error>> {
        let options = ImportOptions::new(self.name());
        let sources = &Resolutions::bundled().ok_or("the resolutions do not load")?.sources;
        let (day, imported) = match self {
            Self::Aws => (&sources.price_list.as_of, None),
            Self::LiteLlm => (&sources.litellm.as_of, Some(litellm(LITELLM, &options)?)),
            Self::GenAi => (&sources.genai.as_of, Some(genai_prices(GENAI, &options)?)),
        };
        let day = Start::parse(day).ok_or_else(|| format!("the resolutions: {day} is not a day"))?;
        Ok(Snapshot { day, imported })
    }
}
