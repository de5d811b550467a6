//! The coverage of the sources: how many of their models have a price in a catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::build_error::BuildError;
use super::differences::{self, StatedPrice};
use super::raw_sources::RawSources;
use super::resolutions::{self, Resolutions, Source};
use outlay_price::Prices;

/// Returns a text with the number of models of each source and vendor that have a price in the catalogue, and the
/// models without one with the reason.
///
/// A model counts as priced if each price that a source states for it is charged, at that figure or another.
///
/// # Errors
///
/// Returns an error if a source cannot be read.
pub fn source_coverage(sources: &RawSources<'_>, prices: &Prices) -> Result<String, BuildError> {
    let rules = resolutions::parse(sources.resolutions)?;
    let stated = differences::stated(sources, &rules, prices)?;
    let mut text = String::new();
    let mut missing = Vec::new();
    for (source, what, keys) in [
        (Source::LiteLlm, "keys", litellm_keys(sources.litellm)?),
        (Source::GenAi, "models", genai_keys(sources.genai)?),
    ] {
        let tally = Tally::of(source, &keys, &stated, &rules, prices);
        let name = &source.name(&rules).name;
        // Writing to a string cannot fail.
        let _ = tally.write(&mut text, name, what);
        missing.extend(tally.missing.into_iter().map(|(key, why)| format!("  {name}  {key}: {why}\n")));
    }
    let _ = write!(text, "Not priced: {}\n{}", missing.len(), missing.concat());
    for skip in &rules.skip_field {
        let _ = writeln!(text, "  field {}: {}", skip.field, skip.reason);
    }
    Ok(text)
}

/// The counts of one source.
#[derive(Default)]
struct Tally {
    /// The number of priced models and of all models, by vendor.
    vendors: BTreeMap<String, (usize, usize)>,
    stated: usize,
    otherwise: usize,
    /// The models without a price, with the reason.
    missing: Vec<(String, String)>,
}

impl Tally {
    fn of(
        source: Source,
        keys: &BTreeSet<String>,
        stated: &[StatedPrice],
        rules: &Resolutions,
        prices: &Prices,
    ) -> Self {
        let mut tally = Self::default();
        let mut by_key: BTreeMap<&str, Vec<&StatedPrice>> = BTreeMap::new();
        for price in stated.iter().filter(|price| price.source == source) {
            by_key.entry(&price.key).or_default().push(price);
        }
        for key in keys {
            let prices_of_key = by_key.get(key.as_str()).map_or(&[][..], Vec::as_slice);
            let (priced, all) = tally.vendors.entry(vendor(key).to_owned()).or_default();
            *all += 1;
            let mut unpriced = None;
            for price in prices_of_key {
                tally.stated += 1;
                let charged = price.charged(prices);
                tally.otherwise += usize::from(charged != Some(price.price));
                let is_explained =
                    || price.reason_unpriced(rules, prices).is_some() || price.is_stated_by_unit(rules, prices);
                if charged.is_none() && !is_explained() {
                    unpriced = Some(format!("no {} of {}", price.field, price.id));
                }
            }
            let skipped = || rules.skipped(source, key).map(|skip| skip.reason.clone());
            match unpriced.or_else(skipped) {
                None if !prices_of_key.is_empty() => *priced += 1,
                why => {
                    let why = why.unwrap_or_else(|| "none of its ids is in the catalogue".to_owned());
                    tally.missing.push((key.clone(), why));
                }
            }
        }
        tally
    }

    fn write(&self, text: &mut String, name: &str, what: &str) -> std::fmt::Result {
        let (priced, all) = self.vendors.values().fold((0, 0), |(priced, all), own| (priced + own.0, all + own.1));
        let Self { stated, otherwise, .. } = self;
        writeln!(text, "{name}: {priced} of {all} {what} priced")?;
        writeln!(
            text,
            "  {stated} prices stated, {otherwise} of them differ from what is charged: see differences.tsv"
        )?;
        for (vendor, (priced, all)) in &self.vendors {
            writeln!(text, "  {vendor:<14} {priced:>4} of {all:>4}")?;
        }
        writeln!(text)
    }
}

/// Returns the vendor in a source's name of a model, if it has one.
fn vendor(key: &str) -> &str {
    let id = key.rsplit('/').next().unwrap_or(key).trim_start_matches("regional.");
    let labels: Vec<&str> = id.split('.').collect();
    match labels.as_slice() {
        [prefix, vendor, _, ..] if prefix.parse::<outlay_price::Routing>().is_ok() => vendor,
        [vendor, _, ..] => vendor,
        _ if id == "guardrails" => id,
        _ => "(no vendor)",
    }
}

fn litellm_keys(text: &str) -> Result<BTreeSet<String>, BuildError> {
    let keys: BTreeMap<String, IgnoredAny> =
        serde_json::from_str(text).map_err(|error| BuildError::one(format!("litellm: {error}")))?;
    Ok(keys.into_keys().collect())
}

fn genai_keys(text: &str) -> Result<BTreeSet<String>, BuildError> {
    #[derive(Deserialize)]
    struct Provider {
        models: Vec<Model>,
    }

    #[derive(Deserialize)]
    struct Model {
        id: String,
    }

    let provider: Provider =
        serde_json::from_str(text).map_err(|error| BuildError::one(format!("genai-prices: {error}")))?;
    Ok(provider.models.into_iter().map(|model| model.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::import_tests::Texts;

    fn report(prices: &Prices) -> String {
        source_coverage(&Texts::read().sources(), prices).unwrap()
    }

    #[test]
    fn unpriced_models_are_listed_with_the_reason() {
        let text = report(&Prices::bundled());
        assert!(text.contains("litellm-1.110.2: 618 of 657 keys priced"), "{text}");
        assert!(text.contains("genai-prices-0.2.3: 118 of 118 models priced"), "{text}");
        assert!(text.contains("Not priced: 39\n"), "{text}");
        let listed: Vec<&str> = text.split("Not priced: 39\n").nth(1).unwrap().lines().collect();
        assert_eq!(listed.len(), 40, "and a field");
        assert!(listed.iter().all(|line| line.contains(": ")), "{listed:?}");
    }

    #[test]
    fn an_empty_catalogue_covers_nothing() {
        let text = report(&Prices::empty());
        assert!(text.contains("litellm-1.110.2: 0 of 657 keys priced"), "{text}");
        assert!(text.contains("amazon.nova-pro-v1:0: no "), "{text}");
    }
}
