use super::*;
use crate::rate::Rate;
use crate::{CacheTtl, CacheUse, CostStatus, GuardrailUse, Unit, UnitCount, Usage, Usd};

const SONNET: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOW: &str = "2026-11-20T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn query(model: &str) -> PriceQuery<'_> {
    PriceQuery::new(ModelRef::parse(model).unwrap(), at(NOW))
}

/// Returns dollars per million tokens of plain input.
fn input(prices: &Prices, query: &PriceQuery<'_>) -> Option<Usd> {
    prices
        .lookup(query)
        .map(|price| price.charge(&Usage::new().with_uncached_input(1_000)).input().saturating_mul(1_000))
}

fn bundled(model: &str) -> Option<Usd> {
    input(&Prices::bundled(), &query(model))
}

fn usd(text: &str) -> Option<Usd> {
    Some(text.parse().unwrap())
}

#[test]
fn the_whole_bundled_table_loads() {
    let text = include_str!("../../data/prices.tsv");
    let file = tsv::parse(text).unwrap();
    assert_eq!(file.rows.len(), text.lines().count() - 2);
    Table::listed(&file.version, file.rows).unwrap();
    assert_eq!(Prices::bundled().version(), "2026-11-28");
    let parsed = Prices::from_tsv(text).unwrap();
    assert_eq!(Prices::bundled().rows().count(), parsed.rows().count(), "the lines of each model are adjacent");
    assert!(Prices::bundled().rows().count() > 3_000);
    assert!(Prices::bundled().rows().all(|price| &**price.version() == "2026-11-28" && !price.source().is_empty()));
}

#[test]
fn every_model_of_the_comparison_has_the_expected_price() {
    let per_token = |text: &str| Rate::per_million(text).unwrap().times(1);
    for line in include_str!("comparison.tsv").lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        // A price of a geography in the comparison is the price of this region.
        let region = match fields[0] {
            id if id.starts_with("eu.") => "eu-central-1",
            id if id.starts_with("jp.") => "ap-northeast-1",
            id if id.starts_with("us-gov.") => "us-gov-west-1",
            id if id.starts_with("apac.") => "ap-southeast-2",
            _ => "us-east-1",
        };
        let query = PriceQuery { region: Some(region), ..query(fields[0]) };
        let price = Prices::bundled().lookup(&query).unwrap_or_else(|| panic!("{line}")).clone();
        let charge = |usage: Usage| price.charge(&usage);
        let charges = [
            charge(Usage::new().with_uncached_input(1)),
            charge(Usage::new().with_output(1)),
            charge(Usage::new().with_cache_read(1)),
            charge(Usage::new().with_cache_write(CacheTtl::FiveMinutes, 1)),
            charge(Usage::new().with_cache_write(CacheTtl::OneHour, 1)),
        ];
        for (charge, expected) in charges.iter().zip(&fields[1..]) {
            if !expected.is_empty() {
                assert_eq!(charge.total(), per_token(expected), "{line}");
                assert_eq!(charge.is_priced(), price.units().is_empty(), "{line}");
            } else if !fields[0].contains("amazon.nova") {
                assert!(!charge.is_priced(), "{line}");
            }
        }
    }
}

#[test]
fn a_geo_profile_is_never_priced_as_global() {
    assert_eq!(bundled(&format!("us.{SONNET}")), usd("3.3"));
    assert_eq!(bundled(&format!("global.{SONNET}")), usd("3"));
    assert_eq!(bundled(SONNET), usd("3.3"), "a bare id is in-region");
    assert_eq!(bundled(&format!("us-gov.{SONNET}")), usd("3.6"));
    assert_eq!(bundled("us.amazon.nova-2-lite-v1:0"), usd("0.33"));
    assert_eq!(bundled("global.amazon.nova-2-lite-v1:0"), usd("0.3"));
    // For AWS's older models, a geo profile costs the same as the region.
    assert_eq!(bundled("us.amazon.nova-pro-v1:0"), bundled("amazon.nova-pro-v1:0"));
}

#[test]
fn arns_are_looked_up_by_their_model() {
    let arn = |resource: &str| format!("arn:aws:bedrock:us-east-1:{resource}");
    assert_eq!(bundled(&arn(&format!("123456789012:inference-profile/us.{SONNET}"))), usd("3.3"));
    assert_eq!(bundled(&arn(&format!("123456789012:inference-profile/global.{SONNET}"))), usd("3"));
    assert_eq!(bundled(&arn(&format!(":foundation-model/{SONNET}"))), usd("3.3"));
    assert_eq!(bundled(&format!("arn:aws:bedrock:::foundation-model/{SONNET}")), usd("3"), "global");
}

#[test]
fn an_application_profile_is_unpriced_until_it_is_mapped() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
    assert_eq!(bundled(arn), None);
    for from in [arn, "abc123"] {
        let own = format!("[[alias]]\nfrom = \"{from}\"\nto = \"us.{SONNET}\"");
        assert_eq!(input(&Prices::from_toml(&own).unwrap(), &query(arn)), usd("3.3"));
    }
    let own = format!("[[price]]\nmodel = \"{arn}\"\nregion = \"us-east-1\"\ninput = \"7\"");
    assert_eq!(input(&Prices::from_toml(&own).unwrap(), &query(arn)), usd("7"));
}

#[test]
fn an_unknown_model_has_no_price_and_is_not_free() {
    assert_eq!(bundled("anthropic.claude-nonesuch-9"), None);
    assert_eq!(bundled("my-provisioned-name"), None);
    assert_eq!(input(&Prices::empty(), &query(SONNET)), None);
}

#[test]
fn a_past_call_keeps_its_price() {
    let price = |day: &str| {
        let query = PriceQuery { at: at(day), ..query("us.openai.gpt-5.6-luna") };
        input(&Prices::bundled(), &query)
    };
    assert_eq!(price("2026-07-29T23:59:59.999Z"), usd("1.1"));
    assert_eq!(price("2026-07-30T00:00:00Z"), usd("0.22"));
    let prices = Prices::bundled();
    let query = PriceQuery { at: at("2026-07-30T00:00:00Z"), ..query("us.openai.gpt-5.6-luna") };
    assert_eq!(prices.lookup(&query).unwrap().effective_from().map(|day| &**day), Some("2026-07-30"));
}

#[test]
fn each_service_tier_has_its_own_price_or_none() {
    let price = |model, tier| input(&Prices::bundled(), &PriceQuery { tier, ..query(model) });
    let model = "us.deepseek.v3.2";
    assert_eq!(price(model, Tier::Default), usd("0.62"));
    assert_eq!(price(model, Tier::Flex), usd("0.31"));
    assert_eq!(price(model, Tier::Priority), usd("1.085"));
    assert_eq!(price(model, Tier::Batch), usd("0.31"));
    assert_eq!(price(model, Tier::Reserved), usd("0"), "billed by the hour of the reservation");
    assert_eq!(price("us.deepseek.v99", Tier::Reserved), None, "unknown model");
    assert_eq!(price("us.anthropic.claude-opus-5", Tier::Flex), None, "not offered, so unpriced");
    let fast = PriceQuery { latency: Latency::Optimized, ..query(model) };
    assert_eq!(input(&Prices::bundled(), &fast), None);
    let fast = PriceQuery { latency: Latency::Optimized, ..query("us.amazon.nova-pro-v1:0") };
    assert_eq!(input(&Prices::bundled(), &fast), usd("1"));
}

#[test]
fn a_geo_prefix_is_never_mistaken_for_the_vendor() {
    assert_eq!(bundled("jp.anthropic.claude-sonnet-4-6"), usd("3.3"));
    assert_eq!(bundled("global.anthropic.claude-sonnet-4-6"), usd("3"));
    assert_eq!(bundled("sa.anthropic.claude-sonnet-4-6"), None, "unknown prefix");
}

#[test]
fn a_row_for_the_region_takes_precedence() {
    let price = |model, region| input(&Prices::bundled(), &PriceQuery { region: Some(region), ..query(model) });
    assert_eq!(price("amazon.nova-pro-v1:0", "us-east-1"), usd("0.8"));
    assert_eq!(price("amazon.nova-pro-v1:0", "eu-central-1"), usd("1.05"));
    assert_eq!(price("anthropic.claude-instant-v1", "eu-north-1"), usd("0.8"), "any region");
    assert_eq!(price(SONNET, "us-gov-west-1"), usd("3.6"));
    assert_eq!(price("ai21.jamba-1-5-mini-v1:0", "us-gov-west-1"), None, "other partitions have no commercial prices");
    assert_eq!(price("us-gov.anthropic.claude-sonnet-5", "us-gov-west-1"), usd("2.4"));
}

#[test]
fn ids_with_context_sizes_and_revisions_have_the_price_of_the_model() {
    assert_eq!(bundled("amazon.nova-pro-v1:0:24k"), usd("0.8"));
    assert_eq!(bundled("amazon.titan-embed-text-v1:2:8k"), usd("0.1"));
    assert_eq!(bundled("cohere.embed-english-v3:0:512"), usd("0.1"));
    assert_eq!(bundled("us.anthropic.claude-opus-5-v1:0"), usd("5.5"));
    assert_eq!(bundled("anthropic.claude-3-5-sonnet-20241022-v9:0"), None);
}

#[test]
fn a_batch_call_above_the_context_bound_is_unpriced() {
    let prices = Prices::bundled();
    let model = format!("us.{SONNET}");
    let price = prices.lookup(&PriceQuery { tier: Tier::Batch, ..query(&model) }).unwrap();
    assert!(price.charge(&Usage::new().with_uncached_input(200_000)).is_priced());
    assert!(!price.charge(&Usage::new().with_uncached_input(200_001)).is_priced());
}

#[test]
fn a_long_call_before_the_context_bound_was_introduced_is_unpriced() {
    let prices = Prices::bundled();
    let price = |day| prices.lookup(&PriceQuery { at: at(day), ..query("us.openai.gpt-5.6-terra") }).unwrap();
    let (at_bound, over) = (Usage::new().with_uncached_input(272_000), Usage::new().with_uncached_input(272_001));
    let before = price("2026-07-29T00:00:00Z");
    assert!(before.charge(&at_bound).is_priced());
    assert!(!before.charge(&over).is_priced(), "the price without a bound was stated first");
    assert_eq!(price("2026-07-30T00:00:00Z").charge(&over).total(), "1.1968044".parse().unwrap());
}

#[test]
fn user_rows_take_precedence_from_their_start_on() {
    let own = Prices::from_toml(
        r#"
        version = "acme"
        [[price]]
        model = "us.openai.gpt-5.6-luna"
        effective_from = "2026-11-01"
        input = "0.2"
        output = "1"
        "#,
    )
    .unwrap();
    let price = |day| input(&own, &PriceQuery { at: at(day), ..query("us.openai.gpt-5.6-luna") });
    assert_eq!(price("2026-11-01T00:00:00Z"), usd("0.2"));
    assert_eq!(price("2026-10-31T00:00:00Z"), usd("0.22"), "the bundled price before the start");
    assert_eq!(input(&own, &query(SONNET)), usd("3.3"), "other models are unchanged");
    assert_eq!(own.version(), "2026-11-28+acme");
    let model = query("us.openai.gpt-5.6-luna");
    assert_eq!(own.lookup(&model).map(|price| &**price.version()), Some("acme"));
    let cached = own.lookup(&model).unwrap().charge(&Usage::new().with_cache_read(1));
    assert_eq!(cached.status(), CostStatus::Unpriced, "a row is complete");
}

#[test]
fn a_row_for_the_account_takes_precedence_over_one_for_the_region() {
    let own = Prices::from_toml(&format!(
        r#"
        [[price]]
        model = "us.{SONNET}"
        account = "111122223333"
        input = "2.5"
        [[price]]
        model = "us.{SONNET}"
        account = "111122223333"
        region = "eu-west-1"
        input = "2.6"
        [[price]]
        model = "us.{SONNET}"
        region = "us-east-1"
        input = "2.9"
        [[price]]
        model = "guardrails"
        account = "111122223333"
        units = {{ "guardrail_unit[topicPolicyUnits]" = "0.0001" }}
        "#
    ))
    .unwrap();
    let profile = format!("us.{SONNET}");
    let price = |account, region| input(&own, &PriceQuery { account, region, ..query(&profile) });
    assert_eq!(price(Some("111122223333"), Some("us-east-1")), usd("2.5"));
    assert_eq!(price(Some("111122223333"), Some("eu-west-1")), usd("2.6"));
    assert_eq!(price(Some("444455556666"), Some("us-east-1")), usd("2.9"), "another account");
    assert_eq!(price(Some("444455556666"), None), usd("3.3"), "the bundled price");
    assert_eq!(price(None, Some("us-east-1")), usd("2.9"), "unknown account");

    let arn = |account| format!("arn:aws:bedrock:us-east-1:{account}:inference-profile/us.{SONNET}");
    assert_eq!(input(&own, &query(&arn("111122223333"))), usd("2.5"), "the account in the ARN");
    let owned = arn("111122223333");
    let other = PriceQuery { account: Some("444455556666"), ..query(&owned) };
    assert_eq!(input(&own, &other), usd("2.9"), "billed to another account");

    let topics = UnitCount::new(Unit::GuardrailUnit, 1_000).with_word("topicPolicyUnits");
    let used = GuardrailUse::Counted(topics.into());
    let cost = |account| own.charge_guardrail(&PriceQuery { account, ..query(SONNET) }, &used).total();
    assert_eq!(Some(cost(Some("111122223333"))), usd("0.1"));
    assert_eq!(Some(cost(None)), usd("0.15"));
}

#[test]
fn a_call_to_provisioned_capacity_is_free() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123";
    let own = "[[alias]]\nfrom = \"abc123\"\nto = \"anthropic.claude-v2:1\"";
    let prices = Prices::from_toml(own).unwrap();
    let price = prices.lookup(&query(arn)).unwrap();
    assert_eq!((price.tier(), price.region()), (Tier::Provisioned, Some("us-east-1")));
    let charge = price.charge(&Usage::new().with_uncached_input(1_000).with_output(1_000));
    assert_eq!((charge.total(), charge.status()), (Usd::ZERO, CostStatus::Exact));
    assert_eq!(price.capacity_cost(Unit::ModelUnitHour, Some("1-month"), 1_000), usd("63"));
}

#[test]
fn a_mapped_bare_name_has_the_price_of_its_model() {
    let own = "[[alias]]\nfrom = \"my-sonnet\"\nto = \"us.anthropic.claude-sonnet-4-6\"";
    let prices = Prices::from_toml(own).unwrap();
    let in_us = |model| PriceQuery { region: Some("us-east-1"), ..query(model) };
    assert_eq!(input(&prices, &in_us("my-sonnet")), usd("3.3"));
    assert!(!prices.is_provisioned(ModelRef::parse("my-sonnet").unwrap()));

    let prices = Prices::bundled().with_provisioned("my-capacity", "anthropic.claude-v2:1").unwrap();
    let price = prices.lookup(&in_us("my-capacity")).unwrap();
    assert_eq!((price.tier(), input(&prices, &in_us("my-capacity"))), (Tier::Provisioned, Some(Usd::ZERO)));
    assert!(prices.is_provisioned(ModelRef::parse("my-capacity").unwrap()));
    assert!(prices.with_provisioned("x", "no-model").is_err());
}

#[test]
fn a_price_that_differs_by_region_is_an_estimate_without_a_region() {
    // Since 2025-12-01, extended access costs twice as much in the regions on the pricing page.
    let model = "us.anthropic.claude-3-5-sonnet-20241022-v2:0";
    let of = |region, day| {
        let query = PriceQuery { region, ..PriceQuery::new(ModelRef::parse(model).unwrap(), at(day)) };
        let price = Prices::bundled().lookup(&query).cloned().unwrap();
        (input(&Prices::bundled(), &query), price.confidence() == Confidence::Elsewhere)
    };
    assert_eq!(of(Some("us-east-1"), "2026-02-10T00:00:00Z"), (usd("6"), false));
    assert_eq!(of(None, "2026-02-10T00:00:00Z"), (usd("6"), true));
    assert_eq!(of(None, "2025-02-10T00:00:00Z"), (usd("3"), false), "the same in all regions");
    let unknown_region = PriceQuery::new(ModelRef::parse(model).unwrap(), at("2026-02-10T00:00:00Z"));
    let most = |price: &Price| price.bound(1_000_000, 0, CacheUse::NoWrites);
    assert_eq!(Prices::bundled().in_any_region(&unknown_region).map(most).max(), usd("6"));
}

#[test]
fn an_arn_of_another_partition_never_has_a_commercial_price() {
    let of = |partition: &str, region: &str| {
        let arn = format!("arn:{partition}:bedrock:{region}:123456789012:inference-profile/us-gov.{SONNET}");
        let own = input(&Prices::bundled(), &query(&arn));
        let arn = format!("arn:{partition}:bedrock:{region}::foundation-model/{SONNET}");
        (own, input(&Prices::bundled(), &query(&arn)))
    };
    assert_eq!(of("aws", ""), (usd("3.6"), usd("3")), "the global price");
    assert_eq!(of("aws-us-gov", "us-gov-west-1"), (usd("3.6"), usd("3.6")));
    assert_eq!(of("aws-us-gov", ""), (usd("3.6"), None));
    for partition in ["aws-cn", "aws-iso", "aws-iso-e", "aws-eusc", "aws-future"] {
        assert_eq!(of(partition, ""), (None, None), "{partition}");
    }
    for region in ["US-GOV-WEST-1", "fips-us-gov-west-1", "CN-NORTH-1"] {
        let query = PriceQuery { region: Some(region), ..query("global.anthropic.claude-sonnet-4-5-20250929-v1:0") };
        assert_eq!(input(&Prices::bundled(), &query), None, "{region}");
    }
}

#[test]
fn an_import_and_the_bundled_table_are_one_list_for_unknown_regions() {
    let dollars = |text: &str| usd(text).unwrap();
    let at = |file: &str, model: &str, region: Option<&'static str>| {
        let prices = Prices::from_toml(file).unwrap();
        let query =
            PriceQuery { region, ..PriceQuery::new(ModelRef::parse(model).unwrap(), at("2026-12-10T00:00:00Z")) };
        let most = prices.in_any_region(&query).map(|price| price.bound(1_000_000, 0, CacheUse::NoWrites)).max();
        let price = prices.lookup(&query).unwrap();
        (input(&prices, &query).unwrap(), price.confidence() == Confidence::Elsewhere, most.unwrap())
    };
    let listed = "confidence = \"listed\"\nsource = \"aws-price-list\"\neffective_from = \"2026-12-01\"\n";
    // A price increase in one region.
    let dearer =
        format!("[[price]]\nmodel = \"anthropic.claude-opus-5\"\nregion = \"eu-central-1\"\ninput = \"11\"\n{listed}");
    let (own, is_fallback, most) = at(&dearer, "anthropic.claude-opus-5", None);
    assert_eq!((own, is_fallback, most), (dollars("5.5"), true, dollars("11")));
    assert!(!at(&dearer, "anthropic.claude-opus-5", Some("us-east-1")).1, "unchanged there");
    // An imported price for any region, over bundled prices by region.
    let flat =
        "[[price]]\nmodel = \"amazon.nova-pro-v1:0\"\ninput = \"7\"\nconfidence = \"agreed\"\nsource = \"litellm\"\n";
    let (own, is_fallback, most) = at(flat, "amazon.nova-pro-v1:0", None);
    assert_eq!((own, is_fallback, most), (dollars("0.8"), true, dollars("7")));
    // The price of an arbitrary region is not a fallback for all regions.
    let milan =
        format!("[[price]]\nmodel = \"amazon.nova-pro-v1:0\"\nregion = \"eu-south-1\"\ninput = \"1.4\"\n{listed}");
    for (region, expected) in [(Some("sa-east-1"), "0.8"), (Some("eu-central-2"), "0.92"), (None, "0.8")] {
        let (own, is_fallback, _) = at(&milan, "amazon.nova-pro-v1:0", region);
        assert_eq!((own, is_fallback), (dollars(expected), true), "{region:?}");
    }
    assert_eq!(at(&milan, "amazon.nova-pro-v1:0", Some("eu-south-1")).0, dollars("1.4"));
    // The price of us-east-1 is.
    let virginia = milan.replace("eu-south-1", "us-east-1");
    assert_eq!(at(&virginia, "amazon.nova-pro-v1:0", Some("sa-east-1")).0, dollars("1.4"));
}
