//! Import of LiteLLM's and genai-prices' tables at run time, by the rules of the bundled table.

use std::collections::BTreeSet;

use super::build_error::BuildError;
use super::imported::{ImportError, ImportOptions, Imported, OnUnknown, Skipped, layer};
use super::resolutions::{Resolutions, Source};
use super::source_id::Id;
use super::{genai_table, litellm_table, merge};
use outlay_price::Prices;

const LITELLM: &str = "LiteLLM's price table";
const GENAI: &str = "the prices of genai-prices";

/// Imports LiteLLM's price table, `model_prices_and_context_window.json`: the rows whose provider is Bedrock.
///
/// The rules of the bundled table correct rows that are known to be wrong, such as bare ids of newer Claude models with
/// the global price.
///
/// # Errors
///
/// Returns an error if the text is not such a table, or has no row of Bedrock.
pub fn litellm(text: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
    let failed = |error: BuildError| ImportError::new(LITELLM, error.problems.join("; "));
    let mut rules = Resolutions::with_source(Source::LiteLlm, options).map_err(failed)?;
    let mut on_unknown = OnUnknown::Skip(Vec::new());
    let table = litellm_table::parse(text, &rules, &mut on_unknown).map_err(failed)?;
    if table.rows.is_empty() {
        return Err(ImportError::new(LITELLM, "it has no row of Bedrock"));
    }
    let ids: BTreeSet<&Id> = table.rows.iter().map(|row| &row.id).collect();
    rules.copy.iter_mut().for_each(|rule| rule.retain(|id| ids.contains(id)));
    let mut skipped = into_skipped(on_unknown);
    skipped.extend(table.skipped.into_iter().map(|(what, why)| Skipped::new(what, why)));
    let (rows, problems) = merge::litellm_rows(table.rows, &rules).map_err(failed)?;
    skipped.extend(problems.into_iter().map(|problem| Skipped::new("litellm", problem)));
    Ok(layer(&options.source, rows, skipped))
}

/// Imports the prices of genai-prices: the provider `aws` alone, or the file of all providers.
///
/// genai-prices identifies models by rules instead of ids. The imported ids are those of the bundled table and those
/// that its rules name. It does not distinguish all geographies: figures that the rules of the bundled table reject are
/// left out here too.
///
/// # Errors
///
/// Returns an error if the text is not such a file, or has no model of AWS.
pub fn genai_prices(text: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
    let failed = |error: BuildError| ImportError::new(GENAI, error.problems.join("; "));
    let rules = Resolutions::with_source(Source::GenAi, options).map_err(failed)?;
    let mut on_unknown = OnUnknown::Skip(Vec::new());
    let genai = genai_table::parse(text, &rules, &mut on_unknown).map_err(failed)?;
    if genai.models.is_empty() {
        return Err(ImportError::new(GENAI, "it has no model of AWS"));
    }
    let bundled = Prices::bundled();
    let ids = bundled
        .rows()
        .filter(|price| price.region().is_none_or(outlay_price::parts::is_commercial) && price.model().contains('.'));
    let ids = ids.map(|price| Id { model: price.model().to_owned(), region: None, routing: price.routing() });
    let (rows, more) = merge::genai_rows(&genai, ids.collect(), &rules);
    let mut skipped = into_skipped(on_unknown);
    skipped.extend(more);
    Ok(layer(&options.source, rows, skipped))
}

fn into_skipped(on_unknown: OnUnknown) -> Vec<Skipped> {
    match on_unknown {
        OnUnknown::Fail => Vec::new(),
        OnUnknown::Skip(skipped) => skipped,
    }
}
