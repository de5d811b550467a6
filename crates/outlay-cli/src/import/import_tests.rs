mod offer_import;
mod stated_prices;
mod table_import;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::source_id::Id;
use super::*;
use outlay_price::{ModelRef, PriceQuery, Prices, Timestamp};

pub(super) fn data(name: &str) -> String {
    let directory = if name == "prices.tsv" { "../outlay-price/data" } else { "data" };
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(directory).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts that the bundled table is built from.
pub(super) struct Texts([String; 6]);

impl Texts {
    pub(super) fn read() -> Self {
        Self(
            [
                "sources/litellm-1.110.2-bedrock.json",
                "sources/genai-prices-0.2.3-aws.json",
                "sources/aws-price-list-2026-08-20.tsv",
                "sources/aws-pricing-page-2026-07-24.tsv",
                "aws-labels.tsv",
                "resolutions.toml",
            ]
            .map(data),
        )
    }

    pub(super) fn sources(&self) -> RawSources<'_> {
        let [litellm, genai, price_list, pricing_page, labels, resolutions] = &self.0;
        RawSources { litellm, genai, price_list, pricing_page, labels, resolutions }
    }
}

fn built(resolutions: &str) -> Result<Built, BuildError> {
    build(&RawSources { resolutions, ..Texts::read().sources() })
}

#[test]
fn the_committed_table_is_up_to_date() {
    let built = built(&data("resolutions.toml")).unwrap();
    assert!(built.prices == data("prices.tsv"), "rebuild it (see data/sources/README.md) and check the diff");
    assert!(built.not_yet == data("not-yet.txt"), "rebuild it (see data/sources/README.md) and check the diff");
    assert!(built.differences == data("differences.tsv"), "rebuild it (see data/sources/README.md) and check the diff");
}

#[test]
fn every_key_of_litellm_is_in_the_table_or_skipped() {
    let rules = resolutions::parse(&data("resolutions.toml")).unwrap();
    let source =
        litellm_table::parse(&data("sources/litellm-1.110.2-bedrock.json"), &rules, &mut OnUnknown::Fail).unwrap();
    let prices = Prices::bundled();
    let at: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
    for row in &source.rows {
        let wire = row.id.wire();
        let Ok(model) = ModelRef::parse(&wire) else { panic!("{wire}") };
        let mut query = PriceQuery::new(model, at);
        query.region = row.id.region.as_deref();
        for &tier in row.offer.tiers.keys() {
            query.tier = tier;
            // A key with a copied row has the tiers of the original.
            let copied = rules.copy.iter().any(|rule| rule.pairs().any(|pair| pair.unwrap().0 == row.id));
            assert!(copied || row.id.model == "guardrails" || prices.lookup(&query).is_some(), "{} {tier}", row.key);
        }
    }
    assert!(source.skipped.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn every_model_of_genai_prices_is_in_the_table() {
    let rules = resolutions::parse(&data("resolutions.toml")).unwrap();
    let genai = genai_table::parse(&data("sources/genai-prices-0.2.3-aws.json"), &rules, &mut OnUnknown::Fail).unwrap();
    let ids: BTreeSet<String> = Prices::bundled()
        .rows()
        .filter(|price| price.region().is_none_or(outlay_price::parts::is_commercial))
        .map(|price| Id::new(&wire(price), None).map_or_else(|_| wire(price), |id| id.wire()))
        .collect();
    let found: BTreeSet<&str> = ids.iter().filter_map(|id| genai.find(id)).map(|model| model.id.as_str()).collect();
    let missing: Vec<_> = genai.models.iter().filter(|model| !found.contains(model.id.as_str())).collect();
    assert!(missing.is_empty(), "{:?}", missing.iter().map(|model| &model.id).collect::<Vec<_>>());
}

fn wire(price: &outlay_price::Price) -> String {
    match price.routing() {
        outlay_price::Routing::InRegion => price.model().to_owned(),
        routing => format!("{routing}.{}", price.model()),
    }
}

#[test]
fn a_difference_without_a_rule_stops_the_build() {
    let rules = data("resolutions.toml").replace("\"eu.meta.llama3-2-*\"", "\"nothing\"");
    let error = built(&rules).unwrap_err().to_string();
    assert!(
        error.contains(
            "eu.meta.llama3-2-1b-instruct-v1:0: the sources differ, and no rule decides: input over 0: 0.13 and 0.1"
        ),
        "{error}"
    );
    assert!(error.contains("the rule llama-differs-by-geo decides nothing"), "{error}");
}

#[test]
fn an_unknown_price_field_stops_the_build() {
    let litellm = r#"{"a.b": {"input_cost_per_token": 1e-6, "output_cost_per_furlong": 2}}"#;
    let texts = Texts::read();
    let sources = RawSources { litellm, genai: r#"{"models": []}"#, ..texts.sources() };
    let error = build(&sources).unwrap_err().to_string();
    assert!(error.contains("a.b: output_cost_per_furlong: 2 is not understood"), "{error}");
}

#[test]
fn two_labels_of_one_model_with_different_prices_stop_the_build() {
    let texts = Texts::read();
    let price_list =
        format!("{}Qwen\tqwen3-next-80b-a3b\ton_demand\teu-west-1\t0.18\t1.41\n", texts.sources().price_list);
    let error = build(&RawSources { price_list: &price_list, ..texts.sources() }).unwrap_err().to_string();
    assert!(error.contains("another label of qwen.qwen3-next-80b-a3b has another price"), "{error}");
}

#[test]
fn a_list_price_that_the_page_contradicts_is_in_doubt() {
    let texts = Texts::read();
    let doubted = |page: &str| {
        let built = build(&RawSources { pricing_page: page, ..texts.sources() }).unwrap();
        let lines: Vec<String> = built.differences.lines().map(str::to_owned).collect();
        lines.into_iter().filter(|line| line.contains("page-has-another-price") && line.contains("zai.glm-5\t")).count()
    };
    let page = texts.sources().pricing_page;
    assert_eq!(doubted(page), 0);
    let line = |line: &&str| line.contains("\tGLM 5\t") && line.contains("Price per 1M input tokens");
    let rest: Vec<&str> = page.lines().filter(|text| !line(text)).collect();
    let start_of_line = page.lines().find(line).unwrap().rsplit_once('$').unwrap().0.to_owned();
    assert!(doubted(&format!("{}\n{start_of_line}$ 99\t\n", rest.join("\n"))) > 0);
}
