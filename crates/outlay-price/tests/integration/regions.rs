//! Prices by region, and how certain they are.

use outlay_price::{Confidence, CostStatus, ModelRef, PriceQuery, Prices, Tier, Timestamp, Usage};

const NOW: &str = "2026-11-28T12:00:00Z";

struct Call {
    model: &'static str,
    region: Option<&'static str>,
    at: &'static str,
    usage: Usage,
}

fn call(model: &'static str, region: &'static str, input: u64, output: u64) -> Call {
    let usage = Usage::new().with_uncached_input(input).with_output(output);
    Call { model, region: Some(region), at: NOW, usage }
}

impl Call {
    fn at(self, at: &'static str) -> Self {
        Self { at, ..self }
    }

    fn cost(&self) -> String {
        let at: Timestamp = self.at.parse().expect("a time");
        let mut query = PriceQuery::new(ModelRef::parse(self.model).expect("an id"), at);
        query.region = self.region;
        match Prices::bundled().lookup(&query) {
            Some(price) => {
                let charge = price.charge(&self.usage);
                format!("{} {}", charge.total(), charge.status().as_str())
            }
            None => "unpriced".to_owned(),
        }
    }
}

#[test]
fn a_call_has_the_price_of_its_region() {
    for (call, expected) in [
        (call("eu.amazon.nova-pro-v1:0", "eu-north-1", 1_000_000, 200_000), "$1.566000 exact"),
        (call("amazon.nova-lite-v1:0", "eu-west-2", 10_000_000, 2_000_000), "$1.512000 exact"),
        (call("amazon.titan-embed-text-v2:0", "eu-central-1", 10_000_000, 0), "$2.000000 exact"),
        (call("openai.gpt-oss-120b-1:0", "eu-west-2", 5_000_000, 1_000_000), "$2.080000 exact"),
        (call("us.amazon.nova-lite-v1:0", "us-west-1", 1_000_000, 0), "$0.077000 exact"),
        (call("global.amazon.nova-2-lite-v1:0", "us-east-1", 1_000_000, 0), "$0.300000 exact"),
        (
            call("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "us-east-1", 100_000, 10_000)
                .at("2026-02-10T00:00:00Z"),
            "$0.900000 estimated",
        ),
        (
            call("us.anthropic.claude-3-5-sonnet-20241022-v2:0", "us-east-1", 100_000, 10_000)
                .at("2025-11-10T00:00:00Z"),
            "$0.450000 exact",
        ),
        (call("openai.gpt-5.6-terra", "us-gov-west-1", 200_000, 20_000), "$0.844800 estimated"),
        (call("us.anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", 1_000, 0), "$0.003000 estimated"),
        (call("us.anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1", 1_000, 100), "$0.001650 exact"),
        (call("anthropic.claude-3-5-haiku-20241022-v1:0", "us-west-2", 1_000_000, 0), "$0.800000 estimated"),
    ] {
        assert_eq!(call.cost(), expected, "{} in {:?}", call.model, call.region);
    }
    let cost = |at| {
        let usage = Usage::new().with_uncached_input(10_000).with_cache_read(1_000_000).with_output(5_000);
        Call { model: "us.anthropic.claude-sonnet-5-5", region: Some("us-east-1"), at, usage }.cost()
    };
    assert_eq!(cost("2026-10-01T00:00:00Z"), "$0.297000 exact");
    assert_eq!(cost("2026-10-07T00:00:00Z"), "$0.187000 exact");
}

#[test]
fn a_region_without_a_price_falls_back_to_another_one_as_an_estimate() {
    for (call, expected) in [
        // A region of the same geography, else us-east-1.
        (call("eu.amazon.nova-pro-v1:0", "eu-central-2", 1_000_000, 0), "$0.920000 estimated"),
        (call("amazon.nova-pro-v1:0", "sa-east-1", 1_000_000, 0), "$0.800000 estimated"),
        (Call { region: None, ..call("amazon.nova-pro-v1:0", "", 1_000_000, 0) }, "$0.800000 estimated"),
        // A model with the same price in all regions.
        (call("eu.anthropic.claude-opus-4-6-v1", "eu-central-2", 1_000_000, 0), "$5.500000 exact"),
        (Call { region: None, ..call("us.anthropic.claude-opus-4-6-v1", "", 1_000_000, 0) }, "$5.500000 exact"),
        // No fallback to another partition.
        (call("amazon.nova-pro-v1:0", "cn-north-1", 1_000_000, 0), "unpriced"),
        (call("anthropic.claude-opus-4-6-v1", "us-gov-west-1", 1_000_000, 0), "unpriced"),
        (call("amazon.nova-pro-v1:0", "eusc-de-east-1", 1_000_000, 0), "unpriced"),
    ] {
        assert_eq!(call.cost(), expected, "{} in {:?}", call.model, call.region);
    }
    let mut query = PriceQuery::new(ModelRef::parse("amazon.nova-pro-v1:0").unwrap(), NOW.parse().unwrap());
    query.region = Some("eu-central-2");
    let prices = Prices::bundled();
    let price = prices.lookup(&query).unwrap();
    assert_eq!((price.region(), price.confidence()), (Some("eu-west-1"), Confidence::Elsewhere));
}

#[test]
fn a_derived_rate_only_weakens_calls_that_use_it() {
    let status = |usage: Usage| {
        let mut query = PriceQuery::new(ModelRef::parse("amazon.nova-pro-v1:0").unwrap(), NOW.parse().unwrap());
        query.region = Some("eu-north-1");
        Prices::bundled().lookup(&query).unwrap().charge(&usage).status()
    };
    let plain = Usage::new().with_uncached_input(10).with_output(5);
    assert_eq!(status(plain), CostStatus::Exact);
    assert_eq!(status(plain.with_cache_read(10)), CostStatus::Estimated);
}

/// Returns the cost of input with a tier.
fn cost_of_input(model: &str, region: &str, tier: Tier, input: u64, at: &str) -> String {
    let mut query = PriceQuery::new(ModelRef::parse(model).expect("an id"), at.parse().expect("a time"));
    (query.region, query.tier) = (Some(region), tier);
    let Some(price) = Prices::bundled().lookup(&query).cloned() else {
        return "no price".to_owned();
    };
    let charge = price.charge(&Usage::new().with_uncached_input(input));
    format!("{} {}", charge.input(), charge.status().as_str())
}

#[test]
fn an_unpublished_premium_is_not_exact_on_any_tier() {
    const BEFORE: &str = "2026-06-09T12:00:00Z";
    for (model, tier, before, now) in [
        ("anthropic.claude-3-haiku-20240307-v1:0", Tier::Default, "$0.025000 exact", "$0.025000 estimated"),
        ("anthropic.claude-3-haiku-20240307-v1:0", Tier::Batch, "$0.012500 exact", "$0.012500 estimated"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", Tier::Batch, "$0.150000 exact", "$0.150000 estimated"),
        ("global.anthropic.claude-sonnet-4-20250514-v1:0", Tier::Batch, "$0.150000 exact", "$0.150000 estimated"),
    ] {
        assert_eq!(cost_of_input(model, "us-east-1", tier, 100_000, BEFORE), before, "{model} {tier:?}");
        assert_eq!(cost_of_input(model, "us-east-1", tier, 100_000, NOW), now, "{model} {tier:?}");
    }
}

#[test]
fn an_unstated_price_of_long_contexts_is_unpriced_or_an_estimate() {
    const EARLY: &str = "2026-02-20T12:00:00Z";
    for (model, region, tier) in [
        ("anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", Tier::Batch),
        ("global.anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", Tier::Batch),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-west-1", Tier::Default),
        ("in.openai.gpt-5.6-luna", "ap-south-1", Tier::Default),
        ("openai.gpt-5.4", "us-gov-west-1", Tier::Default),
    ] {
        assert_eq!(cost_of_input(model, region, tier, 300_000, EARLY), "$0.000000 unpriced", "{model}");
    }
    for (model, tier, early, now) in [
        ("us.anthropic.claude-sonnet-4-6", Tier::Default, "$0.990000 estimated", "$0.990000 exact"),
        ("global.anthropic.claude-opus-4-6-v1", Tier::Default, "$1.500000 estimated", "$1.500000 exact"),
        ("anthropic.claude-opus-4-6-v1", Tier::Batch, "$0.825000 estimated", "$0.825000 exact"),
    ] {
        assert_eq!(cost_of_input(model, "us-east-1", tier, 300_000, EARLY), early, "{model}");
        assert_eq!(cost_of_input(model, "us-east-1", tier, 300_000, NOW), now, "{model}");
        let short = cost_of_input(model, "us-east-1", tier, 200_000, EARLY);
        assert!(short.ends_with(" exact"), "{model}: {short}");
    }
}

#[test]
fn a_tier_applies_to_all_ids_of_a_model() {
    for (model, tier, input) in [
        ("deepseek.v3-v1:0", Tier::Flex, "$0.290000 exact"),
        ("deepseek.v3-v1:0", Tier::Priority, "$1.015000 exact"),
        ("qwen.qwen3-coder-30b-a3b-v1:0", Tier::Flex, "$0.075000 exact"),
        ("qwen.qwen3-coder-480b-a35b-v1:0", Tier::Flex, "$0.225000 exact"),
        ("qwen.qwen3-coder-480b-a35b-v1:0", Tier::Priority, "$0.787500 exact"),
        ("qwen.qwen3-235b-a22b-2507-v1:0", Tier::Priority, "$0.385000 exact"),
        ("global.anthropic.claude-haiku-4-5", Tier::Batch, "$0.500000 exact"),
        ("global.anthropic.claude-opus-4-6-v1", Tier::Batch, "$2.500000 exact"),
        ("global.anthropic.claude-sonnet-4-6", Tier::Batch, "$1.500000 exact"),
    ] {
        assert_eq!(cost_of_input(model, "us-east-1", tier, 1_000_000, NOW), input, "{model} {tier:?}");
    }
}

#[test]
fn a_batch_price_that_is_half_of_a_wrong_price_is_not_exact() {
    let mut query = PriceQuery::new(ModelRef::parse("amazon.nova-2-lite-v1:0").unwrap(), NOW.parse().unwrap());
    (query.region, query.tier) = (Some("us-west-1"), Tier::Batch);
    let prices = Prices::bundled();
    let charge = prices.lookup(&query).unwrap().charge(&Usage::new().with_output(1_000_000));
    assert_eq!((charge.total().to_string(), charge.status()), ("$1.765500".to_owned(), CostStatus::Estimated));
}

#[test]
fn a_rate_missing_in_the_list_is_derived_and_an_estimate() {
    for (model, region, tier, usage, expected) in [
        (
            "apac.amazon.nova-lite-v1:0",
            "ap-east-2",
            Tier::Default,
            Usage::new().with_output(1_000_000),
            "$0.288000 estimated",
        ),
        (
            "amazon.nova-lite-v1:0",
            "ap-east-2",
            Tier::Default,
            Usage::new().with_uncached_input(1_000_000),
            "$0.072000 exact",
        ),
        (
            "amazon.nova-micro-v1:0",
            "ap-southeast-5",
            Tier::Default,
            Usage::new().with_output(1_000_000),
            "$0.168000 estimated",
        ),
        (
            "amazon.nova-pro-v1:0",
            "ap-southeast-5",
            Tier::Default,
            Usage::new().with_output(1_000_000),
            "$3.840000 estimated",
        ),
        (
            "amazon.nova-pro-v1:0",
            "ap-southeast-5",
            Tier::Flex,
            Usage::new().with_output(1_000_000),
            "$1.920000 estimated",
        ),
        (
            "amazon.nova-pro-v1:0",
            "ap-east-2",
            Tier::Batch,
            Usage::new().with_uncached_input(1_000_000),
            "$0.480000 estimated",
        ),
    ] {
        let mut query = PriceQuery::new(ModelRef::parse(model).expect("an id"), NOW.parse().expect("a time"));
        (query.region, query.tier) = (Some(region), tier);
        let charge = Prices::bundled().lookup(&query).expect("a price").charge(&usage);
        assert_eq!(format!("{} {}", charge.total(), charge.status().as_str()), expected, "{model} {region}");
    }
}

#[test]
fn a_page_price_of_us_east_1_is_an_estimate_in_other_regions() {
    for (model, region) in [
        ("eu.amazon.nova-2-pro-preview-20251202-v1:0", "eu-central-1"),
        ("apac.amazon.nova-2-pro-preview-20251202-v1:0", "ap-northeast-1"),
        ("meta.llama3-8b-instruct-v1:0", "us-west-1"),
    ] {
        let cost = call(model, region, 1_000, 100).cost();
        assert!(cost.ends_with(" estimated"), "{model} in {region}: {cost}");
    }
    assert!(call("us.amazon.nova-2-pro-preview-20251202-v1:0", "us-east-1", 1_000, 100).cost().ends_with(" exact"));
}

#[test]
fn contradicting_small_prices_are_estimates() {
    assert_eq!(call("amazon.titan-embed-text-v2:0", "ap-northeast-1", 10_000_000, 0).cost(), "$0.290000 estimated");
    assert_eq!(call("amazon.titan-embed-text-v2:0", "us-east-1", 10_000_000, 0).cost(), "$0.200000 exact");
}

#[test]
fn all_ids_of_a_model_have_the_same_cost_and_status() {
    for region in ["us-east-1", "ap-south-1", "eu-west-2"] {
        for tier in [Tier::Default, Tier::Flex, Tier::Priority, Tier::Batch] {
            let cost = |model| cost_of_input(model, region, tier, 1_000_000, NOW);
            let (base, instruct) = (cost("qwen.qwen3-next-80b-a3b"), cost("qwen.qwen3-next-80b-a3b-instruct"));
            assert_eq!(base, instruct, "{region} {tier:?}");
        }
    }
    let cached =
        |model| Call { usage: Usage::new().with_cache_read(1_000_000), ..call(model, "us-east-1", 0, 0) }.cost();
    assert_eq!(cached("global.anthropic.claude-haiku-4-5"), "$0.100000 exact");
}
