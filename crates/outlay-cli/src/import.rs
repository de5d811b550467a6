//! Import of prices from other tables, at run time and for the bundled table.
//!
//! An import at run time returns one layer of prices, and lists everything that it could not make a price of:
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
//! [`build`] builds the bundled table from the raw sources. It is deterministic and drops nothing silently: each price
//! field of each source is in a row of the table, or in the list of what is not in it yet, with the reason. If
//! sources differ, a rule in the resolutions decides; without a rule the build fails.

mod aws;
mod build_error;
mod by_region;
mod context_tiers;
mod differences;
mod genai_table;
mod imported;
mod litellm_table;
mod merge;
mod note;
mod offer;
mod price_table;
mod rates;
mod raw_sources;
mod resolutions;
mod runtime_import;
mod source_coverage;
mod source_id;
mod write_tsv;

use imported::OnUnknown;

use outlay_price::parts::File;
use outlay_price::{PriceDiff, Prices};

pub use aws::{aws_price_list, aws_price_lists};
pub use build_error::BuildError;
pub use imported::{ImportError, ImportOptions, Imported, Skipped};
pub(crate) use price_table::{PriceTable, Snapshot};
pub use raw_sources::RawSources;
pub use runtime_import::{genai_prices, litellm};
pub use source_coverage::source_coverage;

/// A price table that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Built {
    /// The table as tab-separated text.
    pub prices: String,
    /// The parts of the sources that the table does not have, a line each, with the reason.
    pub not_yet: String,
    /// The prices of the sources that deliberately differ in the table, a line each, with the rule and its reason.
    pub differences: String,
    /// The number of ids of the sources that have a price in the table, and the number of its rows.
    pub summary: String,
    /// The differences from the table that this crate was compiled with.
    pub changes: PriceDiff,
}

/// Builds the price table.
///
/// # Errors
///
/// Returns an error if a source cannot be read, has a price field that is not understood, or differs from another
/// source without a rule that decides.
pub fn build(sources: &RawSources<'_>) -> Result<Built, BuildError> {
    let rules = resolutions::parse(sources.resolutions)?;
    let litellm = litellm_table::parse(sources.litellm, &rules, &mut OnUnknown::Fail)?;
    let genai = genai_table::parse(sources.genai, &rules, &mut OnUnknown::Fail)?;
    let merged = merge::merge(litellm, &genai, &rules)?;
    let aws = by_region::AwsPrices::parse(sources.price_list, sources.pricing_page, sources.labels, &rules)?;
    let mut rows = by_region::combine(merged.rows, &aws, &rules)?;
    rows.sort_by_key(merge::key);
    let file = File { version: rules.version.clone(), rows };
    let prices = write_tsv::to_tsv(&file);
    let catalogue =
        Prices::from_tsv(&prices).map_err(|problem| BuildError::one(format!("the table that was built: {problem}")))?;
    let stated = differences::stated(sources, &rules, &catalogue)?;
    let of_list = by_region::differences(&aws, &rules, &catalogue)?;
    let differences = differences::differences(&stated, of_list, &rules, &catalogue)?;
    let changes = Prices::bundled().diff(&catalogue);
    Ok(Built { prices, not_yet: merged.not_yet, differences, summary: merged.summary, changes })
}

#[cfg(test)]
mod import_tests;
