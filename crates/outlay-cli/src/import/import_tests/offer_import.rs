use proptest::prelude::*;

use crate::import::{Imported, aws_price_list, aws_price_lists};
use outlay_price::{CacheTtl, Geo, ModelRef, PriceQuery, Prices, Routing, Tier, Unit, UnitCount, Usage};

const BEDROCK: &str = include_str!("../aws/fixtures/bedrock.json");
const SERVICE: &str = include_str!("../aws/fixtures/service.json");
const MODELS: &str = include_str!("../aws/fixtures/foundation-models.json");

fn query<'a>(model: &'a str, region: &'a str, day: &str) -> PriceQuery<'a> {
    let at = format!("{day}T00:00:00Z").parse().unwrap();
    PriceQuery { region: Some(region), ..PriceQuery::new(ModelRef::parse(model).unwrap(), at) }
}

/// Returns dollars per million tokens, or `None` if part of the usage has no price.
fn per_million(prices: &Prices, query: &PriceQuery<'_>, one: Usage) -> Option<String> {
    let charge = prices.lookup(query)?.charge(&one);
    charge.is_priced().then(|| charge.total().saturating_mul(1_000_000).to_decimal())
}

fn input(prices: &Prices, query: &PriceQuery<'_>) -> Option<String> {
    per_million(prices, query, Usage::new().with_uncached_input(1))
}

fn skipped(imported: &Imported) -> String {
    imported.skipped.iter().map(|skip| format!("{}: {}\n", skip.what, skip.why)).collect()
}

#[test]
fn a_price_applies_from_the_day_of_its_term() {
    let prices = aws_price_list(BEDROCK).unwrap().prices;
    let price = |day| input(&prices, &query("amazon.nova-lite-v1:0", "us-east-1", day));
    assert_eq!(price("2026-07-31"), None, "the list has no earlier price");
    assert_eq!(price("2026-08-01").as_deref(), Some("0.06"));
    assert_eq!(price("2026-10-01").as_deref(), Some("0.05"), "the price was cut");
    assert_eq!(price("2026-12-31").as_deref(), Some("0.05"));
    assert_eq!(price("2027-01-01").as_deref(), Some("0.04"), "an announced price");
    let late = query("amazon.nova-lite-v1:0", "us-east-1", "2027-02-01");
    assert_eq!(per_million(&prices, &late, Usage::new().with_output(1)).as_deref(), Some("0.24"), "an unchanged price");
    let stands_in = prices.lookup(&PriceQuery { region: Some("eu-west-1"), ..late }).unwrap();
    assert_eq!(stands_in.confidence(), outlay_price::Confidence::Elsewhere);
    assert_eq!(input(&prices, &PriceQuery { region: Some("us-gov-west-1"), ..late }), None, "another partition");
}

#[test]
fn prices_have_their_source_and_day() {
    let prices = aws_price_list(BEDROCK).unwrap().prices;
    assert_eq!(prices.version(), "AmazonBedrock-20261120000000");
    let price = prices.lookup(&query("amazon.nova-lite-v1:0", "us-east-1", "2026-08-01")).unwrap();
    assert_eq!((&**price.source(), &**price.as_of()), ("aws-price-list", "2026-11-20"));
    assert_eq!(price.note(), "nova-writes-are-free");
    let price = prices.lookup(&query("us.amazon.nova-lite-v1:0", "us-east-1", "2026-08-01")).unwrap();
    assert_eq!((price.routing(), price.note()), (Routing::Geo(Geo::Us), "geo-bills-as-region,nova-writes-are-free"));
}

#[test]
fn tiers_units_speech_and_guardrails_are_read() {
    let prices = aws_price_list(BEDROCK).unwrap().prices;
    let nova = query("amazon.nova-lite-v1:0", "us-east-1", "2026-11-20");
    assert_eq!(input(&prices, &PriceQuery { tier: Tier::Batch, ..nova }).as_deref(), Some("0.03"));
    let sonic = query("amazon.nova-sonic-v1:0", "us-east-1", "2026-11-20");
    assert_eq!(per_million(&prices, &sonic, Usage::new().with_input_audio(1)).as_deref(), Some("3.4"));
    let canvas = prices.lookup(&query("amazon.nova-canvas-v1:0", "us-east-1", "2026-11-20")).unwrap();
    assert_eq!(canvas.units()[0].to_string(), "output_image[side<=1024,premium]=0.06");
    let guardrails = prices.guardrails(Some("us-east-1"), nova.at).unwrap();
    assert_eq!(guardrails.units()[0].to_string(), "guardrail_unit[contentPolicyUnits]=0.00015");
}

#[test]
fn a_long_context_has_the_bound_of_the_bundled_table_or_no_price() {
    let prices = aws_price_list(BEDROCK).unwrap().prices;
    let terra = query("openai.gpt-5.6-terra", "us-gov-west-1", "2026-11-20");
    let price = prices.lookup(&terra).unwrap();
    assert_eq!(price.context_bounds().collect::<Vec<_>>(), [272_000]);
    let cost = |tokens| price.charge(&Usage::new().with_uncached_input(tokens)).total().to_decimal();
    assert_eq!((cost(272_000).as_str(), cost(272_001).as_str()), ("0.8976", "1.7952066"));
    let write = Usage::new().with_cache_write(CacheTtl::ThirtyMinutes, 1);
    assert_eq!(per_million(&prices, &terra, write).as_deref(), Some("4.125"));
    let priority = prices.lookup(&PriceQuery { tier: Tier::Priority, ..terra }).unwrap();
    assert_eq!(priority.note(), "long-context-price-unknown");
    assert!(priority.charge(&Usage::new().with_uncached_input(272_000)).is_priced());
    assert!(!priority.charge(&Usage::new().with_uncached_input(272_001)).is_priced(), "unknown, not cheap");
}

#[test]
fn skipped_parts_are_listed_with_the_reason() {
    let imported = aws_price_list(BEDROCK).unwrap();
    assert_eq!(skipped(&imported), include_str!("../aws/fixtures/bedrock-skipped.txt"));
    let imported = aws_price_list(SERVICE).unwrap();
    assert_eq!(
        skipped(&imported),
        "\
aws-price-list USE1-Claude4Haiku-input-tokens (SKU0007): `Claude4Haiku` is not the name of a known model
in-region.anthropic.claude-sonnet-4-20250514-v1:0 in us-east-2, default: it applies above 200000 input tokens, and there is no price for fewer
us.anthropic.claude-sonnet-4-20250514-v1:0 in us-east-2, default: it applies above 200000 input tokens, and there is no price for fewer
"
    );
    let imported = aws_price_list(MODELS).unwrap();
    assert_eq!(skipped(&imported), include_str!("../aws/fixtures/foundation-models-skipped.txt"));
}

#[test]
fn the_global_price_differs_from_the_regional_one() {
    let prices = aws_price_list(SERVICE).unwrap().prices;
    let sonnet = |prefix: &str| format!("{prefix}anthropic.claude-sonnet-4-20250514-v1:0");
    let [bare, us, global] = ["", "us.", "global."].map(sonnet);
    let write = Usage::new().with_cache_write(CacheTtl::FiveMinutes, 1);
    for (model, want) in [(&bare, Some("3.75")), (&us, Some("3.75")), (&global, None)] {
        assert_eq!(per_million(&prices, &query(model, "us-east-1", "2026-11-20"), write).as_deref(), want, "{model}");
    }
    let global = query(&global, "us-east-1", "2026-11-20");
    assert_eq!(input(&prices, &PriceQuery { tier: Tier::Batch, ..global }).as_deref(), Some("1.5"));
}

#[test]
fn a_geography_with_its_own_product_has_its_own_price() {
    let product =
        |sku: &str, usage_type: &str| format!(r#""{sku}": {{"attributes": {{"usagetype": "{usage_type}"}}}}"#);
    let term = |sku: &str, usd: &str| {
        format!(
            r#""{sku}": {{"T": {{"priceDimensions": {{"R": {{"unit": "1M tokens", "pricePerUnit": {{"USD": "{usd}"}}}}}}}}}}"#
        )
    };
    let text = format!(
        r#"{{"offerCode": "AmazonBedrockService", "products": {{{}, {}}}, "terms": {{"OnDemand": {{{}, {}}}}}}}"#,
        product("A", "APN1-Claude5Sonnet-input-tokens"),
        product("B", "APN1-Claude5Sonnet-input-tokens-cross-region-geo"),
        term("A", "2.2"),
        term("B", "2.1"),
    );
    let prices = aws_price_list(&text).unwrap().prices;
    for (model, want) in [
        ("anthropic.claude-sonnet-5", Some("2.2")),
        ("jp.anthropic.claude-sonnet-5", Some("2.1")),
        ("apac.anthropic.claude-sonnet-5", Some("2.1")),
        ("us.anthropic.claude-sonnet-5", None),
        ("global.anthropic.claude-sonnet-5", None),
    ] {
        assert_eq!(input(&prices, &query(model, "ap-northeast-1", "2026-11-20")).as_deref(), want, "{model}");
    }
}

#[test]
fn marketplace_products_are_found_by_name() {
    let prices = aws_price_list(MODELS).unwrap().prices;
    let day = "2026-11-20";
    assert_eq!(input(&prices, &query("anthropic.claude-sonnet-4-6", "us-east-1", day)).as_deref(), Some("3.3"));
    let global = query("global.anthropic.claude-sonnet-4-6", "us-east-1", day);
    assert_eq!(input(&prices, &global).as_deref(), Some("3"));
    let hour = Usage::new().with_cache_write(CacheTtl::OneHour, 1);
    assert_eq!(per_million(&prices, &global, hour).as_deref(), Some("6"));
    let opus = query("global.anthropic.claude-opus-5", "eu-west-1", "2025-01-01");
    assert_eq!(input(&prices, &opus).as_deref(), Some("5"), "a term without a date has no start");
    let haiku = query("anthropic.claude-3-haiku-20240307-v1:0", "ap-northeast-1", day);
    assert_eq!(input(&prices, &PriceQuery { tier: Tier::Batch, ..haiku }).as_deref(), Some("0.125"));
    let rerank = prices.lookup(&query("cohere.rerank-v3-5:0", "us-east-1", day)).unwrap();
    let queries = UnitCount::new(Unit::Query, 1_000);
    assert_eq!(rerank.charge_units(&queries.into()).total().to_decimal(), "2");
    let capacity = PriceQuery { tier: Tier::Provisioned, ..query("anthropic.claude-v2:1", "us-east-1", day) };
    let hour = prices.lookup(&capacity).unwrap().capacity_cost(Unit::ModelUnitHour, Some("no-commitment"), 1_000);
    assert_eq!(hour.unwrap().to_decimal(), "70");
}

#[test]
fn several_offers_make_one_layer() {
    let imported = aws_price_lists(&[BEDROCK, SERVICE, MODELS]).unwrap();
    let prices = imported.prices.over(&Prices::bundled());
    assert_eq!(
        prices.version(),
        "2026-11-28+AmazonBedrock-20261120000000+AmazonBedrockService-20261118000000+AmazonBedrockFoundationModels-20261119000000"
    );
    let deepseek = query("deepseek.v3.1", "us-east-1", "2026-11-20");
    assert!(prices.lookup(&deepseek).is_some(), "the bundled table has the rest");
}

#[test]
fn other_files_are_rejected() {
    for (text, want) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("[]", "invalid length 0, expected struct OfferFile with 5 elements at line 1 column 2"),
        ("{}", "missing field `offerCode` at line 1 column 2"),
        (
            r#"{"offerCode": "AmazonEC2", "products": {}, "terms": {}}"#,
            "the offer `AmazonEC2` has no prices of Bedrock",
        ),
        (
            r#"{"offerCode": "AmazonBedrock", "products": 1}"#,
            "invalid type: integer `1`, expected an object at line 1 column 44",
        ),
    ] {
        let error = aws_price_list(text).unwrap_err().to_string();
        assert_eq!(error, format!("not an AWS price list of Amazon Bedrock: {want}"), "{text}");
    }
}

/// Returns the fixture with a part replaced: similar to a list, and mostly broken.
fn mangled(at: usize, length: usize, by: &str) -> String {
    let start = (at % BEDROCK.len()..).find(|&at| BEDROCK.is_char_boundary(at)).unwrap();
    let end = (start + length).min(BEDROCK.len());
    format!("{}{by}{}", &BEDROCK[..start], &BEDROCK[end..])
}

proptest! {
    #[test]
    fn any_bytes_are_imported_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = aws_price_list(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_broken_list_is_imported_or_rejected(at in any::<usize>(), length in 0..30_usize, by in "[0-9a-zA-Z\"{}:,.-]{0,12}") {
        let _ = aws_price_list(&mangled(at, length, &by));
    }

    #[test]
    fn any_amount_is_read_or_skipped(amount in "[-+0-9.e]{0,40}", unit in "(1K |1M |Million |)(tokens|Units|Images?|hours|x)", thing in "(input|cache-read)-tokens|T2I-1024-Premium") {
        let text = format!(
            r#"{{"offerCode": "AmazonBedrock", "products": {{"A": {{"attributes": {{"usagetype": "USE1-NovaLite-{thing}"}}}}}},
            "terms": {{"OnDemand": {{"A": {{"A.T": {{"priceDimensions": {{"A.T.R": {{"unit": "{unit}", "pricePerUnit": {{"USD": "{amount}"}}}}}}}}}}}}}}}}"#
        );
        let imported = aws_price_list(&text).unwrap();
        prop_assert_eq!(imported.skipped.is_empty(), imported.prices.rows().next().is_some());
    }
}
