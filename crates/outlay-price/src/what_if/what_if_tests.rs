use super::*;
use crate::{GuardrailUse, Unit, UnitCount, Units};

const SONNET: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn model(id: &str) -> ModelRef<'_> {
    ModelRef::parse(id).unwrap()
}

fn query(id: &str) -> PriceQuery<'_> {
    let query = PriceQuery::new(model(id), "2026-11-20T00:00:00Z".parse().unwrap());
    PriceQuery { region: Some("us-east-1"), ..query }
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn worked_example() -> Usage {
    Usage::new()
        .with_uncached_input(1_000)
        .with_output(500)
        .with_cache_read(20_000)
        .with_cache_write(CacheTtl::FiveMinutes, 1_000)
        .with_cache_write(CacheTtl::OneHour, 3_000)
}

fn what_if(id: &str, tokens: Usage, change: Change<'_>) -> WhatIf {
    Prices::bundled().what_if(&query(id), &tokens.into(), &change)
}

/// Returns the cost of a change, which must not be a range.
fn figure(change: Change<'_>) -> Usd {
    let what_if = what_if(SONNET, worked_example(), change);
    assert!(!what_if.is_range() && what_if.high().is_priced(), "{what_if:?}");
    assert_eq!(what_if.recorded().total(), usd("0.042075"));
    assert_eq!(
        what_if.saves(),
        Some((usd("0.042075") - what_if.low().total(), usd("0.042075") - what_if.low().total()))
    );
    what_if.low().total()
}

#[test]
fn no_change_costs_the_same() {
    let what_if = what_if(SONNET, worked_example(), Change::new());
    assert_eq!((what_if.low(), what_if.high()), (what_if.recorded(), what_if.recorded()));
    assert_eq!(what_if.saves(), Some((Usd::ZERO, Usd::ZERO)));
    assert!(what_if.notes().is_empty());
    assert_eq!(what_if.low().status(), CostStatus::Exact);
}

#[test]
fn a_routing_has_its_own_price() {
    assert_eq!(
        figure(Change::new().with_routing(Routing::Global)),
        usd("0.03825"),
        "without the premium of 10% in 0.042075"
    );
    assert_eq!(figure(Change::new().with_routing(Routing::InRegion)), usd("0.042075"));
    let arn = format!("arn:aws:bedrock:us-east-1:123456789012:inference-profile/{SONNET}");
    let global = what_if(&arn, worked_example(), Change::new().with_routing(Routing::Global));
    assert_eq!(global.high().total(), usd("0.03825"));
}

#[test]
fn caching_only_changes_the_input() {
    let off = figure(Change::new().with_caching(Caching::Off));
    assert_eq!(off, usd("0.09075"), "25,000 at 3.30 and 500 at 16.50");
    let five = figure(Change::new().with_caching(Caching::Ttl(CacheTtl::FiveMinutes)));
    assert_eq!(five, usd("0.03465"), "4,000 at 4.125 instead of 0.023925");
    let read = what_if(SONNET, worked_example(), Change::new().with_caching(Caching::ReadPermille(333)));
    assert_eq!(read.high().input(), usd("0.0022011"), "667 plain");
    assert_eq!(read.high().cache_read(), usd("0.00670989"), "20,333 read");
    assert_eq!(read.high().status(), CostStatus::Estimated);
    assert_eq!(read.notes().len(), 1);
    let all = what_if(SONNET, worked_example(), Change::new().with_caching(Caching::ReadPermille(5_000)));
    assert_eq!((all.high().input(), all.high().cache_read()), (Usd::ZERO, usd("0.00693")), "at most 1,000");
}

#[test]
fn a_lifetime_without_a_price_is_unpriced() {
    let change = Change::new().with_caching(Caching::Ttl(CacheTtl::ThirtyMinutes));
    let what_if = what_if(SONNET, worked_example(), change);
    assert_eq!(what_if.high().status(), CostStatus::Unpriced);
    assert_eq!(what_if.saves(), None);
    assert_eq!(what_if.notes().len(), 1);
}

#[test]
fn savings_are_unknown_for_an_unknown_price() {
    for change in [
        Change::new().with_tier(Tier::Ultrafast),
        Change::new().with_latency(Latency::Optimized),
        Change::new().with_model(model("anthropic.claude-nonesuch-9")),
        Change::new().with_routing(Routing::Geo(crate::Geo::Ca)),
    ] {
        let what_if = what_if(SONNET, worked_example(), change);
        assert_eq!(what_if.low().status(), CostStatus::Unpriced, "{change:?}");
        assert_eq!(what_if.saves(), None, "{change:?}");
        assert!(what_if.recorded().is_priced());
    }
    let known = what_if("my-profile.unknown", worked_example(), Change::new().with_model(model(SONNET)));
    assert!(known.high().is_priced());
    assert_eq!(known.saves(), None, "the recorded cost is unknown");
}

#[test]
fn a_different_tokenizer_gives_a_range_with_the_reason() {
    let haiku = model("us.anthropic.claude-haiku-4-5-20251001-v1:0");
    assert_eq!(figure(Change::new().with_model(haiku)), usd("0.014025"), "a third");
    let five = what_if(SONNET, worked_example(), Change::new().with_model(model("us.anthropic.claude-sonnet-5")));
    assert!(five.is_range());
    // 2.20, 11, 0.22, 2.75 and 4.40 per million, for the same counts and for 1,470; 735; 29,400; 1,470; 4,410.
    assert_eq!((five.low().total(), five.high().total()), (usd("0.02805"), usd("0.0412335")));
    assert_eq!(five.saves(), Some((usd("0.0008415"), usd("0.014025"))));
    assert_eq!(five.high().status(), CostStatus::Estimated);
    assert!(five.notes()[0].contains("1.0 to 1.35 times"), "{:?}", five.notes());
    let back = what_if("us.anthropic.claude-sonnet-5", worked_example(), Change::new().with_model(model(SONNET)));
    assert!(back.low().total() < back.high().total());
    assert_eq!(back.high().total(), usd("0.042075"));
}

#[test]
fn each_end_of_a_range_is_charged_in_its_own_context_tier() {
    let usage = Usage::new().with_uncached_input(90_000);
    let haiku = model("global.anthropic.claude-haiku-5-5");
    let what_if = what_if("global.anthropic.claude-haiku-4-5-20251001-v1:0", usage, Change::new().with_model(haiku));
    assert_eq!(what_if.low().total(), usd("0.009"), "90,000 at 0.1");
    assert_eq!(what_if.high().total(), usd("0.06615"), "132,300, over 100,000, at 0.5");
}

#[test]
fn an_end_of_a_range_without_a_price_is_unpriced() {
    let batch = Change::new().with_model(model(SONNET)).with_tier(Tier::Batch);
    let usage = Usage::new().with_uncached_input(150_000);
    let ends = what_if("us.amazon.nova-pro-v1:0", usage, batch);
    assert!(ends.low().is_priced() && !ends.high().is_priced(), "no batch price above the bound, for 300,000");
    assert_eq!(ends.saves(), None);
}

#[test]
fn a_range_is_in_order_if_a_higher_context_tier_is_cheaper() {
    let prices = Prices::from_toml(
        r#"
        [[price]]
        model = "acme.big"
        input = "10"
        output = "10"
        [[price]]
        model = "acme.big"
        context_over = 1_000
        input = "1"
        output = "1"
        "#,
    )
    .unwrap();
    let used = Usage::new().with_uncached_input(1_000).into();
    let what_if =
        prices.what_if(&query("us.amazon.nova-pro-v1:0"), &used, &Change::new().with_model(model("acme.big")));
    assert_eq!((what_if.low().total(), what_if.high().total()), (usd("0.002"), usd("0.005")));
}

#[test]
fn counts_of_audio_units_and_guardrails_stay_the_same() {
    let topics = UnitCount::new(Unit::GuardrailUnit, 2).with_word("topicPolicyUnits");
    let used = Used {
        tokens: Usage::new().with_input_audio(1_000),
        units: Some(Units::new()),
        guardrail: GuardrailUse::Counted(topics.into()),
    };
    let sonic = model("amazon.nova-2-5-sonic");
    let what_if =
        Prices::bundled().what_if(&query("amazon.nova-2-sonic-v1:0"), &used, &Change::new().with_model(sonic));
    assert!(!what_if.is_range() && what_if.notes().is_empty(), "no text");
    assert_eq!(what_if.high().status(), CostStatus::Estimated, "a single source has the price of Nova 2.5 Sonic");
    assert_eq!((what_if.high().input(), what_if.high().other()), (usd("0.003"), usd("0.0003")));
}

#[test]
fn an_alias_is_resolved_before_the_change() {
    let name = "my-capacity";
    let prices = Prices::from_toml(&format!("[[alias]]\nfrom = \"{name}\"\nto = \"{SONNET}\"")).unwrap();
    let used = worked_example().into();
    let on_demand = prices.what_if(&query(name), &used, &Change::new().with_tier(Tier::Default));
    assert_eq!(on_demand.high().total(), usd("0.042075"));
    assert!(!on_demand.is_range(), "the same model");
    let global = prices.what_if(&query(name), &used, &Change::new().with_routing(Routing::Global));
    assert_eq!(global.high().total(), usd("0.03825"));
}

#[test]
fn the_price_of_an_opaque_resource_does_not_apply_to_another_routing() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abc";
    let prices = Prices::from_toml(&format!("[[price]]\nmodel = \"{arn}\"\ninput = \"7\"")).unwrap();
    let used = Usage::new().with_uncached_input(1_000_000).into();
    let global = prices.what_if(&query(arn), &used, &Change::new().with_routing(Routing::Global));
    assert_eq!((global.recorded().total(), global.high().status()), (usd("7"), CostStatus::Unpriced));
}

#[test]
fn the_new_model_is_called_in_the_recorded_region() {
    let gov = PriceQuery { region: Some("us-gov-west-1"), ..query("amazon.nova-pro-v1:0") };
    let used = Usage::new().with_uncached_input(1_000_000).into();
    let lite = Change::new().with_model(model("amazon.nova-lite-v1:0"));
    assert_eq!(
        Prices::bundled().what_if(&gov, &used, &lite).high().total(),
        usd("0.072"),
        "not 0.06, the commercial price"
    );
    let arn = "arn:aws:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0";
    let of_arn = PriceQuery { region: None, ..query(arn) };
    assert_eq!(Prices::bundled().what_if(&of_arn, &used, &lite).high().total(), usd("0.072"));
}

#[test]
fn charges_keep_the_status_of_the_record() {
    for status in [CostStatus::Bounded, CostStatus::Estimated] {
        let what_if = what_if(SONNET, worked_example(), Change::new().with_caching(Caching::Off)).with_status(status);
        assert_eq!([what_if.recorded(), what_if.low(), what_if.high()].map(Charge::status), [status; 3]);
        assert!(what_if.saves().is_some());
    }
}

#[test]
fn no_counts_overflow() {
    let most = Usage::new()
        .with_uncached_input(u64::MAX)
        .with_cache_read(u64::MAX)
        .with_cache_write(CacheTtl::OneHour, u64::MAX)
        .with_output(u64::MAX);
    for caching in [Caching::Off, Caching::Ttl(CacheTtl::OneHour), Caching::ReadPermille(999)] {
        let change = Change::new().with_model(model("us.anthropic.claude-sonnet-5")).with_caching(caching);
        assert!(what_if(SONNET, most, change).high().total() > Usd::ZERO);
    }
}
