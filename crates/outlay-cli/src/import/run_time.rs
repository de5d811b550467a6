//! LiteLLM's and genai-prices' figures at run time, read as for the bundled table.

use std::collections::BTreeSet;

use super::id::Id;
use super::imported::{ImportError, ImportOptions, Imported, Skipped, Unknowns, layer};
use super::resolutions::{Resolutions, Source};
use super::{BuildError, genai, litellm as table, merge};
use outlay_price::Prices;

const LITELLM: &str = "LiteLLM's price table";
const GENAI: &str = "the prices of genai-prices";

/// Imports LiteLLM's price table, `model_prices_and_context_window.json`: the rows whose provider is Bedrock.
///
/// Where its rows are known to be wrong, as the bare ids of newer Claude models that have the global price, the rules
/// of the bundled table mend them.
///
/// # Errors
///
/// Where the text is no such table, or has no row of Bedrock.
pub fn litellm(text: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
    let failed = |error: BuildError| ImportError::new(LITELLM, error.problems.join("; "));
    let mut rules = Resolutions::with_source(Source::LiteLlm, options).map_err(failed)?;
    let mut unknowns = Unknowns::Told(Vec::new());
    let table = table::parse(text, &rules, &mut unknowns).map_err(failed)?;
    if table.rows.is_empty() {
        return Err(ImportError::new(LITELLM, "it has no row of Bedrock"));
    }
    let ids: BTreeSet<&Id> = table.rows.iter().map(|row| &row.id).collect();
    rules.copy.iter_mut().for_each(|rule| rule.retain(|id| ids.contains(id)));
    let mut skipped = told(unknowns);
    skipped.extend(table.skipped.into_iter().map(|(what, why)| Skipped::new(what, why)));
    let (rows, problems) = merge::litellm_alone(table.rows, &rules).map_err(failed)?;
    skipped.extend(problems.into_iter().map(|problem| Skipped::new("litellm", problem)));
    Ok(layer(&options.source, rows, skipped))
}

/// Imports the prices of genai-prices: the provider `aws` alone, or the file of all providers.
///
/// It tells models by rules instead of ids: the ids are those of the bundled table and those that its rules name. It
/// does not know all geographies apart; where the rules of the bundled table do not take its figures, neither does this.
///
/// # Errors
///
/// Where the text is no such file, or has no model of AWS.
pub fn genai_prices(text: &str, options: &ImportOptions) -> Result<Imported, ImportError> {
    let failed = |error: BuildError| ImportError::new(GENAI, error.problems.join("; "));
    let rules = Resolutions::with_source(Source::GenAi, options).map_err(failed)?;
    let mut unknowns = Unknowns::Told(Vec::new());
    let genai = genai::parse(text, &rules, &mut unknowns).map_err(failed)?;
    if genai.models.is_empty() {
        return Err(ImportError::new(GENAI, "it has no model of AWS"));
    }
    let bundled = Prices::bundled();
    let ids = bundled
        .rows()
        .filter(|price| price.region().is_none_or(outlay_price::parts::is_commercial) && price.model().contains('.'));
    let ids = ids.map(|price| Id { model: price.model().to_owned(), region: None, routing: price.routing() });
    let (rows, kept_out) = merge::genai_alone(&genai, ids.collect(), &rules);
    let mut skipped = told(unknowns);
    skipped.extend(kept_out);
    Ok(layer(&options.source, rows, skipped))
}

fn told(unknowns: Unknowns) -> Vec<Skipped> {
    match unknowns {
        Unknowns::Refused => Vec::new(),
        Unknowns::Told(skipped) => skipped,
    }
}

#[cfg(test)]
mod tests;
