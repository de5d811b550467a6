use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use crate::import::{ImportOptions, Imported, genai_prices, litellm};
use outlay_price::{CacheTtl, Confidence, ModelRef, Price, PriceQuery, Prices, Routing, Usage, Usd};

fn source(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/sources").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn options() -> ImportOptions {
    ImportOptions::new("test-1").with_as_of("2026-11-24")
}

fn skipped_lines(imported: &Imported) -> Vec<String> {
    imported.skipped.iter().map(|skip| format!("{}: {}", skip.what, skip.why)).collect()
}

fn input(prices: &Prices, model: &str) -> Option<String> {
    let at = "2026-11-20T00:00:00Z".parse().unwrap();
    let price = prices.lookup(&PriceQuery::new(ModelRef::parse(model).unwrap(), at))?;
    Some(price.charge(&Usage::new().with_uncached_input(1)).total().saturating_mul(1_000_000).to_decimal())
}

/// Returns all figures of a price.
fn figures(price: &Price) -> (Vec<Usd>, Vec<u64>, String) {
    let one = Usage::new()
        .with_uncached_input(1)
        .with_output(10)
        .with_cache_read(100)
        .with_cache_write(CacheTtl::FiveMinutes, 1_000)
        .with_cache_write(CacheTtl::OneHour, 10_000);
    let long = one.with_uncached_input(1_000_000);
    let charges = [one, long].map(|usage| price.charge(&usage).total());
    (charges.to_vec(), price.context_bounds().collect(), format!("{:?}", price.units()))
}

#[test]
fn the_source_of_the_bundled_table_imports_to_its_rows() {
    let imported = litellm(&source("litellm-1.110.2-bedrock.json"), &options()).unwrap();
    let key = |price: &Price| {
        let region = price.region().map(str::to_owned);
        (price.model().to_owned(), region, price.routing(), price.tier())
    };
    let own: std::collections::HashMap<_, _> = imported.prices.rows().map(|price| (key(price), price)).collect();
    let bundled = Prices::bundled();
    // LiteLLM states prices of a geographic profile for the whole geography only.
    let is_stated = |price: &Price| match price.routing() {
        Routing::Geo(geo) => price.region().is_none_or(|region| region == geo.as_str()),
        _ => true,
    };
    // Models with prices that LiteLLM has only for another id.
    let twins = [
        "moonshot.kimi-k2-thinking",
        "qwen.qwen3-next-80b-a3b-instruct",
        "amazon.titan-embed-g1-text-02",
        "anthropic.claude-haiku-4-5",
    ];
    let is_of_twin = |price: &Price| twins.contains(&price.model()) && !own.contains_key(&key(price));
    let is_its_own = |price: &&Price| &**price.source() == "litellm-1.110.2" && is_stated(price) && !is_of_twin(price);
    let alone = bundled.rows().filter(is_its_own);
    let mut compared = 0;
    for price in alone {
        // The import does not state the region of a price without one.
        let (model, _, routing, tier) = key(price);
        let own = own.get(&key(price)).or_else(|| own.get(&(model, None, routing, tier)));
        let own = own.unwrap_or_else(|| panic!("{price:?}"));
        assert_eq!(figures(own), figures(price), "{price:?}");
        assert_eq!((&**own.source(), &**own.as_of(), &**own.version()), ("test-1", "2026-11-24", "test-1"));
        compared += 1;
    }
    assert!(compared > 300, "{compared}");
    assert!(
        skipped_lines(&imported)
            .iter()
            .all(|line| line.contains("Claude Platform") || !line.contains("not understood"))
    );
}

#[test]
fn only_bedrock_rows_of_litellm_are_imported_and_the_others_skipped() {
    let text = r#"{
        "sample_spec": {"litellm_provider": "one of ...", "input_cost_per_token": 0.0},
        "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06},
        "us.anthropic.claude-sonnet-4-6": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 3.3e-06,
            "input_cost_per_furlong": 1},
        "us.deepseek.v9": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 1e-6, "output_cost_per_token": "dear"},
        "bedrock/us-east-1'9/deepseek.v9": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 1e-6},
        "anthropic.claude-sonnet-4-6": {"litellm_provider": "bedrock", "input_cost_per_token": 3e-06},
        "bedrock/us-gov-west-1/deepseek.v3.1": {"litellm_provider": "bedrock", "input_cost_per_token_above_200k_tokens": 1e-6},
        "bedrock/wherever/deepseek.v3.1": {"litellm_provider": "bedrock", "input_cost_per_token": 1e-6},
        "deepseek.v9": {"litellm_provider": "bedrock", "input_cost_per_token_above_99999999999999999k_tokens": 1e-6},
        "a": 1,
        "bedrock/us-east-1/deepseek.v3.2": {"input_cost_per_token": 7e-07},
        "amazon.nova-lite-v1:0": {"litellm_provider": "bedrock", "input_cost_per_token": 6e-08, "cache_read_input_token_cost": 1.5e-8}
    }"#;
    let imported = litellm(text, &options()).unwrap();
    assert_eq!(
        skipped_lines(&imported),
        [
            "in-region.deepseek.v3.1 in us-gov-west-1, default: it applies above 200000 input tokens, and there is no price for fewer",
            "litellm: a: invalid type: integer `1`, expected a map at line 1 column 1",
            "litellm: bedrock/us-east-1'9/deepseek.v9: the key is not understood",
            "litellm: bedrock/wherever/deepseek.v3.1: the key is not understood",
            "litellm: deepseek.v9: input_cost_per_token_above_99999999999999999k_tokens: 1e-6 is not understood",
            "litellm: us.anthropic.claude-sonnet-4-6: input_cost_per_furlong: 1 is not understood",
            "litellm: us.deepseek.v9: a price of tokens is not understood, and the row is left out",
            "litellm: us.deepseek.v9: output_cost_per_token: \"dear\" is not understood",
        ]
    );
    let prices = imported.prices;
    assert_eq!(input(&prices, "us.anthropic.claude-sonnet-4-6").as_deref(), Some("3.3"));
    assert_eq!(
        input(&prices, "anthropic.claude-sonnet-4-6").as_deref(),
        Some("3.3"),
        "corrected: a bare id is regional"
    );
    assert_eq!(input(&prices, "gpt-4o"), None);
    assert_eq!(input(&prices, "us.deepseek.v9"), None, "an incomplete price is left out");
    assert!(prices.rows().any(|price| price.region() == Some("us-east-1") && price.model() == "deepseek.v3.2"));
    let nova = prices.rows().find(|price| price.model() == "amazon.nova-lite-v1:0").unwrap();
    assert_eq!((nova.note(), nova.confidence()), ("nova-writes-are-free", Confidence::Single));
}

#[test]
fn genai_prices_are_imported_alone_or_from_all_providers() {
    let own = source("genai-prices-0.2.3-aws.json");
    let alone = genai_prices(&own, &options()).unwrap();
    let listed = genai_prices(&format!(r#"[{{"id": "openai", "models": 1}}, {own}]"#), &options()).unwrap();
    assert_eq!(alone.skipped, listed.skipped);
    assert_eq!(alone.prices.rows().count(), listed.prices.rows().count());
    assert!(alone.prices.rows().count() > 200);
    let prices = alone.prices;
    assert_eq!(
        input(&prices, "us.anthropic.claude-sonnet-4-6"),
        input(&Prices::bundled(), "us.anthropic.claude-sonnet-4-6")
    );
    let gov = "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0";
    assert_eq!(input(&prices, gov), None, "it prices the US government like commercial regions");
    assert!(alone.skipped.iter().any(|skip| skip.what.ends_with(gov) && skip.why.contains("1.2 times")));
    let luna = prices.rows().filter(|price| price.model() == "openai.gpt-5.6-luna");
    assert!(luna.filter_map(|price| price.effective_from()).any(|day| &**day == "2026-07-30"), "history is kept");
}

#[test]
fn unknown_parts_of_genai_prices_are_skipped() {
    let text = r#"{"id": "aws", "models": [
        {"id": "deepseek.v3.1", "match": {"equals": "deepseek.v3.1"}, "prices": {"input_mtok": 0.6, "input_smell_mtok": 1}},
        {"id": "deepseek.v3.2", "match": {"equals": "deepseek.v3.2"}, "prices": [
            {"prices": {"input_mtok": 1}},
            {"constraint": {"start_date": "soon"}, "prices": {"input_mtok": 2}},
            {"constraint": {"start_time": "16:30Z"}, "prices": {"input_mtok": 3}}
        ]},
        {"id": "deepseek.v4", "match": {"regex": "v4"}, "prices": {"input_mtok": 1}},
        {"id": "deepseek.v5", "match": {"equals": "deepseek.v5"}, "prices": []},
        {"id": "deepseek.v6", "match": {"contains": "v6"}, "prices": {"input_mtok": 1}},
        7
    ]}"#;
    let imported = genai_prices(text, &options()).unwrap();
    assert_eq!(input(&imported.prices, "deepseek.v3.1").as_deref(), Some("0.6"));
    assert_eq!(input(&imported.prices, "deepseek.v3.2").as_deref(), Some("1"));
    let skipped_lines = skipped_lines(&imported);
    for what in [
        "a model without id: ",
        "deepseek.v3.1: input_smell_mtok",
        "deepseek.v3.2: soon",
        "deepseek.v3.2: unknown field `start_time`",
        "deepseek.v4: unknown variant `regex`",
        "deepseek.v5: it has no price",
    ] {
        assert!(
            skipped_lines.iter().any(|line| line.starts_with(&format!("genai-prices: {what}"))),
            "{what}: {skipped_lines:#?}"
        );
    }
}

#[test]
fn other_formats_are_rejected() {
    let refused = |text: &str| {
        [litellm(text, &options()).unwrap_err().to_string(), genai_prices(text, &options()).unwrap_err().to_string()]
    };
    assert_eq!(
        refused("{}"),
        [
            "not LiteLLM's price table: it has no row of Bedrock",
            "not the prices of genai-prices: genai-prices: missing field `models` at line 1 column 2"
        ]
    );
    let [of_litellm, of_genai] = refused("[]");
    assert!(of_litellm.contains("invalid type: sequence, expected a map"), "{of_litellm}");
    assert!(of_genai.ends_with("there is no provider with the id `aws`"), "{of_genai}");
    assert!(refused("").iter().all(|error| error.contains("EOF while parsing")));
    assert!(litellm(r#"{"gpt-4o": {"litellm_provider": "openai"}}"#, &options()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_imported_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = (litellm(&text, &options()), genai_prices(&text, &options()));
    }

    #[test]
    fn any_row_of_litellm_is_imported_or_skipped(
        key in "(bedrock/)?(us-east-1/|512-x-512/|max-steps/)?[a-z0-9.:é-]{1,20}",
        field in "(input|output)_cost_per_(token|image|query|second)(_above_[0-9]{1,25}k_tokens)?(_batches|_flex)?",
        amount in "-?[0-9.e-]{1,20}|null|\"x\"|\\{\\}",
    ) {
        let text = format!("{{\"{key}\": {{\"litellm_provider\": \"bedrock\", \"{field}\": {amount}}}}}");
        let _ = litellm(&text, &options());
    }

    #[test]
    fn any_model_of_genai_prices_is_imported_or_skipped(
        id in "[a-z0-9.:é-]{0,20}",
        rule in "\"(equals|contains|or_|starts_with)\": (\"[a-z.]{0,9}\"|\\[\\])",
        prices in "\\[?\\{\"(input_mtok|constraint|prices)\": (-?[0-9.e-]{1,12}|null|\\{\\})\\}\\]?",
    ) {
        let text = format!("{{\"id\": \"aws\", \"models\": [{{\"id\": \"{id}\", \"match\": {{{rule}}}, \"prices\": {prices}}}]}}");
        let _ = genai_prices(&text, &options());
    }
}
