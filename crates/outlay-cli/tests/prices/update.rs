use std::fs;
use std::path::PathBuf;

use outlay_price::{Confidence, CostStatus, ModelRef, Price, PriceQuery, Prices, Usage};

use super::{failure, file, stdout};

const LITELLM: &str = include_str!("../../data/sources/litellm-1.110.2-bedrock.json");

fn source(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/sources").join(name).display().to_string()
}

/// Writes LiteLLM's table with changed prices for some keys, in US dollars per token.
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

/// Returns the path for a new price file.
fn to(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_file(&path);
    path.display().to_string()
}

fn price<'p>(prices: &'p Prices, model: &str, region: &str, day: &str) -> Option<&'p Price> {
    let at = format!("{day}T12:00:00Z").parse().unwrap();
    prices.lookup(&PriceQuery { region: Some(region), ..PriceQuery::new(ModelRef::parse(model).unwrap(), at) })
}

/// Writes a file like that of genai-prices, with these prices for one model.
fn genai(name: &str, id: &str, prices: &str) -> String {
    let text =
        format!(r#"{{"id": "aws", "models": [{{"id": "{id}", "match": {{"equals": "{id}"}}, "prices": {prices}}}]}}"#);
    file(name, &text).display().to_string()
}

/// Returns the cost of a million input tokens and its status.
fn input(prices: &Prices, model: &str, region: &str, day: &str) -> Option<(String, CostStatus)> {
    let charge = price(prices, model, region, day)?.charge(&Usage::new().with_uncached_input(1_000_000));
    Some((charge.total().to_string(), charge.status()))
}

fn some(amount: &str, status: CostStatus) -> Option<(String, CostStatus)> {
    Some((amount.to_owned(), status))
}

#[test]
fn an_unchanged_table_changes_nothing() {
    for name in ["litellm-1.110.2-bedrock.json", "genai-prices-0.2.3-aws.json"] {
        let own = to("unchanged.toml");
        let text = stdout(&["update", "--from", &source(name), "--to", &own]);
        assert!(text.starts_with("0 rows change"), "{name}: {text}");
        assert!(!PathBuf::from(&own).exists(), "there is nothing to write");
    }
}

#[test]
fn a_uniform_price_changes_from_the_day_of_the_table() {
    let own = to("everywhere.toml");
    let model = "us.anthropic.claude-sonnet-4-6";
    let table = litellm("everywhere.json", &[(model, &[("input_cost_per_token", "2e-6")])]);
    let arguments = ["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01"];
    let text = stdout(&arguments);
    assert!(text.contains("-39.39%") && text.contains("wrote "), "{text}");
    let prices = Prices::from_path(&own).unwrap();
    assert_eq!(input(&prices, model, "us-west-2", "2026-11-30"), some("$3.300000", CostStatus::Exact), "the past");
    assert_eq!(input(&prices, model, "us-west-2", "2026-12-01"), some("$2.000000", CostStatus::Estimated));
    let new = price(&prices, model, "us-west-2", "2026-12-01").unwrap();
    assert_eq!((new.confidence(), &**new.source(), new.region()), (Confidence::Single, "litellm-2026-12-01", None));
    let output = new.charge(&Usage::new().with_output(1_000_000));
    assert_eq!(output.total().to_string(), "$16.500000", "what the table does not change is kept");
    // A second run changes nothing, nor does one on the next day.
    let before = fs::read_to_string(&own).unwrap();
    for day in ["2026-12-01", "2026-12-02"] {
        assert!(stdout(&["update", "--from", &table, "--to", &own, "--as-of", day]).starts_with("0 rows change"));
        assert_eq!(fs::read_to_string(&own).unwrap(), before);
    }
    // A later change keeps the earlier one.
    let table = litellm("everywhere-2.json", &[(model, &[("input_cost_per_token", "1e-6")])]);
    let text = stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2027-01-01"]);
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
    let text = stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01", "--verbose"]);
    assert!(text.contains("left alone: amazon.nova-pro-v1:0 eu default: it has prices by region"), "{text}");
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
    stdout(&["update", "--from", offer.to_str().unwrap(), "--to", &own]);
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
fn rows_written_by_hand_are_kept_and_take_precedence() {
    let model = "us.anthropic.claude-sonnet-4-6";
    let hand = format!(
        "# our contract\nversion = \"acme\"\n[[price]]\nmodel = \"{model}\"\nregion = \"us-east-1\"\ninput = \"2.5\"\n\n\
         [[discount]]\npercent = \"10\"\nprovider = \"anthropic\"\n"
    );
    let own = file("hand.toml", &hand).display().to_string();
    let table = litellm("hand.json", &[(model, &[("input_cost_per_token", "2e-6")])]);
    stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01"]);
    let text = fs::read_to_string(&own).unwrap();
    assert!(text.contains(&hand), "{text}");
    // An imported row that is corrected on the same day is replaced; rows written by hand are unchanged.
    let table = litellm("hand-2.json", &[(model, &[("input_cost_per_token", "2.5e-6")])]);
    stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01"]);
    let text = fs::read_to_string(&own).unwrap();
    assert!(text.contains(&hand) && text.matches("input = \"2.5\"").count() == 3, "{text}");
    assert!(!text.contains("input = \"2\""), "{text}");
    let prices = Prices::from_path(&own).unwrap();
    assert_eq!(input(&prices, model, "us-east-1", "2026-12-01"), some("$2.500000", CostStatus::Exact));
    let discounted = input(&prices, model, "us-west-2", "2026-12-01");
    assert_eq!(discounted, some("$2.250000", CostStatus::Estimated), "a tenth off what was imported");
}

#[test]
fn nothing_is_written_without_a_file_or_after_an_error() {
    let table = litellm("dry.json", &[("us.anthropic.claude-sonnet-4-6", &[("input_cost_per_token", "2e-6")])]);
    assert!(stdout(&["update", "--from", &table]).contains("Nothing was written: set the price file with --to"));
    let broken = file("broken-before.toml", "[[price]]\nmodel = 7\n").display().to_string();
    let text = failure(&["update", "--from", &table, "--to", &broken]);
    assert!(text.contains("broken-before.toml:2: price.model"), "{text}");
    assert_eq!(fs::read_to_string(&broken).unwrap(), "[[price]]\nmodel = 7\n");
    for (arguments, expected) in [
        (["--from", &table, "--to", "prices.json"], "an update is written as TOML"),
        (
            ["--from", &file("no.json", "{").display().to_string(), "--to", &to("no.toml")],
            "no.json: no price table of AWS, LiteLLM or genai-prices in JSON: EOF",
        ),
        (
            ["--from", &file("none.json", "{}").display().to_string(), "--to", &to("no.toml")],
            "none.json: not LiteLLM's price table: it has no row of Bedrock",
        ),
        (["--from", "no/such.json", "--to", &to("no.toml")], "no/such.json: No such file"),
        (
            ["--from", &table, "--to", "no/such/prices.toml"],
            "no/such/prices.toml: there is no directory no/such: create it first",
        ),
    ] {
        let text = failure(&[&["update"], &arguments[..]].concat());
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

const SONNET: &str = "us.anthropic.claude-sonnet-4-6";

#[test]
fn dated_prices_in_force_and_announced_are_imported() {
    let own = to("dated.toml");
    let table = genai(
        "dated.json",
        SONNET,
        r#"[{"prices": {"input_mtok": 3.3, "output_mtok": 16.5}},
            {"constraint": {"start_date": "2026-10-01"}, "prices": {"input_mtok": 2, "output_mtok": 10}},
            {"constraint": {"start_date": "2027-02-01"}, "prices": {"input_mtok": 1, "output_mtok": 5}}]"#,
    );
    stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01"]);
    let prices = Prices::from_path(&own).unwrap();
    let at = |day| input(&prices, SONNET, "us-east-1", day).unwrap();
    // The source did not state it when the bundled table was built.
    assert_eq!(at("2026-10-15"), ("$3.300000".to_owned(), CostStatus::Exact));
    assert_eq!(at("2026-12-15"), ("$2.000000".to_owned(), CostStatus::Estimated));
    assert_eq!(at("2027-02-01"), ("$1.000000".to_owned(), CostStatus::Estimated));
}

#[test]
fn a_price_that_returns_to_the_bundled_one_is_exact_again() {
    let own = to("back.toml");
    let cut = litellm("back.json", &[(SONNET, &[("input_cost_per_token", "2e-6")])]);
    stdout(&["update", "--from", &cut, "--to", &own, "--as-of", "2026-12-01"]);
    let text =
        stdout(&["update", "--from", &source("litellm-1.110.2-bedrock.json"), "--to", &own, "--as-of", "2026-12-10"]);
    assert!(text.contains("+65.00%"), "{text}");
    let prices = Prices::from_path(&own).unwrap();
    let at = |day| input(&prices, SONNET, "us-east-1", day).unwrap();
    assert_eq!(at("2026-12-09"), ("$2.000000".to_owned(), CostStatus::Estimated));
    assert_eq!(at("2026-12-10"), ("$3.300000".to_owned(), CostStatus::Exact));
}

#[test]
fn a_table_older_than_the_prices_is_rejected() {
    let own = to("older.toml");
    let table = litellm("older.json", &[(SONNET, &[("input_cost_per_token", "2e-6")])]);
    let text = failure(&["update", "--from", &table, "--to", &own, "--as-of", "2026-01-01"]);
    assert!(
        text.contains("older.json: it is of 2026-01-01, and the prices are from that table as of 2026-11-27"),
        "{text}"
    );
    stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01"]);
    let text = failure(&["update", "--from", &table, "--to", &own, "--as-of", "2026-11-29"]);
    assert!(text.contains("the prices are from that table as of 2026-12-01: an older table changes nothing"), "{text}");
}

#[test]
fn two_tables_of_one_day_agree_or_the_first_one_is_used() {
    let lite = litellm("two.json", &[(SONNET, &[("input_cost_per_token", "2e-6"), ("output_cost_per_token", "1e-5")])]);
    let run = |name: &str, prices: &str| {
        let own = to(&format!("two-{name}.toml"));
        let other = genai(&format!("two-{name}.json"), SONNET, prices);
        let arguments =
            ["update", "--from", &lite, "--from", &other, "--to", &own, "--as-of", "2026-12-01", "--verbose"];
        let text = stdout(&arguments);
        (Prices::from_path(&own).unwrap(), text)
    };
    let (prices, _) = run("same", r#"{"input_mtok": 2, "output_mtok": 10}"#);
    assert_eq!(input(&prices, SONNET, "us-east-1", "2026-12-01"), some("$2.000000", CostStatus::Exact));
    let found = price(&prices, SONNET, "us-east-1", "2026-12-01").unwrap();
    let cached = found.charge(&Usage::new().with_cache_read(1_000_000));
    assert_eq!(cached.status(), CostStatus::Estimated, "one of them does not have it");
    assert_eq!(
        (found.confidence(), &**found.source()),
        (Confidence::Agreed, "litellm-2026-12-01+genai-prices-2026-12-01")
    );
    let (prices, text) = run("other", r#"{"input_mtok": 2.5, "output_mtok": 10}"#);
    assert_eq!(input(&prices, SONNET, "us-east-1", "2026-12-01"), some("$2.000000", CostStatus::Estimated));
    assert!(text.contains("another table of the same day has another price"), "{text}");
}

#[test]
fn an_unchanged_table_does_not_revert_another() {
    let own = to("unchanged-other.toml");
    let lite = litellm("unchanged-other.json", &[(SONNET, &[("input_cost_per_token", "2e-6")])]);
    stdout(&["update", "--from", &lite, "--to", &own, "--as-of", "2026-12-01"]);
    let genai = source("genai-prices-0.2.3-aws.json");
    let text = stdout(&["update", "--from", &genai, "--to", &own, "--as-of", "2026-12-10"]);
    assert!(text.starts_with("0 rows change"), "{text}");
}

#[test]
fn implausible_prices_are_left_out_and_listed() {
    let own = to("absurd.toml");
    let changes: &[(&str, &[(&str, &str)])] = &[
        (SONNET, &[("input_cost_per_token", "999")]),
        ("acme.cheap-v1:0", &[("input_cost_per_token", "1e-12")]),
        ("acme.image-v1:0", &[("input_cost_per_image", "1e-10"), ("output_cost_per_image", "1e30")]),
        ("bedrock/*/1-month-commitment/acme.big-v1:0", &[("cost_per_second", "1e5")]),
        ("bedrock/geo:us9/acme.geo-v1:0", &[("input_cost_per_token", "1e-6")]),
        ("acme.minus-v1:0", &[("input_cost_per_token", "-1e-6"), ("output_cost_per_token", "1e-6")]),
        ("acme.\u{1b}[31mred", &[("input_cost_per_token", "1e-6")]),
        ("xai.grok-9", &[("input_cost_per_token", "1e-6")]),
        ("bedrock/us-east-1/xai.grok-9", &[("input_cost_per_token", "1e-6")]),
        ("acme.tenfold-v1:0", &[("input_cost_per_token", "1e-6")]),
    ];
    let table = litellm("absurd.json", changes);
    let text = stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01", "--verbose"]);
    for left_out in [
        "left alone: anthropic.claude-sonnet-4-6 us default: input is 999000000: 3.3 is in force; --accept-far accepts it",
        "left alone: acme.cheap-v1:0 in-region default: input is 0.000001: known prices are from 0.01 to 132;",
        "no price: acme.image-v1:0 in-region default: it has no known figure",
        "no price: acme.big-v1:0 in-region provisioned: ",
        "no price: litellm: bedrock/geo:us9/acme.geo-v1:0: the key is not understood",
        "no price: litellm: acme.minus-v1:0: a price of tokens is not understood, and the row is left out",
        "acme.\\u{1b}[31mred: the key is not understood",
    ] {
        assert!(text.contains(left_out), "{left_out}: {text}");
    }
    assert!(!text.contains('\u{1b}'));
    let prices = Prices::from_path(&own).unwrap();
    assert_eq!(input(&prices, "xai.grok-9", "us-east-1", "2026-12-01"), some("$1.000000", CostStatus::Estimated));
    let far = litellm("far.json", &[("acme.tenfold-v1:0", &[("input_cost_per_token", "1e-5")])]);
    let arguments = ["update", "--from", &far, "--to", &own, "--as-of", "2026-12-02", "--accept-far"];
    assert!(stdout(&arguments[..7]).starts_with("0 rows change"));
    assert!(stdout(&arguments).contains("+900.00%"));
}

#[cfg(unix)]
#[test]
fn links_and_permissions_of_the_file_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let table = litellm("stays.json", &[(SONNET, &[("input_cost_per_token", "2e-6")])]);
    let real = file("stays-real.toml", "# ours\n");
    let link = PathBuf::from(to("stays-link.toml"));
    symlink(&real, &link).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    let update = |to: &str| ["update", "--from", &table, "--as-of", "2026-12-01", "--to", to].map(str::to_owned);
    let run = |to: &str| {
        let arguments = update(to);
        super::outlay(&arguments.each_ref().map(String::as_str)).output().unwrap()
    };
    assert!(run(link.to_str().unwrap()).status.success());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link is followed");
    assert!(fs::read_to_string(&real).unwrap().starts_with("# ours\n\n[[price]]"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o400)).unwrap();
    for (path, expected) in [
        (real.to_str().unwrap(), "it is read-only"),
        ("/dev/null", "it is not a regular file"),
        (file("inline.toml", "price = []\n").to_str().unwrap(), "write `price = [..]` as that"),
    ] {
        let output = run(path);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(path) && text.contains(expected), "{text}");
    }
}

#[test]
fn a_table_without_regions_does_not_change_geographies_with_regional_prices() {
    let models = [
        "us.amazon.nova-pro-v1:0",
        "apac.amazon.nova-micro-v1:0",
        "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "us.meta.llama3-2-11b-instruct-v1:0",
    ];
    let changes = models.map(|model| (model, &[("input_cost_per_token", "4e-7")][..]));
    let (table, own) = (litellm("geographies.json", &changes), to("geographies.toml"));
    let text = stdout(&["update", "--from", &table, "--to", &own, "--as-of", "2026-12-01", "--verbose"]);
    assert!(text.starts_with("0 rows change"), "{text}");
    for model in models {
        let (geo, base) = model.split_once('.').unwrap();
        let line = format!("left alone: {base} {geo} default: it has prices by region");
        assert!(text.contains(&line), "{line}: {text}");
    }
}
