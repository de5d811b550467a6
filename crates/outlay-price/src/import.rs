//! Builds the bundled table from the raw sources: deterministic, and nothing is dropped in silence.
//!
//! Each price field of each source ends in a row of the table, or in a line of the list of what is
//! not in it yet, with the reason. Where sources differ, a rule in the resolutions decides; without
//! one the build fails.

mod agree;
mod coverage;
mod genai;
mod id;
mod litellm;
mod merge;
mod rates;
mod resolutions;
mod write;

use std::collections::BTreeMap;

pub use coverage::coverage;

use crate::row::tsv;
use crate::{Prices, Tier, UnitPrice, rate::Rates};

/// The texts that a table is built from.
#[derive(Clone, Copy, Debug)]
pub struct RawSources<'a> {
    /// LiteLLM's price table, its Bedrock rows: JSON, US dollars per token.
    pub litellm: &'a str,
    /// The AWS part of genai-prices: JSON, US dollars per million tokens.
    pub genai: &'a str,
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
    let litellm = litellm::parse(sources.litellm, &rules)?;
    let genai = genai::parse(sources.genai, &rules)?;
    let merged = merge::merge(litellm, &genai, &rules)?;
    let file = tsv::File { version: rules.version.clone(), rows: merged.rows };
    let prices = write::table(&file);
    let catalogue =
        Prices::from_tsv(&prices).ok_or_else(|| BuildError::one("the table that was built does not load"))?;
    let stated = agree::stated(sources, &rules, &catalogue)?;
    let differences = agree::differences(&stated, &rules, &catalogue)?;
    Ok(Built { prices, not_yet: merged.not_yet, differences, summary: merged.summary })
}

#[cfg(test)]
mod tests;
