use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;

use super::{Texts, data};
use crate::import::build_error::BuildError;
use crate::import::differences::{StatedPrice, differences, stated};
use crate::import::raw_sources::RawSources;
use crate::import::resolutions::{Resolutions, Source};
use crate::import::{by_region, resolutions};
use outlay_price::Prices;

fn all_stated(prices: &Prices) -> (Vec<StatedPrice>, Resolutions) {
    let texts = Texts::read();
    let rules = resolutions::parse(texts.sources().resolutions).unwrap();
    let stated = stated(&texts.sources(), &rules, prices).unwrap();
    (stated, rules)
}

/// Returns the prices of AWS's Price List that differ, or are not exact.
fn of_list(prices: &Prices, rules: &Resolutions) -> Result<Vec<String>, BuildError> {
    let texts = Texts::read();
    let RawSources { price_list, pricing_page, labels, .. } = texts.sources();
    by_region::differences(&by_region::AwsPrices::parse(price_list, pricing_page, labels, rules)?, rules, prices)
}

/// Returns the differences after an edit of the table's text.
fn differences_with(from: &str, to: &str) -> Result<String, BuildError> {
    let table = data("prices.tsv");
    assert!(table.contains(from), "{from}");
    let prices = Prices::from_tsv(&table.replacen(from, to, 1)).unwrap();
    let (stated, rules) = all_stated(&prices);
    differences(&stated, of_list(&prices, &rules)?, &rules, &prices)
}

#[test]
fn the_committed_differences_match_the_bundled_table() {
    let prices = Prices::bundled();
    let (stated, rules) = all_stated(&prices);
    let committed = data("differences.tsv");
    let listed: BTreeSet<Vec<&str>> =
        committed.lines().skip(1).map(|line| line.split('\t').take(5).collect()).collect();
    assert_eq!(listed.len(), committed.lines().count() - 1, "each once");
    for price in &stated {
        let id = price.id.to_string();
        let key = vec![price.source.name(&rules).name.as_str(), &price.key, &id, &price.from, &price.field];
        let agrees = price.charged(&prices) == Some(price.price);
        assert_ne!(agrees, listed.contains(&key), "{key:?}: agrees {agrees}");
    }
    let of_list = of_list(&prices, &rules).unwrap();
    assert!(differences(&stated, of_list, &rules, &prices).unwrap() == committed);
}

#[test]
fn every_row_of_litellm_and_every_date_of_genai_prices_is_compared() {
    let (stated, rules) = all_stated(&Prices::bundled());
    let keys = |source| stated.iter().filter(move |price| price.source == source).map(|price| price.key.clone());
    let texts = Texts::read();
    let rows: BTreeMap<String, BTreeMap<String, IgnoredAny>> = serde_json::from_str(texts.sources().litellm).unwrap();
    let compared: BTreeSet<String> = keys(Source::LiteLlm).collect();
    for (key, fields) in &rows {
        let prices = fields.keys().any(|field| field.contains("cost") && rules.skipped_field(field).is_none());
        let skipped = rules.skipped(Source::LiteLlm, key).is_some();
        assert!(prices || skipped, "{key} has no price");
        assert_ne!(compared.contains(key), skipped, "{key}");
    }
    assert_eq!(keys(Source::GenAi).collect::<BTreeSet<_>>().len(), 118);
    let dates = |text: &str| text.matches("\"start_date\"").count();
    let from: BTreeSet<_> =
        stated.iter().filter(|price| !price.from.is_empty()).map(|price| (&price.key, &price.from)).collect();
    assert_eq!(from.len(), dates(texts.sources().genai));
    assert!(stated.len() > 4_000, "{}", stated.len());
}

#[test]
fn a_wrong_price_is_an_unexplained_difference() {
    for (from, to, expected) in [
        (
            "cohere.rerank-v3-5:0\t*\tin-region\tdefault\t\t\t\t0\t0\t\t\t\t\t\t\t\tquery=0.002",
            "cohere.rerank-v3-5:0\t*\tin-region\tdefault\t\t\t\t0\t0\t\t\t\t\t\t\t\tquery=0.003",
            "cohere.rerank-v3-5:0: input_cost_per_query is 0.002, charged is `0.003`, by no rule",
        ),
        (
            "deepseek.v3.2\tus-east-1,us-east-2,us-west-2\tin-region,us,eu\tflex\t\t\t\t0.31\t",
            "deepseek.v3.2\tus-east-1,us-east-2,us-west-2\tin-region,us,eu\tflex\t\t\t\t\t",
            "deepseek.v3.2: input_cost_per_token_flex is 0.31, charged is ``, by no rule",
        ),
        (
            "amazon.nova-2-sonic-v1:0\tus-east-1\tin-region\tdefault\t\t\t\t0.33\t2.75\t\t\t\t\t3\t",
            "amazon.nova-2-sonic-v1:0\tus-east-1\tin-region\tdefault\t\t\t\t0.33\t2.75\t\t\t\t\t\t",
            "amazon.nova-2-sonic-v1:0: input_cost_per_audio_token is 3, charged is ``, by no rule",
        ),
        (
            "openai.gpt-5.6-sol\t*\tglobal\tdefault\t\t272000\t2026-08-21\t8\t",
            "openai.gpt-5.6-sol\t*\tglobal\tdefault\t\t272000\t2026-08-21\t\t",
            "openai.gpt-5.6-sol: input_mtok over 272000 is 8, charged is ``, by no rule",
        ),
    ] {
        let error = differences_with(from, to).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_wrong_past_price_is_an_unexplained_difference() {
    let from = "openai.gpt-5.6-luna\t*\tin-region,us,in\tdefault\t\t\t\t1.1\t";
    let error = differences_with(from, &from.replace("1.1", "1.2")).unwrap_err().to_string();
    assert!(error.contains("us.openai.gpt-5.6-luna: input_mtok is 1.1, charged is `1.2`, by no rule"), "{error}");
}
