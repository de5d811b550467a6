use proptest::prelude::*;

use super::*;
use crate::rate::Rate;
use crate::{CacheTtl, ModelRef, PriceQuery, Prices, Unit, UnitCount, Units, Usd};

fn rate(text: &str) -> Option<Rate> {
    Some(Rate::per_million(text).unwrap())
}

fn price(steps: &[(u64, Rates)]) -> Price {
    let terms = Terms {
        model: "test.model".into(),
        account: None,
        tier: Tier::Default,
        latency: Latency::Standard,
        start: None,
        steps: steps.iter().map(|&(over, rates)| Step { over, rates, derived: RateSet::default() }).collect(),
        units: Box::default(),
        bills_units: false,
        source: "test".into(),
        as_of: "".into(),
        confidence: Confidence::Own,
        note: "".into(),
        version: "test".into(),
    };
    let entry = Entry { terms: Arc::new(terms), routing: Routing::InRegion, region: None, is_fallback: false };
    Price(Arc::new(entry))
}

fn bundled(model: &str) -> Price {
    let mut query = PriceQuery::new(ModelRef::parse(model).unwrap(), "2026-11-20T00:00:00Z".parse().unwrap());
    query.region = Some("us-east-1");
    Prices::bundled().lookup(&query).unwrap_or_else(|| panic!("{model} has no price")).clone()
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn worked_example() -> Usage {
    Usage::new()
        .with_uncached_input(1_000)
        .with_output(500)
        .with_cache_read(20_000)
        .with_cache_write(CacheTtl::FiveMinutes, 1_000)
        .with_cache_write(CacheTtl::OneHour, 3_000)
}

#[test]
fn the_worked_example_has_the_exact_cost() {
    let charge = bundled(SONNET).charge(&worked_example());
    assert_eq!(charge.total(), usd("0.042075"));
    assert_eq!(charge.input(), usd("0.0033"));
    assert_eq!(charge.output(), usd("0.00825"));
    assert_eq!(charge.cache_read(), usd("0.0066"));
    assert_eq!(charge.cache_write(), usd("0.023925"));
    assert_eq!(charge.status(), CostStatus::Exact);
    // 24,000 tokens at 3.30, minus 0.0066 and 0.023925.
    assert_eq!(charge.cache_savings(), usd("0.048675"));
}

#[test]
fn cache_reads_are_billed_once_and_at_their_own_rate() {
    let price = bundled(SONNET);
    let read = price.charge(&Usage::new().with_cache_read(1_000_000));
    assert_eq!(read.total(), usd("0.66"), "over 200,000 tokens of input");
    assert_eq!((read.input(), read.output()), (Usd::ZERO, Usd::ZERO));
    let read = price.charge(&Usage::new().with_cache_read(100_000));
    assert_eq!(read.total(), usd("0.033"));
}

#[test]
fn one_hour_writes_are_never_billed_as_five_minute_writes() {
    let writes = |ttl| Usage::new().with_cache_write(ttl, 100_000);
    let price = bundled(SONNET);
    assert_eq!(price.charge(&writes(CacheTtl::FiveMinutes)).total(), usd("0.4125"));
    assert_eq!(price.charge(&writes(CacheTtl::OneHour)).total(), usd("0.66"));
    // No source has a one-hour price for Sonnet 4.
    let charge = bundled("us.anthropic.claude-sonnet-4-20250514-v1:0").charge(&writes(CacheTtl::OneHour));
    assert_eq!(charge.total(), Usd::ZERO);
    assert_eq!(charge.status(), CostStatus::Unpriced);
}

#[test]
fn a_write_without_a_lifetime_uses_the_only_one_of_the_model() {
    let usage = Usage::new().with_cache_write(CacheTtl::FiveMinutes, 1_000_000);
    let kimi = bundled("us.moonshotai.kimi-k3").charge(&usage);
    assert_eq!((kimi.total(), kimi.status()), (usd("4.125"), CostStatus::Exact));
    let thirty = Usage::new().with_cache_write(CacheTtl::ThirtyMinutes, 1_000_000);
    assert_eq!(bundled("us.moonshotai.kimi-k3").charge(&thirty), kimi);
}

#[test]
fn nova_writes_are_free_and_exact() {
    let usage = Usage::new().with_cache_write(CacheTtl::FiveMinutes, 10_000).with_cache_read(10_000);
    let charge = bundled("us.amazon.nova-pro-v1:0").charge(&usage);
    assert_eq!(charge.cache_write(), Usd::ZERO);
    assert_eq!(charge.cache_read(), usd("0.002"));
    assert_eq!(charge.status(), CostStatus::Exact);
}

#[test]
fn tokens_without_a_rate_are_unpriced() {
    let usage = Usage::new().with_uncached_input(1_000_000).with_cache_read(10);
    let charge = bundled("us.meta.llama3-3-70b-instruct-v1:0").charge(&usage);
    assert_eq!(charge.total(), usd("0.72"), "the known part");
    assert_eq!(charge.status(), CostStatus::Unpriced);
    assert_eq!(charge.cache_savings(), Usd::ZERO, "the savings are unknown");
    // Models that bill by image or query.
    for model in ["amazon.rerank-v1:0", "stability.sd3-5-large-v1:0", "amazon.titan-embed-image-v1"] {
        assert_eq!(bundled(model).charge(&Usage::new()).status(), CostStatus::Unpriced, "{model}");
        assert!(!bundled(model).bound_charge(10, 10, CacheUse::NoWrites).is_priced(), "{model}");
    }
}

#[test]
fn reasoning_is_billed_once_as_output() {
    let price = bundled(SONNET);
    let plain = Usage::new().with_uncached_input(10).with_output(1_000);
    assert_eq!(price.charge(&plain.with_reasoning(900)), price.charge(&plain));
}

#[test]
fn sums_of_charges_are_exact() {
    let price = bundled("amazon.nova-micro-v1:0");
    let one = price.charge(&Usage::new().with_uncached_input(1).with_output(1)).total();
    assert_eq!(one.picos(), 35_000 + 140_000);
    let sum: Usd = std::iter::repeat_n(one, 1_000_000).sum();
    assert_eq!(sum, usd("0.175"));
}

#[test]
fn the_context_tier_applies_to_every_token_and_includes_the_cache() {
    let price = bundled("global.anthropic.claude-haiku-5-5");
    let at = Usage::new().with_uncached_input(1).with_cache_read(99_999).with_output(1_000);
    assert_eq!(price.charge(&at).total(), usd("0.0015000900"), "0.1, 0.01 and 0.5 per million");
    let over = at.with_uncached_input(2);
    assert_eq!(price.charge(&over).total(), usd("0.007500950"), "0.5, 0.05 and 2.5 per million");
    assert_eq!(price.context_bounds().collect::<Vec<_>>(), [100_000]);
}

#[test]
fn a_bound_uses_the_highest_rate_that_could_apply() {
    let price = bundled(SONNET);
    assert_eq!(price.bound(100_000, 1_000, CacheUse::NoWrites), usd("0.3465"));
    assert_eq!(price.bound(100_000, 1_000, CacheUse::MayWrite), usd("0.6765"), "all written for an hour");
    assert_eq!(price.bound(200_001, 0, CacheUse::NoWrites), usd("1.3200066"), "over 200,000 tokens");
    let charge = price.bound_charge(100_000, 1_000, CacheUse::MayWrite);
    assert_eq!(charge.status(), CostStatus::Bounded);
    assert_eq!((charge.input(), charge.output()), (usd("0.66"), usd("0.0165")));
}

#[test]
fn units_are_charged_if_they_were_counted() {
    let price = bundled("cohere.rerank-v3-5:0");
    assert!(!price.charge(&Usage::new()).is_priced(), "the queries were not counted");
    let queries = Units::from(UnitCount::new(Unit::Query, 3));
    let charge = price.charge_with_units(&Usage::new(), &queries);
    assert_eq!((charge.other(), charge.status()), (usd("0.006"), CostStatus::Exact));
    let unpriced = Units::from(UnitCount::new(Unit::OutputImage, 1));
    let charge = price.charge_with_units(&Usage::new(), &unpriced);
    assert_eq!((charge.total(), charge.is_priced()), (Usd::ZERO, false));
    assert_eq!(price.charge_with_units(&Usage::new(), &Units::new()), Charge::free());
}

#[test]
fn seconds_images_and_tokens_add_up_by_direction() {
    let price = bundled("amazon.nova-2-multimodal-embeddings-v1:0");
    let usage = Usage::new().with_uncached_input(1_000);
    let mut units = Units::from(UnitCount::of_thousandths(Unit::InputVideoSecond, 12_500));
    units.add(UnitCount::new(Unit::InputImage, 2));
    let charge = price.charge_with_units(&usage, &units);
    assert_eq!(charge.input(), usd("0.009005"), "0.000135 + 0.00875 + 0.00012");
    assert_eq!((charge.total(), charge.status()), (charge.input(), CostStatus::Exact));
    let document = UnitCount::new(Unit::InputImage, 1).with_word("document");
    assert_eq!(price.charge_units(&document.into()).total(), usd("0.0006"));
}

#[test]
fn an_image_has_the_narrowest_price_that_applies() {
    let price = bundled("stability.stable-diffusion-xl-v0");
    let cost = |side, steps| {
        let count = UnitCount::new(Unit::OutputImage, 1).with_side(side).with_steps(steps);
        price.charge_units(&count.into()).total()
    };
    assert_eq!(cost(512, 50), usd("0.018"));
    assert_eq!(cost(512, 51), usd("0.036"));
    assert_eq!(cost(513, 50), usd("0.036"));
    assert_eq!(cost(1024, 150), usd("0.072"));
}

#[test]
fn audio_has_its_own_price() {
    let price = bundled("amazon.nova-2-sonic-v1:0");
    let usage =
        Usage::new().with_uncached_input(1_000).with_output(1_000).with_input_audio(10_000).with_output_audio(2_000);
    let charge = price.charge(&usage);
    assert_eq!((charge.input(), charge.output()), (usd("0.03033"), usd("0.02675")));
    assert_eq!(charge.status(), CostStatus::Exact);
    let without_audio = bundled(SONNET).charge(&Usage::new().with_input_audio(1));
    assert!(!without_audio.is_priced(), "never priced as text");
}

#[test]
fn guardrail_units_have_the_price_of_their_policy() {
    let at = "2026-11-20T00:00:00Z".parse().unwrap();
    let prices = Prices::bundled();
    let price = prices.guardrails(Some("eu-west-1"), at).unwrap();
    let units: Units = [("topicPolicyUnits", 2), ("contentPolicyUnits", 1), ("wordPolicyUnits", 9)]
        .map(|(policy, count)| UnitCount::new(Unit::GuardrailUnit, count).with_word(policy))
        .into_iter()
        .collect();
    let charge = price.charge_units(&units);
    assert_eq!((charge.other(), charge.status()), (usd("0.00045"), CostStatus::Exact));
    let unknown = UnitCount::new(Unit::GuardrailUnit, 1).with_word("otherPolicyUnits");
    assert!(!price.charge_units(&unknown.into()).is_priced());
    assert!(prices.guardrails(Some("us-gov-west-1"), at).is_none());
}

#[test]
fn capacity_is_priced_by_time_and_separately_from_calls() {
    let at = "2026-11-20T00:00:00Z".parse().unwrap();
    let prices = Prices::bundled();
    let mut query = PriceQuery::new(ModelRef::parse("anthropic.claude-v2:1").unwrap(), at);
    query.region = Some("us-east-1");
    query.tier = Tier::Provisioned;
    let price = prices.lookup(&query).unwrap();
    assert_eq!(price.capacity_cost(Unit::ModelUnitHour, Some("1-month"), 2_500), Some(usd("157.5")));
    assert_eq!(price.capacity_cost(Unit::ModelUnitHour, None, 1_000), None);
    assert_eq!(bundled("cohere.rerank-v3-5:0").capacity_cost(Unit::Query, None, 1_000), None);
}

prop_compose! {
    fn any_usage(max: u64)(counts in prop::array::uniform8(0..=max)) -> Usage {
        let [input, output, read, five, thirty, hour, input_audio, output_audio] = counts;
        Usage::new()
            .with_uncached_input(input)
            .with_output(output)
            .with_cache_read(read)
            .with_cache_write(CacheTtl::FiveMinutes, five)
            .with_cache_write(CacheTtl::ThirtyMinutes, thirty)
            .with_cache_write(CacheTtl::OneHour, hour)
            .with_input_audio(input_audio)
            .with_output_audio(output_audio)
    }
}

prop_compose! {
    fn any_rates()(rates in prop::array::uniform8(prop::option::of(0_u64..1_000_000_000))) -> Rates {
        Rates::from_all(rates.map(|rate| rate.map(|micros| {
            Rate::per_million(&format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)).unwrap()
        })))
    }
}

proptest! {
    #[test]
    fn a_charge_is_linear_within_a_context_tier(rates in any_rates(), a in any_usage(1 << 40), b in any_usage(1 << 40)) {
        let price = price(&[(0, rates)]);
        let (x, y, sum) = (price.charge(&a), price.charge(&b), price.charge(&(a + b)));
        prop_assert_eq!(sum.total(), x.total() + y.total());
        prop_assert_eq!(sum.cache_savings(), x.cache_savings() + y.cache_savings());
        prop_assert_eq!(sum.status(), x.status().weakest(y.status()));
    }

    #[test]
    fn the_context_tier_changes_exactly_at_its_bound(
        low in any_rates(), high in any_rates(), bound in 1_u64..1 << 40, cached in 0_u64..1 << 40,
    ) {
        let price = price(&[(0, low), (bound, high)]);
        let usage = |input: u64| {
            let read = cached.min(input);
            Usage::new().with_uncached_input(input - read).with_cache_read(read).with_output(7)
        };
        prop_assert_eq!(price.charge(&usage(bound)), token_charge::token_charge(&low, &usage(bound)));
        prop_assert_eq!(price.charge(&usage(bound + 1)), token_charge::token_charge(&high, &usage(bound + 1)));
    }

    #[test]
    fn no_usage_overflows_and_the_parts_sum_up_to_the_total(usage in any_usage(u64::MAX), rates in any_rates()) {
        let top = Rates::from_all([rate("1000000000"); 8]);
        for rates in [rates, top] {
            let charge = price(&[(0, rates)]).charge(&usage);
            let parts = [charge.input(), charge.output(), charge.cache_read(), charge.cache_write()];
            let sum = parts.iter().try_fold(Usd::ZERO, |sum, &part| sum.checked_add(part));
            prop_assert_eq!(sum, Some(charge.total()));
            prop_assert!(charge.total() < Usd::MAX && !charge.total().is_negative());
        }
    }

    #[test]
    fn no_usage_costs_more_than_its_bound(
        low in any_rates(), high in any_rates(), over in 1_u64..1 << 20, usage in any_usage(1 << 20),
        room in 0_u64..1 << 20,
    ) {
        let price = price(&[(0, low), (over, high)]);
        let input = usage.input_tokens() + room;
        let cache = if usage.cache_write_tokens() > 0 { CacheUse::MayWrite } else { CacheUse::NoWrites };
        let charge = price.charge(&usage);
        let bound = price.bound(input, usage.output_tokens() + room, cache);
        prop_assert!(charge.total() <= bound, "{} over {}", charge.total(), bound);
    }
}
