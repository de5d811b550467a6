use jiff::Timestamp;

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

/// Dollars per million tokens of plain input.
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
fn the_bundled_table_loads_whole() {
    let text = include_str!("../../data/prices.tsv");
    let file = tsv::parse(text).unwrap();
    assert_eq!(file.rows.len(), text.lines().count() - 2);
    Table::listed(&file.version, file.rows).unwrap();
    assert_eq!(Prices::bundled().version(), "2026-11-28");
    let at_once = Prices::from_tsv(text).unwrap();
    assert_eq!(Prices::bundled().rows().count(), at_once.rows().count(), "each model's lines stand together");
    assert!(Prices::bundled().rows().count() > 3_000);
    assert!(Prices::bundled().rows().all(|price| &**price.version() == "2026-11-28" && !price.source().is_empty()));
}

#[test]
fn every_model_of_the_comparison_has_the_price_that_the_facts_say() {
    let micro = |text: &str| Rate::per_million(text).unwrap().times(1);
    for line in include_str!("comparison.tsv").lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        // Where the facts give one price for a geography, it is that of this region.
        let region = match fields[0] {
            id if id.starts_with("eu.") => "eu-central-1",
            id if id.starts_with("jp.") => "ap-northeast-1",
            id if id.starts_with("us-gov.") => "us-gov-west-1",
            id if id.starts_with("apac.") => "ap-southeast-2",
            _ => "us-east-1",
        };
        let query = PriceQuery { region: Some(region), ..query(fields[0]) };
        let price = Prices::bundled().lookup(&query).unwrap_or_else(|| panic!("{line}")).clone();
        let one = |usage: Usage| price.charge(&usage);
        let charges = [
            one(Usage::new().with_uncached_input(1)),
            one(Usage::new().with_output(1)),
            one(Usage::new().with_cache_read(1)),
            one(Usage::new().with_cache_write(CacheTtl::FiveMinutes, 1)),
            one(Usage::new().with_cache_write(CacheTtl::OneHour, 1)),
        ];
        for (charge, want) in charges.iter().zip(&fields[1..]) {
            if !want.is_empty() {
                assert_eq!(charge.total(), micro(want), "{line}");
                assert_eq!(charge.is_priced(), price.units().is_empty(), "{line}");
            } else if !fields[0].contains("amazon.nova") {
                assert!(!charge.is_priced(), "{line}");
            }
        }
    }
}

#[test]
fn failure_3_a_geo_profile_is_never_priced_as_global() {
    assert_eq!(bundled(&format!("us.{SONNET}")), usd("3.3"));
    assert_eq!(bundled(&format!("global.{SONNET}")), usd("3"));
    assert_eq!(bundled(SONNET), usd("3.3"), "bare is in-region");
    assert_eq!(bundled(&format!("us-gov.{SONNET}")), usd("3.6"));
    assert_eq!(bundled("us.amazon.nova-2-lite-v1:0"), usd("0.33"));
    assert_eq!(bundled("global.amazon.nova-2-lite-v1:0"), usd("0.3"));
    // In AWS's older models the geo costs what the region does.
    assert_eq!(bundled("us.amazon.nova-pro-v1:0"), bundled("amazon.nova-pro-v1:0"));
}

#[test]
fn arns_are_looked_up_by_what_they_name() {
    let arn = |resource: &str| format!("arn:aws:bedrock:us-east-1:{resource}");
    assert_eq!(bundled(&arn(&format!("123456789012:inference-profile/us.{SONNET}"))), usd("3.3"));
    assert_eq!(bundled(&arn(&format!("123456789012:inference-profile/global.{SONNET}"))), usd("3"));
    assert_eq!(bundled(&arn(&format!(":foundation-model/{SONNET}"))), usd("3.3"));
    assert_eq!(bundled(&format!("arn:aws:bedrock:::foundation-model/{SONNET}")), usd("3"), "global");
}

#[test]
fn failure_4_an_application_profile_is_unpriced_until_it_is_mapped() {
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
fn failure_5_an_unknown_model_has_no_price_rather_than_none_to_pay() {
    assert_eq!(bundled("anthropic.claude-nonesuch-9"), None);
    assert_eq!(bundled("my-provisioned-name"), None);
    assert_eq!(input(&Prices::empty(), &query(SONNET)), None);
}

#[test]
fn failure_12_a_past_call_keeps_its_price() {
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
fn failure_15_each_service_tier_has_its_own_price_or_none() {
    let price = |model, tier| input(&Prices::bundled(), &PriceQuery { tier, ..query(model) });
    let model = "us.deepseek.v3.2";
    assert_eq!(price(model, Tier::Default), usd("0.62"));
    assert_eq!(price(model, Tier::Flex), usd("0.31"));
    assert_eq!(price(model, Tier::Priority), usd("1.085"));
    assert_eq!(price(model, Tier::Batch), usd("0.31"));
    assert_eq!(price(model, Tier::Reserved), usd("0"), "paid by the hour of the reservation");
    assert_eq!(price("us.deepseek.v99", Tier::Reserved), None, "nobody knows the model");
    assert_eq!(price("us.anthropic.claude-opus-5", Tier::Flex), None, "not offered, so not the default price");
    let fast = PriceQuery { latency: Latency::Optimized, ..query(model) };
    assert_eq!(input(&Prices::bundled(), &fast), None);
    let fast = PriceQuery { latency: Latency::Optimized, ..query("us.amazon.nova-pro-v1:0") };
    assert_eq!(input(&Prices::bundled(), &fast), usd("1"));
}

#[test]
fn failure_16_a_geo_prefix_is_never_taken_for_the_vendor() {
    assert_eq!(bundled("jp.anthropic.claude-sonnet-4-6"), usd("3.3"));
    assert_eq!(bundled("global.anthropic.claude-sonnet-4-6"), usd("3"));
    assert_eq!(bundled("sa.anthropic.claude-sonnet-4-6"), None, "a prefix yet unknown");
}

#[test]
fn the_row_of_the_region_comes_before_that_of_any() {
    let price = |model, region| input(&Prices::bundled(), &PriceQuery { region: Some(region), ..query(model) });
    assert_eq!(price("amazon.nova-pro-v1:0", "us-east-1"), usd("0.8"));
    assert_eq!(price("amazon.nova-pro-v1:0", "eu-central-1"), usd("1.05"));
    assert_eq!(price("anthropic.claude-instant-v1", "eu-north-1"), usd("0.8"), "any region");
    assert_eq!(price(SONNET, "us-gov-west-1"), usd("3.6"));
    assert_eq!(price("ai21.jamba-1-5-mini-v1:0", "us-gov-west-1"), None, "no commercial price in other partitions");
    assert_eq!(price("us-gov.anthropic.claude-sonnet-5", "us-gov-west-1"), usd("2.4"));
}

#[test]
fn context_sizes_and_revisions_are_the_same_model() {
    assert_eq!(bundled("amazon.nova-pro-v1:0:24k"), usd("0.8"));
    assert_eq!(bundled("amazon.titan-embed-text-v1:2:8k"), usd("0.1"));
    assert_eq!(bundled("cohere.embed-english-v3:0:512"), usd("0.1"));
    assert_eq!(bundled("us.anthropic.claude-opus-5-v1:0"), usd("5.5"));
    assert_eq!(bundled("anthropic.claude-3-5-sonnet-20241022-v9:0"), None);
}

#[test]
fn a_batch_beyond_the_long_context_bound_is_unpriced_not_cheap() {
    let prices = Prices::bundled();
    let model = format!("us.{SONNET}");
    let price = prices.lookup(&PriceQuery { tier: Tier::Batch, ..query(&model) }).unwrap();
    assert!(price.charge(&Usage::new().with_uncached_input(200_000)).is_priced());
    assert!(!price.charge(&Usage::new().with_uncached_input(200_001)).is_priced());
}

#[test]
fn a_past_beyond_a_bound_that_came_later_is_unpriced_not_cheap() {
    let prices = Prices::bundled();
    let price = |day| prices.lookup(&PriceQuery { at: at(day), ..query("us.openai.gpt-5.6-terra") }).unwrap();
    let (at_bound, over) = (Usage::new().with_uncached_input(272_000), Usage::new().with_uncached_input(272_001));
    let before = price("2026-07-29T00:00:00Z");
    assert!(before.charge(&at_bound).is_priced());
    assert!(!before.charge(&over).is_priced(), "the flat price was stated before the other");
    assert_eq!(price("2026-07-30T00:00:00Z").charge(&over).total(), "1.1968044".parse().unwrap());
}

#[test]
fn the_users_rows_win_from_their_start_on() {
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
    assert_eq!(price("2026-10-31T00:00:00Z"), usd("0.22"), "before it, the bundled one");
    assert_eq!(input(&own, &query(SONNET)), usd("3.3"), "others stay");
    assert_eq!(own.version(), "2026-11-28+acme");
    let model = query("us.openai.gpt-5.6-luna");
    assert_eq!(own.lookup(&model).map(|price| &**price.version()), Some("acme"));
    let cached = own.lookup(&model).unwrap().charge(&Usage::new().with_cache_read(1));
    assert_eq!(cached.status(), CostStatus::Unpriced, "a row is whole");
}

#[test]
fn the_row_of_the_account_comes_before_that_of_the_region() {
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
    assert_eq!(price(Some("444455556666"), None), usd("3.3"), "the bundled one");
    assert_eq!(price(None, Some("us-east-1")), usd("2.9"), "nobody said whose");

    let arn = |account| format!("arn:aws:bedrock:us-east-1:{account}:inference-profile/us.{SONNET}");
    assert_eq!(input(&own, &query(&arn("111122223333"))), usd("2.5"), "the ARN says whose");
    let owned = arn("111122223333");
    let other = PriceQuery { account: Some("444455556666"), ..query(&owned) };
    assert_eq!(input(&own, &other), usd("2.9"), "billed elsewhere");

    let topics = UnitCount::new(Unit::GuardrailUnit, 1_000).with_word("topicPolicyUnits");
    let used = GuardrailUse::Counted(topics.into());
    let cost = |account| own.charge_guardrail(&PriceQuery { account, ..query(SONNET) }, &used).total();
    assert_eq!(Some(cost(Some("111122223333"))), usd("0.1"));
    assert_eq!(Some(cost(None)), usd("0.15"));
}

#[test]
fn a_call_to_provisioned_capacity_costs_nothing_beside_it() {
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
fn a_bare_name_may_be_anything_and_is_not_free() {
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
fn without_a_region_a_price_that_some_regions_do_not_have_is_an_estimate() {
    // From 2025-12-01 on, extended access costs twice as much in the regions of the page.
    let model = "us.anthropic.claude-3-5-sonnet-20241022-v2:0";
    let of = |region, day| {
        let query = PriceQuery { region, ..PriceQuery::new(ModelRef::parse(model).unwrap(), at(day)) };
        let price = Prices::bundled().lookup(&query).cloned().unwrap();
        (input(&Prices::bundled(), &query), price.confidence() == Confidence::Elsewhere)
    };
    assert_eq!(of(Some("us-east-1"), "2026-02-10T00:00:00Z"), (usd("6"), false));
    assert_eq!(of(None, "2026-02-10T00:00:00Z"), (usd("6"), true));
    assert_eq!(of(None, "2025-02-10T00:00:00Z"), (usd("3"), false), "it was the same everywhere");
    let dearest = PriceQuery::new(ModelRef::parse(model).unwrap(), at("2026-02-10T00:00:00Z"));
    let most = |price: &Price| price.bound(1_000_000, 0, CacheUse::NoWrites);
    assert_eq!(Prices::bundled().in_any_region(&dearest).map(most).max(), usd("6"));
}

#[test]
fn an_arn_of_another_partition_has_no_commercial_price() {
    let of = |partition: &str, region: &str| {
        let arn = format!("arn:{partition}:bedrock:{region}:123456789012:inference-profile/us-gov.{SONNET}");
        let own = input(&Prices::bundled(), &query(&arn));
        let arn = format!("arn:{partition}:bedrock:{region}::foundation-model/{SONNET}");
        (own, input(&Prices::bundled(), &query(&arn)))
    };
    assert_eq!(of("aws", ""), (usd("3.6"), usd("3")), "the global one");
    assert_eq!(of("aws-us-gov", "us-gov-west-1"), (usd("3.6"), usd("3.6")));
    assert_eq!(of("aws-us-gov", ""), (usd("3.6"), None));
    for partition in ["aws-cn", "aws-iso", "aws-iso-e", "aws-eusc", "aws-of-tomorrow"] {
        assert_eq!(of(partition, ""), (None, None), "{partition}");
    }
    for region in ["US-GOV-WEST-1", "fips-us-gov-west-1", "CN-NORTH-1"] {
        let query = PriceQuery { region: Some(region), ..query("global.anthropic.claude-sonnet-4-5-20250929-v1:0") };
        assert_eq!(input(&Prices::bundled(), &query), None, "{region}");
    }
}

#[test]
fn an_import_and_the_bundled_table_are_one_list_where_no_region_is_known() {
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
    // A region that costs more since.
    let dearer =
        format!("[[price]]\nmodel = \"anthropic.claude-opus-5\"\nregion = \"eu-central-1\"\ninput = \"11\"\n{listed}");
    let (own, is_elsewhere, most) = at(&dearer, "anthropic.claude-opus-5", None);
    assert_eq!((own, is_elsewhere, most), (dollars("5.5"), true, dollars("11")));
    assert!(!at(&dearer, "anthropic.claude-opus-5", Some("us-east-1")).1, "it is the same there");
    // One price for all, over those of regions.
    let flat =
        "[[price]]\nmodel = \"amazon.nova-pro-v1:0\"\ninput = \"7\"\nconfidence = \"agreed\"\nsource = \"litellm\"\n";
    let (own, is_elsewhere, most) = at(flat, "amazon.nova-pro-v1:0", None);
    assert_eq!((own, is_elsewhere, most), (dollars("0.8"), true, dollars("7")));
    // The price of one region does not stand in for the world.
    let milan =
        format!("[[price]]\nmodel = \"amazon.nova-pro-v1:0\"\nregion = \"eu-south-1\"\ninput = \"1.4\"\n{listed}");
    for (region, want) in [(Some("sa-east-1"), "0.8"), (Some("eu-central-2"), "0.92"), (None, "0.8")] {
        let (own, is_elsewhere, _) = at(&milan, "amazon.nova-pro-v1:0", region);
        assert_eq!((own, is_elsewhere), (dollars(want), true), "{region:?}");
    }
    assert_eq!(at(&milan, "amazon.nova-pro-v1:0", Some("eu-south-1")).0, dollars("1.4"));
    // That of the main one does.
    let virginia = milan.replace("eu-south-1", "us-east-1");
    assert_eq!(at(&virginia, "amazon.nova-pro-v1:0", Some("sa-east-1")).0, dollars("1.4"));
}
