//! Prices from elsewhere: at run time, and for the bundled table.
//!
//! An import at run time gives one layer of prices, and tells all that it could not make a price of:
//!
//! ```
//! use outlay_price::Prices;
//! use outlay_cli::import::{ImportOptions, litellm};
//!
//! let text = r#"{"us.anthropic.claude-sonnet-4-6": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 3e-6,
//!     "output_cost_per_furlong": 1}}"#;
//! let imported = litellm(text, &ImportOptions::new("litellm-1.110.0"))?;
//! assert_eq!(imported.skipped[0].what, "litellm: us.anthropic.claude-sonnet-4-6: output_cost_per_furlong");
//! let prices = imported.prices.over(&Prices::bundled());
//! assert!(prices.version().ends_with("+litellm-1.110.0"));
//! # Ok::<(), outlay_cli::import::ImportError>(())
//! ```
//!
//! The bundled table is built from the raw sources by [`build`]: deterministic, and nothing is dropped in silence.
//! Each price field of each source ends in a row of the table, or in a line of the list of what is not in it yet, with
//! the reason. Where sources differ, a rule in the resolutions decides; without one the build fails.

mod agree;
mod aws;
mod by_region;
mod context_tiers;
mod coverage;
mod genai;
mod id;
mod imported;
mod litellm;
mod merge;
mod rates;
mod resolutions;
mod run_time;
mod source;
mod write;

use std::collections::BTreeMap;

use imported::Unknowns;

use outlay_price::parts::{File, Rates};
use outlay_price::{PriceDiff, Prices, Tier, UnitPrice};

pub use aws::{aws_price_list, aws_price_lists};
pub use coverage::coverage;
pub use imported::{ImportError, ImportOptions, Imported, Skipped};
pub use run_time::{genai_prices, litellm};
pub(crate) use source::{PriceTable, Snapshot};

/// The texts that a table is built from.
#[derive(Clone, Copy, Debug)]
pub struct RawSources<'a> {
    /// LiteLLM's price table, its Bedrock rows: JSON, US dollars per token.
    pub litellm: &'a str,
    /// The AWS part of genai-prices: JSON, US dollars per million tokens.
    pub genai: &'a str,
    /// AWS's Price List by region: tab-separated, US dollars per million tokens.
    pub price_list: &'a str,
    /// The cells of AWS's pricing page: tab-separated.
    pub pricing_page: &'a str,
    /// What those two call models, with the ids: tab-separated.
    pub labels: &'a str,
    /// The rules that decide between them: TOML.
    pub resolutions: &'a str,
}

/// What was built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// The table's text.
    pub prices: String,
    /// What the sources hold and the table does not, a line each, with the reason.
    pub not_yet: String,
    /// The prices of the sources that the table deliberately has otherwise, a line each, with the rule and its reason.
    pub differences: String,
    /// How many ids of the sources have a price in the table, and how many rows it has.
    pub summary: String,
    /// What is different from the table that this crate was compiled with.
    pub changes: PriceDiff,
}

/// Why no table could be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot build the price table:\n{}", problems.join("\n"))]
pub struct BuildError {
    problems: Vec<String>,
}

impl BuildError {
    fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }
}

/// Token rates by the context size above which they hold.
type Steps = BTreeMap<u64, Rates>;

/// All that a source says of one id at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Offer {
    tiers: BTreeMap<Tier, Steps>,
    units: BTreeMap<Tier, Vec<UnitPrice>>,
}

/// Builds the table.
///
/// # Errors
///
/// Where a source cannot be read, holds a price field that is not understood, or differs from the
/// other without a rule that decides.
pub fn build(sources: &RawSources<'_>) -> Result<Built, BuildError> {
    let rules = resolutions::parse(sources.resolutions)?;
    let litellm = litellm::parse(sources.litellm, &rules, &mut Unknowns::Refused)?;
    let genai = genai::parse(sources.genai, &rules, &mut Unknowns::Refused)?;
    let merged = merge::merge(litellm, &genai, &rules)?;
    let aws = by_region::Aws::parse(sources.price_list, sources.pricing_page, sources.labels, &rules)?;
    let mut rows = by_region::combine(merged.rows, &aws, &rules)?;
    rows.sort_by_key(merge::key);
    let file = File { version: rules.version.clone(), rows };
    let prices = write::table(&file);
    let catalogue =
        Prices::from_tsv(&prices).map_err(|problem| BuildError::one(format!("the table that was built: {problem}")))?;
    let stated = agree::stated(sources, &rules, &catalogue)?;
    let of_list = by_region::differences(&aws, &rules, &catalogue)?;
    let differences = agree::differences(&stated, of_list, &rules, &catalogue)?;
    let changes = Prices::bundled().diff(&catalogue);
    Ok(Built { prices, not_yet: merged.not_yet, differences, summary: merged.summary, changes })
}

#[cfg(test)]
mod tests;
