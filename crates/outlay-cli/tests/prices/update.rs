use std::fs;
use std::path::PathBuf;

use outlay_price::{Confidence, CostStatus, ModelRef, Price, PriceQuery, Prices, Usage};

use super::{failure, file, told};

const LITELLM: &str = include_str!("../../data/sources/litellm-1.110.2-bedrock.json");

fn source(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/sources").join(name).display().to_string()
}

/// LiteLLM's table with other prices of some keys: US dollars per token.
fn litellm(name: &str, changes: &[(&str, &[(&str, &str)])]) -> String {
    let mut table: serde_json::Map<String, serde_json::Value> = serde_json::from_str(LITELLM).unwrap();
    for (key, prices) in changes {
        let row = table.entry(*key).or_insert_with(|| serde_json::json!({"litellm_provider": "bedrock_converse"}));
        for (field, price) in *prices {
            row[*field] = serde_json::from_str(price).unwrap();
        }
    }
    file(name, &serde_json::to_string(&table).unwrap()).display().to_string()
}

/// Where a price file is to be written.
fn to(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path.display().to_string()
}

fn price<'p>(prices: &'p Prices, model: &str, region: &str, day: &str) -> Option<&'p Price> {
    let at = format!("{day}T12:00:00Z").parse().unwrap();
    prices.lookup(&PriceQuery { region: Some(region), ..PriceQuery::new(ModelRef::parse(model).unwrap(), at) })
}

/// A million tokens in: the amount, and how sure it is.
fn input(prices: &Prices, model: &str, region: &str, day: &str) -> Option<(String, CostStatus)> {
    let charge = price(prices, model, region, day)?.charge(&Usage::new().with_uncached_input(1_000_000));
    Some((charge.total().to_string(), charge.status()))
}

fn some(amount: &str, status: CostStatus) -> Option<(String, CostStatus)> {
    Some((amount.to_owned(), status))
}

#[test]
fn a_table_that_says_what_it_said_changes_nothing() {
    for name in ["litellm-1.110.2-bedrock.json", "genai-prices-0.2.3-aws.json"] {
        let own = to("unchanged.toml");
        let text = told(&["update", "--from", &source(name), "--to", &own]);
        assert!(text.starts_with("0 rows change"), "{name}: {text}");
        assert!(!PathBuf::from(&own).exists(), "there is nothing to write");
    }
}

#[test]
fn a_change_holds_from_its_day_where_the_price_is_the_same_everywhere() {
    let own = to("everywhere.toml");
    let model = "us.anthropic.claude-sonnet-4-6";
    let table = litellm("everywhere.json", &[(model, &[("input_cost_per_token", "2e-6")])]);
    let arguments = ["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01"];
    let text = told(&arguments);
    assert!(text.contains("-39.39%") && text.contains("is written"), "{text}");
    let prices = Prices::from_path(&own).unwrap();
    assert_eq!(input(&prices, model, "us-west-2", "2026-11-30"), some("$3.300000", CostStatus::Exact), "the past");
    assert_eq!(input(&prices, model, "us-west-2", "2026-12-01"), some("$2.000000", CostStatus::Estimated));
    let new = price(&prices, model, "us-west-2", "2026-12-01").unwrap();
    assert_eq!((new.confidence(), &**new.source(), new.region()), (Confidence::Single, "litellm-2026-12-01", None));
    let output = new.charge(&Usage::new().with_output(1_000_000));
    assert_eq!(output.total().to_string(), "$16.500000", "what the table does not change is kept");
    // Once more, and nothing is new; the day after, neither.
    let before = fs::read_to_string(&own).unwrap();
    for day in ["2026-12-01", "2026-12-02"] {
        assert!(told(&["update", "--from", &table, "--to", &own, "--as-of", day]).starts_with("0 rows change"));
        assert_eq!(fs::read_to_string(&own).unwrap(), before);
    }
    // A later change keeps the earlier one.
    let table = litellm("everywhere-2.json", &[(model, &[("input_cost_per_token", "1e-6")])]);
    let text = told(&["update", "--from", &table, "--to", &own, "--as-of", "2027-01-01"]);
    assert!(text.contains("-50.00%"), "{text}");
    let prices = Prices::from_path(&own).unwrap();
    for (day, amount) in [("2026-11-30", "$3.300000"), ("2026-12-31", "$2.000000"), ("2027-01-01", "$1.000000")] {
        assert_eq!(input(&prices, model, "us-west-2", day).unwrap().0, amount, "{day}");
    }
}

#[test]
fn a_table_without_regions_leaves_prices_by_region_and_other_partitions_alone() {
    let own = to("by-region.toml");
    let changes: &[(&str, &[(&str, &str)])] = &[
        ("amazon.nova-pro-v1:0", &[("input_cost_per_token", "7e-7")]),
        ("eu.amazon.nova-pro-v1:0", &[("input_cost_per_token", "7e-7")]),
        ("acme.new-v1:0", &[("input_cost_per_token", "1e-6"), ("output_cost_per_token", "4e-6")]),
        ("eu.acme.new-v1:0", &[("input_cost_per_token", "2e-6"), ("output_cost_per_token", "4e-6")]),
    ];
    let table = litellm("by-region.json", changes);
    let text = told(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01", "--verbose"]);
    assert!(text.contains("left alone: amazon.nova-pro-v1:0 eu default"), "{text}");
    let (prices, bundled) = (Prices::from_path(&own).unwrap(), Prices::bundled());
    for (model, region) in [("amazon.nova-pro-v1:0", "us-east-1"), ("eu.amazon.nova-pro-v1:0", "eu-north-1")] {
        let of = |prices| input(prices, model, region, "2026-12-01");
        assert_eq!(of(&prices), of(&bundled), "{model}");
    }
    let new = |model: &str, region: &str| input(&prices, model, region, "2026-12-01");
    assert_eq!(new("acme.new-v1:0", "us-east-1"), some("$1.000000", CostStatus::Estimated));
    assert_eq!(new("acme.new-v1:0", "ap-south-1"), some("$1.000000", CostStatus::Estimated), "it stands in");
    assert_eq!(new("acme.new-v1:0", "us-gov-west-1"), None, "another partition");
    assert_eq!(new("eu.acme.new-v1:0", "eu-south-1"), some("$2.000000", CostStatus::Estimated));
    assert_eq!(input(&prices, "acme.new-v1:0", "us-east-1", "2026-11-30"), None, "before the table was taken");
}

#[test]
fn aws_offer_files_give_exact_prices_of_their_regions() {
    let own = to("aws.toml");
    let offer = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/import/aws/fixtures/bedrock.json");
    told(&["update", "--from", offer.to_str().unwrap(), "--to", &own]);
    let (prices, bundled) = (Prices::from_path(&own).unwrap(), Prices::bundled());
    let of = |prices, day| input(prices, "amazon.nova-lite-v1:0", "us-east-1", day);
    assert_eq!(of(&prices, "2026-12-01"), some("$0.050000", CostStatus::Exact));
    assert_eq!(of(&prices, "2027-01-01"), some("$0.040000", CostStatus::Exact), "a change that AWS announces");
    for day in ["2025-01-01", "2026-08-20", "2026-10-15"] {
        assert_eq!(of(&prices, day), of(&bundled, day), "no past price moves: {day}");
    }
    let gov = |prices, usage: Usage| {
        let charge = price(prices, "openai.gpt-5.6-terra", "us-gov-west-1", "2026-12-01").unwrap().charge(&usage);
        (charge.total().to_string(), charge.status())
    };
    let tokens = Usage::new().with_uncached_input(100_000);
    assert_eq!(gov(&prices, tokens), ("$0.330000".to_owned(), CostStatus::Exact));
    let cached = Usage::new().with_cache_read(100_000);
    assert_eq!(gov(&prices, cached), ("$0.033000".to_owned(), CostStatus::Estimated), "in the ratio of before");
}

#[test]
fn what_was_written_by_hand_is_kept_and_wins() {
    let model = "us.anthropic.claude-sonnet-4-6";
    let hand = format!(
        "# our contract\nversion = \"acme\"\n[[price]]\nmodel = \"{model}\"\nregion = \"us-east-1\"\ninput = \"2.5\"\n\n\
         [[discount]]\npercent = \"10\"\nprovider = \"anthropic\"\n"
    );
    let own = file("hand.toml", &hand).display().to_string();
    let table = litellm("hand.json", &[(model, &[("input_cost_per_token", "2e-6")])]);
    told(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01"]);
    let text = fs::read_to_string(&own).unwrap();
    assert!(text.starts_with(&hand), "{text}");
    let prices = Prices::from_path(&own).unwrap();
    assert_eq!(input(&prices, model, "us-east-1", "2026-12-01"), some("$2.500000", CostStatus::Exact));
    let discounted = input(&prices, model, "us-west-2", "2026-12-01");
    assert_eq!(discounted, some("$1.800000", CostStatus::Estimated), "a tenth off what was imported");
}

#[test]
fn nothing_is_written_without_a_file_or_where_something_is_wrong() {
    let table = litellm("dry.json", &[("us.anthropic.claude-sonnet-4-6", &[("input_cost_per_token", "2e-6")])]);
    assert!(told(&["update", "--from", &table]).contains("Nothing is written: give the price file with --to"));
    let broken = file("broken-before.toml", "[[price]]\nmodel = 7\n").display().to_string();
    let text = failure(&["update", "--from", &table, "--to", &broken]);
    assert!(text.contains("broken-before.toml:2: price.model"), "{text}");
    assert_eq!(fs::read_to_string(&broken).unwrap(), "[[price]]\nmodel = 7\n");
    for (arguments, says) in [
        (["--from", &table, "--to", "prices.json"], "an update is written as TOML"),
        (
            ["--from", &file("no.json", "{").display().to_string(), "--to", &to("no.toml")],
            "no price table of AWS, LiteLLM",
        ),
        (
            ["--from", &file("none.json", "{}").display().to_string(), "--to", &to("no.toml")],
            "it has no row of Bedrock",
        ),
        (["--from", "no/such.json", "--to", &to("no.toml")], "no/such.json: No such file"),
        (["--from", &table, "--to", "no/such/prices.toml"], "no/such/prices.toml: No such file"),
    ] {
        let text = failure(&[&["update"], &arguments[..]].concat());
        assert!(text.contains(says), "{says}: {text}");
    }
}
