use std::error::Error;

use proptest::prelude::*;

use super::*;
use crate::{Charge, PriceQuery, Prices, Timestamp, Unit, Usage};

/// Returns the user's own rows of a file without imported rows.
fn table_of(text: &str, syntax: Syntax, name: Option<&str>) -> Arc<Table> {
    let mut layers = parse(text, syntax, name).unwrap();
    assert_eq!(layers.len(), 1);
    layers.remove(0).table
}

fn error(text: &str) -> String {
    parse(text, Syntax::Toml, None).unwrap_err().to_string()
}

#[test]
fn errors_have_line_field_problem_and_hint() {
    for (text, expected) in [
        (
            "[[price]]\nmodel = \"a.b\"\ninput = 3.3",
            "line 3: price.input: a float is inexact: write the amount in quotes, such as \"3.30\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"3,3\"",
            "line 3: price.input: a comma in the amount: write a decimal point, such as \"3.30\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"three\"",
            "line 3: price.input: not a decimal number: write it such as \"3.30\"",
        ),
        ("[[price]]\nmodel = \"a.b\"\ninput = \"-3\"", "line 3: price.input: a price cannot be negative"),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"0.0000033\"",
            "line 3: price.input: more than 6 decimals: amounts are US dollars per million tokens, not per token",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = true",
            "line 3: price.input: expected an amount in quotes, found boolean",
        ),
        ("[[price]]\nmodel = \"a.b\"", "line 1: price: no rate: add at least `input`, `output` or `units`"),
        ("\n[[price]]\ninput = \"3\"", "line 2: price.model: missing: add it"),
        (
            "[[price]]\nmodel = \"a b\"\ninput = \"3\"",
            "line 2: price.model: not a model id: unexpected character at byte 1 of the model id",
        ),
        (
            "[[price]]\nmodel = \"sa.meta.x\"\ninput = \"3\"",
            "line 2: price.model: unknown geo prefix: remove it from the model and set `routing`",
        ),
        (
            "[[price]]\nmodel = \"us.meta.x\"\nrouting = \"eu\"\ninput = \"3\"",
            "line 3: price.routing: conflicts with the prefix of the model: remove the key or the prefix",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ntier = \"turbo\"\ninput = \"3\"",
            "line 3: price.tier: unknown tier `turbo`: expected one of default, flex, priority, reserved, batch, \
             ultrafast, provisioned",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\neffective_from = \"yesterday\"\ninput = \"3\"",
            "line 3: price.effective_from: not a date: write a day, such as \"2026-11-01\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ncontext_over = \"200k\"\ninput = \"3\"",
            "line 3: price.context_over: not a number of tokens: write a whole number, such as 200000",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ncontext_over = 200000\ninput = \"3\"",
            "line 1: price.context_over: no row with the same key and without `context_over`: add one for shorter contexts",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"3\"\ninputs = \"4\"",
            "line 4: price.inputs: unknown key: remove it, or check its spelling",
        ),
        ("prices = 1", "line 1: prices: unknown key: remove it, or check its spelling"),
        ("price = 1", "line 1: price: expected [[tables]], found integer"),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = 3\n[[price]]\nmodel = \"a.b\"\ninput = 4",
            "line 4: price: the same key as the row on line 1: remove one of them",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\nunits = { furlong = \"1\" }",
            "line 3: price.units.furlong: unknown unit `furlong`: expected one of input_image, input_audio_second, \
             input_video_second, output_image, output_video_second, query, guardrail_unit, server_tool_use, \
             custom_model_unit_minute, custom_model_unit_month, model_unit_hour",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\n[price.units]\n\"output_image[a,b]\" = \"1\"",
            "line 4: price.units.output_image[a,b]: not the price of a unit: write it such as \
             \"output_image[side<=1024,premium]\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\nunits = { query = \"0.0000000001\" }",
            "line 3: price.units.query: more than 9 decimals: the amount is US dollars for one unit",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\nunits = { query = \"1000001\" }",
            "line 3: price.units.query: more than a million dollars per unit: check the amount",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\nunits = { query = 0.1 }",
            "line 3: price.units.query: a float is inexact: write the amount in quotes, such as \"3.30\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\nunits = { query = \"-1\" }",
            "line 3: price.units.query: a price cannot be negative",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\nunits = { query = true }",
            "line 3: price.units.query: expected an amount in quotes, found boolean",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\n\
             units = { \"output_image[side<=1,x]\" = \"1\", \"output_image[x,side<=1]\" = \"2\" }",
            "line 3: price.units.output_image[x,side<=1]: the same unit and conditions as another entry of the row: \
             remove one of them",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\nunits = \"query=1\"",
            "line 3: price.units: expected a table of units, found string",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\ninput = \"1\"\n\
             [[price]]\nmodel = \"a.b\"\ncontext_over = 9\nunits = { query = \"1\" }",
            "line 6: price.context_over: units do not depend on the context: move them to the row without `context_over`",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\naccount = \"12345678901\"\ninput = \"1\"",
            "line 3: price.account: not an AWS account: write its twelve digits in quotes, such as \"123456789012\"",
        ),
        (
            "[[price]]\nmodel = \"a.b\"\naccount = 123456789012\ninput = \"1\"",
            "line 3: price.account: expected a string in quotes, found integer",
        ),
        ("[[discount]]\nprovider = \"anthropic\"", "line 1: discount.percent: missing: add it"),
        (
            "[[discount]]\npercent = \"0\"",
            "line 2: discount.percent: not a percentage: write more than 0 and at most 100, with at most 6 decimals, \
             such as \"12.5\"",
        ),
        (
            "[[discount]]\npercent = \"100.000001\"",
            "line 2: discount.percent: not a percentage: write more than 0 and at most 100, with at most 6 decimals, \
             such as \"12.5\"",
        ),
        (
            "[[discount]]\npercent = -5",
            "line 2: discount.percent: not a percentage: write more than 0 and at most 100, with at most 6 decimals, \
             such as \"12.5\"",
        ),
        (
            "[[discount]]\npercent = 12.5",
            "line 2: discount.percent: a float is inexact: write the amount in quotes, such as \"3.30\"",
        ),
        (
            "[[discount]]\npercent = 5\nmodel = \"us.meta.x\"\nprovider = \"anthropic\"",
            "line 4: discount.provider: the model has another provider: remove the key",
        ),
        (
            "[[discount]]\npercent = 5\nmodel = \"us.meta.x\"\nrouting = \"eu\"",
            "line 4: discount.routing: conflicts with the prefix of the model: remove the key or the prefix",
        ),
        (
            "[[discount]]\npercent = 5\nmodel = \"sa.meta.x\"",
            "line 3: discount.model: unknown geo prefix: remove it from the model and set `routing`",
        ),
        (
            "[[discount]]\npercent = 5\neffective_from = \"2026-11-01\"\neffective_to = \"2026-11-01\"",
            "line 4: discount.effective_to: not after `effective_from`: write the first day without the discount",
        ),
        (
            "[[discount]]\npercent = 5\nlatency = \"optimized\"",
            "line 3: discount.latency: unknown key: remove it, or check its spelling",
        ),
        ("[[alias]]\nfrom = \"x\"", "line 1: alias.to: missing: add it"),
        (
            "[[alias]]\nfrom = \"x\"\nto = \"a/b\"",
            "line 3: alias.to: not a model id: unexpected character at byte 1 of the model id",
        ),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
    assert!(error("a = ").starts_with("line 1: not valid TOML: "), "{}", error("a = "));
}

#[test]
fn errors_in_json_are_the_same() {
    for (text, expected) in [
        (
            r#"{"price": [{"model": "a.b",
                "input": "3,3"}]}"#,
            "line 2: price.input: a comma in the amount: write a decimal point, such as \"3.30\"",
        ),
        (r#"{"price": [{"model": "a.b", "input": -3}]}"#, "line 1: price.input: a price cannot be negative"),
        (
            r#"{"price": [{"model": "a.b", "input": 3.3e-6}]}"#,
            "line 1: price.input: more than 6 decimals: amounts are US dollars per million tokens, not per token",
        ),
        (
            r#"{"price": [{"model": "a.b", "input": null}]}"#,
            "line 1: price.input: expected an amount in quotes, found null",
        ),
        ("{\n\"price\": [\n{\"input\": 3}]}", "line 3: price.model: missing: add it"),
        (
            r#"{"price": [{"model": "a.b", "input": 3, "context_over": 1.5}]}"#,
            "line 1: price.context_over: not a number of tokens: write a whole number, such as 200000",
        ),
        (
            "{\"price\": [{\"model\": \"a.b\", \"input\": 3,\n\"inputs\": 4}]}",
            "line 2: price.inputs: unknown key: remove it, or check its spelling",
        ),
        (r#"{"price": {"model": "a.b"}}"#, "line 1: price: expected [[tables]], found object"),
        (r#"{"price": ["a.b"]}"#, "line 1: price: expected [[tables]], found string"),
        (
            "{\"price\": [{\"model\": \"a.b\",\n\"input\": 1,\n\"input\": 2}]}",
            "line 3: input: duplicate key: remove one of them",
        ),
        (
            r#"{"price": [{"model": "a.b", "units": {"query": 1e-10}}]}"#,
            "line 1: price.units.query: more than 9 decimals: the amount is US dollars for one unit",
        ),
        ("[]", "line 1: expected an object, found array"),
        ("3", "line 1: expected an object, found number"),
        ("", "not valid JSON: the text is empty"),
        ("{\n// no\n}", "line 2: not valid JSON: Comments are not allowed"),
        ("{\"a\": 1,}", "line 1: not valid JSON: Trailing commas are not allowed"),
        ("{a: 1}", "line 1: not valid JSON: Expected string for object property"),
        ("{\"price\": [{\"input\": NaN}]}", "line 1: not valid JSON: Unexpected token"),
    ] {
        assert_eq!(parse(text, Syntax::Json, None).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn both_syntaxes_have_the_same_result() {
    let toml = r#"
        version = "v"
        [[price]]
        model = "us.a.b"
        input = "3.3"
        units = { "output_image[side<=1024,premium]" = "0.06", query = "0.002" }
        [[price]]
        model = "us.a.b"
        context_over = 200_000
        input = 6
        [[alias]]
        from = "x"
        to = "us.a.b"
    "#;
    let json = r#"{"version": "v", "alias": [{"from": "x", "to": "us.a.b"}], "price": [
        {"model": "us.a.b", "units": {"query": 2e-3, "output_image[side<=1024,premium]": "0.06"}, "input": 3.30},
        {"model": "us.a.b", "input": 6.0, "context_over": 200000}
    ]}"#;
    let [toml, json] = [(toml, Syntax::Toml), (json, Syntax::Json)].map(|(text, syntax)| table_of(text, syntax, None));
    let prices = |table: &Table| table.prices().cloned().collect::<Vec<_>>();
    assert_eq!(prices(&toml), prices(&json));
    assert_eq!((&toml.version, &toml.aliases), (&json.version, &json.aliases));
}

#[test]
fn a_byte_order_mark_is_ignored() {
    assert!(parse("\u{feff}version = \"v\"", Syntax::Toml, None).is_ok());
    assert!(parse("\u{feff}{\"version\": \"v\"}", Syntax::Json, None).is_ok());
    let error = parse("\u{feff}\nx = 1", Syntax::Toml, None).unwrap_err();
    assert_eq!(error.line(), Some(2));
}

#[test]
fn a_number_in_json_is_read_as_decimal_digits() {
    let table = table_of(r#"{"price": [{"model": "a.b", "input": 0.300001}]}"#, Syntax::Json, None);
    let charge = table.prices().next().unwrap().charge(&Usage::new().with_uncached_input(1));
    assert_eq!(charge.total().picos(), 300_001);
}

#[test]
fn a_row_may_have_only_units() {
    let own = r#"
        [[price]]
        model = "anthropic.claude-v2:1"
        tier = "provisioned"
        units = { "model_unit_hour[1-month]" = "39.60" }
    "#;
    let table = table_of(own, Syntax::Toml, None);
    let price = table.prices().next().unwrap();
    assert_eq!(price.capacity_cost(Unit::ModelUnitHour, Some("1-month"), 1_500), Some("59.4".parse().unwrap()));
    let call = Usage::new().with_uncached_input(1_000).with_output(1);
    assert_eq!(price.charge(&call), Charge::free(), "capacity is billed separately");
    let queries = table_of("[[price]]\nmodel = \"a.b\"\nunits = { query = 1 }", Syntax::Toml, None);
    assert!(!queries.prices().next().unwrap().charge(&call).is_priced());
}

#[test]
fn errors_name_the_file() {
    let missing = Prices::from_path("no/such/prices.toml").unwrap_err();
    assert_eq!(missing.to_string(), "no/such/prices.toml: cannot read the price file");
    assert!(missing.source().is_some());
    assert_eq!(missing.file().and_then(Path::to_str), Some("no/such/prices.toml"));
}

#[test]
fn amounts_are_integers_or_decimal_text() {
    let own =
        "[[price]]\nmodel = \"a.b\"\nrouting = \"global\"\ninput = 3\noutput = \"15.000001\"\nsource = \"contract\"";
    let table = table_of(own, Syntax::Toml, Some("prices.toml"));
    let price = table.prices().next().unwrap();
    assert_eq!(price.routing(), Routing::Global);
    assert_eq!(&**price.source(), "contract");
    let usage = Usage::new().with_uncached_input(1).with_output(1);
    assert_eq!(price.charge(&usage).total().picos(), 18_000_001);
    assert_eq!(&*table.version, "d5e60652");
}

const KEYS: &str = "version|model|routing|region|account|tier|latency|effective_from|effective_to|context_over|input|\
    output|cache_read|units|percent|provider|note|from|to|x";

proptest! {
    #[test]
    fn any_bytes_load_or_are_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = (parse(&text, Syntax::Toml, None), parse(&text, Syntax::Json, None));
    }

    #[test]
    fn any_text_loads_or_is_rejected(text in "\\PC*|[\\[\\]{}\",:0-9a-z.-]*") {
        let _ = (parse(&text, Syntax::Toml, None), parse(&text, Syntax::Json, None));
    }

    #[test]
    fn any_toml_loads_or_is_rejected(
        lines in prop::collection::vec(
            prop_oneof![
                (KEYS, "= [0-9.e_-]{0,12}|= \"[a-z0-9.:/, -]{0,20}\"|= \\[1\\]|= \\{\\}|= 2026-01-01|")
                    .prop_map(|(key, value)| format!("{key} {value}\n")),
                "\\[\\[(price|alias|discount)\\]\\]\n|\\[price.units\\]\n",
            ],
            0..12,
        ),
    ) {
        let _ = parse(&lines.concat(), Syntax::Toml, None);
    }

    #[test]
    fn any_json_loads_or_is_rejected(
        list in "price|alias|discount",
        keys in prop::collection::vec((KEYS, "[0-9.e-]{0,12}|\"[a-z0-9.:/, -]{0,20}\"|\\[1\\]|\\{\\}|null"), 0..8),
    ) {
        let keys: Vec<_> = keys.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        let _ = parse(&format!("{{\"{list}\": [{{{}}}]}}", keys.join(", ")), Syntax::Json, None);
    }
}

#[test]
fn deeply_nested_text_is_rejected() {
    for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("a = {}", "[".repeat(100_000))] {
        assert!(parse(&text, Syntax::Json, None).is_err());
        assert!(parse(&text, Syntax::Toml, None).is_err());
    }
}

#[test]
fn a_file_is_loaded_over_the_bundled_table() {
    let path = std::env::temp_dir().join(format!("outlay-price-{}.toml", std::process::id()));
    std::fs::write(&path, "version = \"acme\"\n[[price]]\nmodel = \"a.b\"\ninput = \"3\"\n").unwrap();
    let prices = Prices::from_path(&path).unwrap();
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    let garbage = Prices::from_path(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(prices.version().ends_with("+acme"));
    let own = prices.rows().find(|price| price.model() == "a.b").unwrap();
    assert_eq!(&**own.source(), path.file_name().and_then(|name| name.to_str()).unwrap());
    assert_eq!(garbage.file(), Some(&*path));
    assert!(garbage.to_string().ends_with("not UTF-8 text: save the price file as UTF-8"));
}

#[test]
fn a_json_file_is_recognized_by_its_extension() {
    let path = std::env::temp_dir().join(format!("outlay-price-{}.json", std::process::id()));
    std::fs::write(&path, r#"{"version": "acme", "price": [{"model": "a.b", "input": 0.3}]}"#).unwrap();
    let prices = Prices::from_path(&path).unwrap();
    std::fs::write(&path, "{\"price\": [\n{\"model\": \"a.b\", \"input\": true}]}").unwrap();
    let broken = Prices::from_path(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert!(prices.version().ends_with("+acme"));
    let expected = format!("{}:2: price.input: expected an amount in quotes, found boolean", path.display());
    assert_eq!(broken.to_string(), expected);
    assert_eq!((broken.line(), broken.field()), (Some(2), Some("price.input")));
}

#[test]
fn a_foreign_price_table_is_rejected_with_a_hint() {
    for (text, format) in [
        (r#"{"sample_spec": {}, "gpt-4o": {"litellm_provider": "openai"}}"#, "LiteLLM's price table"),
        (r#"{"us.amazon.nova-pro-v1:0": {"litellm_provider": "bedrock"}}"#, "LiteLLM's price table"),
        (
            r#"{"formatVersion": "v1.0", "offerCode": "AmazonBedrock", "products": {}}"#,
            "an offer file of AWS's Price List",
        ),
        (r#"{"id": "aws", "pricing_urls": [], "models": []}"#, "the prices of genai-prices"),
        (r#"[{"id": "anthropic", "models": []}, {"id": "aws", "models": []}]"#, "the prices of genai-prices"),
    ] {
        for error in [Prices::from_json(text).unwrap_err(), Prices::from_toml(text).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains(format) && error.contains("`outlay prices update --from`"), "{error}");
        }
    }
}

#[test]
fn imported_rows_are_below_the_users_own_and_stay_in_their_partition() {
    let prices = Prices::from_toml(
        r#"
        version = "update"
        [[price]]
        model = "acme.big"
        region = "geo:eu"
        confidence = "single"
        source = "litellm-1.120.0"
        input = "3"
        [[price]]
        model = "acme.big"
        confidence = "agreed"
        input = "2"
        [[price]]
        model = "acme.small"
        confidence = "listed"
        input = "2"
        [[price]]
        model = "acme.small"
        region = "eu-west-1"
        input = "1"
        "#,
    )
    .unwrap();
    assert!(prices.version().ends_with("+update") && !prices.version().ends_with("+update+update"));
    let found = |model: &str, region: &str| {
        let at = "2026-11-28T00:00:00Z".parse().unwrap();
        let query = PriceQuery { region: Some(region), ..PriceQuery::new(ModelRef::parse(model).unwrap(), at) };
        let charge = prices.lookup(&query)?.charge(&Usage::new().with_uncached_input(1_000_000));
        Some((charge.total().to_string(), charge.status().as_str()))
    };
    let some = |usd: &str, status| Some((usd.to_owned(), status));
    assert_eq!(
        found("acme.big", "eu-west-1"),
        some("$3.000000", "estimated"),
        "for the geography, from a single source"
    );
    assert_eq!(found("acme.big", "us-east-1"), some("$2.000000", "exact"));
    assert_eq!(found("acme.big", "us-gov-west-1"), None, "another partition");
    assert_eq!(found("acme.small", "eu-west-1"), some("$1.000000", "exact"), "the user's own");
    assert_eq!(found("acme.small", "us-east-1"), some("$2.000000", "exact"));
    for (row, message) in [
        ("region = \"geo:mars\"", "not a geography"),
        ("derived = \"cache\"", "not a list of rates: write their names"),
        ("confidence = \"sure\"", "unknown confidence `sure`"),
        ("confidence = \"elsewhere\"", "a row applies to its own region"),
    ] {
        let error = Prices::from_toml(&format!("[[price]]\nmodel = \"a.b\"\ninput = \"1\"\n{row}")).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn in_all_lists_the_narrower_place_wins_and_then_the_later_start() {
    let list = |version: &str, rows: &[&str]| {
        let rows: Vec<String> = rows
            .iter()
            .map(|row| format!("[[price]]\nmodel = \"acme.big\"\nconfidence = \"single\"\n{row}\n"))
            .collect();
        Prices::from_toml(&format!("version = \"{version}\"\n{}", rows.concat())).unwrap().without_bundled()
    };
    let older = list(
        "older",
        &[
            "input = \"3\"",
            "input = \"1\"\neffective_from = \"2027-01-01\"",
            "input = \"4\"\nregion = \"eu-west-1\"",
            "input = \"5\"\nregion = \"geo:apac\"",
        ],
    );
    let newer = list("newer", &["input = \"2\"\neffective_from = \"2026-12-01\""]);
    let prices = newer.over(&older);
    let input = |prices: &Prices, region: &str, day: &str| {
        let at = format!("{day}T00:00:00Z").parse().unwrap();
        let query = PriceQuery { region: Some(region), ..PriceQuery::new(ModelRef::parse("acme.big").unwrap(), at) };
        let charge = prices.lookup(&query).unwrap().charge(&Usage::new().with_uncached_input(1_000_000));
        charge.total().to_string()
    };
    assert_eq!(input(&prices, "us-east-1", "2026-11-30"), "$3.000000", "past prices do not change");
    assert_eq!(input(&prices, "us-east-1", "2026-12-01"), "$2.000000");
    assert_eq!(input(&prices, "us-east-1", "2027-01-01"), "$1.000000", "a later start in the list below");
    assert_eq!(input(&prices, "eu-west-1", "2026-12-01"), "$4.000000", "the price of the region");
    assert_eq!(input(&prices, "ap-south-1", "2026-12-01"), "$5.000000", "the price of the geography");
    let own = Prices::from_toml("[[price]]\nmodel = \"acme.big\"\ninput = \"9\"").unwrap().without_bundled();
    for prices in [own.over(&prices), newer.over(&own.over(&older))] {
        assert_eq!(
            input(&prices, "eu-west-1", "2027-01-01"),
            "$9.000000",
            "the user's own rows take precedence over every list"
        );
    }
}

#[test]
fn the_newest_day_is_that_of_the_prices_and_never_in_the_future() {
    let newest = |text: &str, at: &str| {
        let prices = Prices::from_toml(text).unwrap().without_bundled();
        prices.newest_day(at.parse().unwrap()).map(Timestamp::day)
    };
    let row = |as_of: &str| {
        format!("[[price]]\nmodel = \"acme.big\"\nregion = \"{as_of}\"\ninput = \"1\"\nas_of = \"{as_of}\"\n")
    };
    let rows = [row("2026-11-20"), row("2026-12-24"), row("a while ago")].concat();
    assert_eq!(newest(&rows, "2027-01-01T00:00:00Z").as_deref(), Some("2026-12-24"));
    assert_eq!(newest(&rows, "2026-12-24T00:00:00Z").as_deref(), Some("2026-12-24"));
    assert_eq!(newest(&rows, "2026-12-23T23:59:59Z").as_deref(), Some("2026-11-20"));
    assert_eq!(newest(&rows, "2026-11-19T23:59:59Z"), None);
    let dated = format!("version = \"2027-02-03\"\n{rows}");
    assert_eq!(newest(&dated, "2027-03-01T00:00:00Z").as_deref(), Some("2027-02-03"), "the day of its version");
    let discount = "version = \"2027-02-03\"\n[[discount]]\npercent = \"10\"\n";
    assert_eq!(newest(discount, "2027-03-01T00:00:00Z"), None, "a discount says nothing about list prices");
    assert_eq!(newest(&row("soon"), "2027-03-01T00:00:00Z"), None);
}
