//! The prices that the sources state, compared with what the catalogue charges.
//!
//! This reads the sources without the importers, so that an error of an importer shows as a difference.

use super::build_error::BuildError;
use super::raw_sources::RawSources;
use super::resolutions::Resolutions;
use outlay_price::Prices;

mod genai;
mod litellm;
mod stated_price;

pub(super) use stated_price::StatedPrice;

/// Returns all prices that LiteLLM and genai-prices state, except for skipped keys and fields.
pub(super) fn stated(
    sources: &RawSources<'_>,
    rules: &Resolutions,
    prices: &Prices,
) -> Result<Vec<StatedPrice>, BuildError> {
    let mut all = litellm::stated(sources.litellm, rules)?;
    all.extend(genai::stated(sources.genai, rules, prices)?);
    Ok(all)
}

/// Returns the deliberate differences as a table, with exactly one line for each price that differs.
pub(super) fn differences(
    stated: &[StatedPrice],
    mut lines: Vec<String>,
    rules: &Resolutions,
    prices: &Prices,
) -> Result<String, BuildError> {
    let mut problems = Vec::new();
    for price in stated {
        let ours = price.charged(prices);
        if ours == Some(price.price) {
            continue;
        }
        let ours = ours.map_or_else(String::new, |ours| price.text(ours));
        let StatedPrice { key, id, from, field, .. } = price;
        let theirs = price.text(price.price);
        let source = &price.source.name(rules).name;
        match price.rule(rules, prices) {
            Some((name, reason)) => {
                let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
                lines.push(format!("{source}\t{key}\t{id}\t{from}\t{field}\t{theirs}\t{ours}\t{name}\t{reason}\n"));
            }
            None => {
                problems.push(format!("{source}: {key}: {id}: {field} is {theirs}, charged is `{ours}`, by no rule"))
            }
        }
    }
    if !problems.is_empty() {
        return Err(BuildError { problems });
    }
    lines.sort();
    lines.dedup();
    Ok(format!("source\tkey\tid\tfrom\tfield\ttheirs\tours\trule\treason\n{}", lines.concat()))
}
