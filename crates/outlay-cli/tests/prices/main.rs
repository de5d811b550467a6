//! Runs of `outlay prices`.

#![allow(clippy::unwrap_used)]

mod update;

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn outlay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outlay"));
    command.arg("prices").args(arguments).env_remove("OUTLAY_PRICES");
    command
}

/// Returns the output of a command that succeeds.
fn stdout(arguments: &[&str]) -> String {
    let output = outlay(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the output of a command that fails.
fn failure(arguments: &[&str]) -> String {
    let output = outlay(arguments).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Writes a file for one test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Returns the cells of the first line with this start.
fn cells<'t>(text: &'t str, start: &str) -> Vec<&'t str> {
    let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"));
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn show_prints_the_price_of_a_region_and_its_confidence() {
    let text = stdout(&["show", "eu.amazon.nova-pro-v1:0", "--region", "eu-north-1", "--prices", "bundled"]);
    assert_eq!(cells(&text, "eu       default")[2..6], ["0.87", "3.48", "0.2175*", "0"]);
    assert!(text.contains("exact, listed") && text.contains("* Derived, not stated by a source"), "{text}");
    assert!(!text.contains("in-region"), "the profile alone: {text}");
    let of_model = stdout(&["show", "amazon.nova-pro-v1:0", "--region", "eu-north-1"]);
    assert!(!of_model.contains("\nus ") && !of_model.contains("\napac "), "cannot be called there: {of_model}");
    let elsewhere = stdout(&["show", "amazon.nova-canvas-v1:0", "--region", "eu-north-1"]);
    assert!(elsewhere.contains("estimated, elsewhere  aws-pricing-page, of us-east-1"), "{elsewhere}");
}

#[test]
fn show_prints_the_price_of_a_day() {
    let read = |day| {
        let text = stdout(&["show", "us.anthropic.claude-sonnet-5-5", "--region", "us-east-1", "--at", day]);
        cells(&text, "us       default")[4].to_owned()
    };
    assert_eq!((read("2026-10-06"), read("2026-10-07")), ("0.22".to_owned(), "0.11".to_owned()));
}

#[test]
fn show_without_a_region_lists_all_regions_of_a_price() {
    let text = stdout(&["show", "amazon.titan-embed-text-v2:0"]);
    assert!(text.lines().any(|line| line.contains(" 0.2 ") && line.contains("eu-central-1")), "{text}");
    assert!(text.lines().any(|line| line.contains(" 0.02 ") && line.contains("us-east-1")), "{text}");
}

#[test]
fn unknown_names_are_reported_with_known_ones() {
    let text = failure(&["show", "amazon.nova-prov"]);
    assert!(
        text.contains("no price of `amazon.nova-prov` is known: did you mean") && text.contains("amazon.nova-"),
        "{text}"
    );
    for command in [&["show", "amazon.nova-pro-v1:0"][..], &["coverage"]] {
        let text = failure(&[command, &["--region", "eu-north-9"]].concat());
        assert!(text.contains("no price is for the region `eu-north-9`") && text.contains("eu-north-1,"), "{text}");
    }
    let text = failure(&["show", "amazon.nova-pro-v1:0", "--at", "yesterday"]);
    assert!(text.contains("not a date: use a form such as 2026-10-07"), "{text}");
    let text = failure(&["show", "amazon.nova-pro-v1:0", "--prices", "no/such.toml"]);
    assert!(text.contains("outlay: no/such.toml: cannot read the price file: No such file"), "{text}");
}

#[test]
fn the_price_file_of_the_environment_is_used() {
    let own = file("own.toml", "[[price]]\nmodel = \"acme.big\"\ninput = \"7.25\"");
    let output = outlay(&["show", "acme.big", "--region", "eu-west-1"]).env("OUTLAY_PRICES", own).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(cells(&text, "in-region"), ["in-region", "default", "7.25", "exact, own", "own.toml"]);
    let none = outlay(&["show", "amazon.nova-pro-v1:0"]).env("OUTLAY_PRICES", "").output().unwrap();
    assert!(none.status.success(), "an empty name counts as unset");
}

#[test]
fn coverage_counts_each_place_once() {
    let full = stdout(&["coverage", "--full"]);
    let lines: Vec<Vec<&str>> = full.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let mut places: Vec<&[&str]> = lines.iter().map(|line| &line[..3]).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), lines.len());
    let cost = |id: &str, region: &str, tier: &str| {
        lines.iter().find(|line| line[..3] == [id, region, tier]).map(|line| line[3])
    };
    assert_eq!(cost("eu.amazon.nova-pro-v1:0", "eu-north-1", "default"), Some("exact"));
    assert_eq!(cost("eu.amazon.nova-pro-v1:0", "eu-north-1", "flex"), Some("estimated"));
    assert_eq!(cost("eu.amazon.nova-pro-v1:0", "us-east-1", "default"), None, "cannot be called there");
    assert_eq!(cost("amazon.nova-canvas-v1:0", "us-gov-west-1", "default"), Some("unpriced"));
    let exact = lines.iter().filter(|line| line[2..] == ["default", "exact"]).count();
    let text = stdout(&["coverage"]);
    assert!(text.contains(&format!("\ndefault: {exact} of ")), "{text}");
}

#[test]
fn check_accepts_a_plausible_file() {
    let own = file(
        "plausible.toml",
        "[[price]]\nmodel = \"us.anthropic.claude-sonnet-4-6\"\ninput = \"3.1\"\noutput = \"15\"\n\
         [[price]]\nmodel = \"acme.big\"\ninput = \"0.0001\"\nnote = \"a research preview\"",
    );
    assert_eq!(
        stdout(&["check", own.to_str().unwrap()]).trim_end(),
        format!("{}: 2 prices, all plausible", own.display())
    );
}

#[test]
fn check_reports_implausible_figures() {
    let own = file(
        "odd.toml",
        r#"
        [[price]]
        model = "us.anthropic.claude-sonnet-4-6"
        input = "33"
        output = "1.65"
        cache_read = "3.2"
        [[price]]
        model = "amazon.nova-canvas-v1:0"
        region = "us-east-9"
        units = { "output_image[side<=1024,premium]" = "55" }
        [[price]]
        model = "acme.big"
        input = "0.000001"
        [[alias]]
        from = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
        to = "acme.none"
        [[discount]]
        percent = "10"
        model = "acme.typo"
        [[discount]]
        percent = "5"
        region = "eu-centrl-1"
        "#,
    );
    let text = failure(&["check", own.to_str().unwrap()]);
    for problem in [
        "anthropic.claude-sonnet-4-6 us default: input is 33: 3.3 is in force",
        "anthropic.claude-sonnet-4-6 us default: output is 1.65: 16.5 is in force",
        "amazon.nova-canvas-v1:0 in-region default in us-east-9: the bundled table has no region `us-east-9`",
        "output_image[side<=1024,premium] is 55: 0.06 is in force",
        "acme.big in-region default: input is 0.000001: known prices are from",
        "abc123: no price of `acme.none` is known",
        "discount 10% (model acme.typo): it applies to no price",
        "discount 5% (region eu-centrl-1): it applies to no price",
        ": 3 prices, 8 problems",
    ] {
        assert!(text.contains(problem), "{problem}: {text}");
    }
    assert!(!text.contains("cache_read"), "less than ten times: {text}");
}

#[test]
fn check_reports_the_line_of_an_error() {
    let own = file("broken.toml", "[[price]]\nmodel = \"a.b\"\ninput = 3.3");
    let text = failure(&["check", own.to_str().unwrap()]);
    assert!(text.contains("broken.toml:3: price.input: a float is inexact"), "{text}");
}

#[test]
fn diff_lists_the_changes_of_a_file() {
    let own =
        file("dearer.toml", "version = \"v\"\n[[price]]\nmodel = \"us.anthropic.claude-sonnet-4-6\"\ninput = \"6.6\"");
    let text = stdout(&["diff", "bundled", own.to_str().unwrap()]);
    assert!(text.contains("+100.00%") && text.contains("0 added, 0 removed, 1 changed"), "{text}");
    assert!(stdout(&["diff", "bundled", "bundled"]).contains("0 added, 0 removed, 0 changed"));
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let mut child = outlay(&["coverage", "--full"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Read a little and close the pipe, which cannot hold the rest.
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn check_compares_a_row_without_a_region_with_every_region() {
    let own = file("titan.toml", "[[price]]\nmodel = \"amazon.titan-embed-text-v2:0\"\ninput = \"0.02\"");
    let text = failure(&["check", own.to_str().unwrap()]);
    assert!(text.contains("input is 0.02: 0.2 is in force in eu-central-1"), "{text}");
    let here = file(
        "titan-here.toml",
        "[[price]]\nmodel = \"amazon.titan-embed-text-v2:0\"\nregion = \"us-east-1\"\ninput = \"0.021\"",
    );
    assert!(stdout(&["check", here.to_str().unwrap()]).contains("1 prices, all plausible"));
}

#[test]
fn check_reports_an_empty_file() {
    let own = file("empty.toml", " \n");
    assert!(failure(&["check", own.to_str().unwrap()]).contains("empty.toml: the file is empty"));
}

#[test]
fn check_accepts_a_region_that_only_has_prices_of_all_regions() {
    let own = file(
        "mexico.toml",
        "[[price]]\nmodel = \"anthropic.claude-sonnet-4-6\"\nregion = \"mx-central-1\"\ninput = \"3\"",
    );
    assert!(stdout(&["check", own.to_str().unwrap()]).contains("all plausible"));
    let text = stdout(&["show", "anthropic.claude-sonnet-4-6", "--region", "mx-central-1"]);
    assert!(text.contains("exact, listed"), "{text}");
}

#[test]
fn show_prints_the_price_that_a_call_would_have() {
    let longer = stdout(&["show", "anthropic.claude-sonnet-4-6:24k", "--region", "us-east-1"]);
    assert_eq!(cells(&longer, "in-region  default")[2], "3.3", "{longer}");
    let prefix = failure(&["show", "xx.anthropic.claude-sonnet-4-6"]);
    assert!(prefix.contains("the prefix is unknown"), "{prefix}");
    let arn = "arn:aws:bedrock:eu-north-1::foundation-model/amazon.nova-pro-v1:0";
    let text = stdout(&["show", arn]);
    assert_eq!(cells(&text, "in-region  default")[2], "0.87", "{text}");
    assert!(!text.contains("regions") && !text.contains("\neu "), "one region and one routing: {text}");
}

#[test]
fn show_prints_the_prices_of_an_account() {
    let own = file(
        "account.toml",
        "[[price]]\nmodel = \"acme.big\"\naccount = \"123456789012\"\ninput = \"2\"\n\
         [[price]]\nmodel = \"amazon.nova-pro-v1:0\"\naccount = \"123456789012\"\ninput = \"0.5\"",
    );
    let own = own.to_str().unwrap();
    let show = |more: &[&'static str]| outlay(&[&["show", "--prices", own][..], more].concat()).output().unwrap();
    let none = String::from_utf8(show(&["acme.big"]).stderr).unwrap();
    assert!(none.contains("--account 123456789012"), "{none}");
    let text =
        String::from_utf8(show(&["acme.big", "--account", "123456789012", "--region", "us-east-1"]).stdout).unwrap();
    assert_eq!(cells(&text, "in-region  default")[2], "2", "{text}");
    let text = String::from_utf8(show(&["amazon.nova-pro-v1:0", "--region", "us-east-1"]).stdout).unwrap();
    assert!(text.contains("--account 123456789012"), "{text}");
}

#[test]
fn diff_lists_the_figures_that_calls_are_charged_by() {
    let own = file(
        "everywhere.toml",
        "[[price]]\nmodel = \"amazon.titan-embed-text-v2:0\"\ninput = \"0.02\"\noutput = \"0\"\n\
         [[alias]]\nfrom = \"my-sonnet\"\nto = \"us.anthropic.claude-sonnet-4-6\"\n\
         [[price]]\nmodel = \"amazon.nova-pro-v1:0\"\nregion = \"us-east-1\"\ninput = \"0.8\"\noutput = \"3.2\"\n\
         cache_read = \"0.2\"\ncache_write_5m = \"0\"\nconfidence = \"single\"\neffective_from = \"2026-11-01\"\n\
         [[price]]\nmodel = \"amazon.nova-pro-v1:0\"\nregion = \"eu-north-1\"\naccount = \"123456789012\"\n\
         input = \"0.5\"",
    );
    let text = stdout(&["diff", "bundled", own.to_str().unwrap(), "--at", "2026-11-28"]);
    for line in [
        // A row without a region applies to all of them.
        &["amazon.titan-embed-text-v2:0", "in-region", "default", "input", "0.2", "0.02", "eu-central-1, sa-east-1"][..],
        &["my-sonnet", "us.anthropic.claude-sonnet-4-6"],
        // A change of the confidence is listed too.
        &["amazon.nova-pro-v1:0", "in-region", "default", "cost is", "exact, listed", "estimated, single", "us-east-1"],
        &["amazon.nova-pro-v1:0", "in-region", "default", "123456789012", "input", "0.87", "0.5", "eu-north-1"],
    ] {
        let is_it =
            |text: &&str| text.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).eq(line.iter().copied());
        assert!(text.lines().any(|text| is_it(&text)), "{line:?}: {text}");
    }
    assert!(!stdout(&["diff", "bundled", "bundled"]).contains("charged"));
}

#[test]
fn export_writes_a_model_a_line_with_the_prices_that_show_prints() {
    let path = file("export.toml", "[[price]]\nmodel = \"acme.own\"\ninput = \"0.123456\"\noutput = \"7\"\n");
    let text = stdout(&["export", "--region", "eu-north-1", "--prices", path.to_str().unwrap()]);
    let models: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let model = |id: &str| models.iter().find(|model| model["model"] == id);
    let nova = model("eu.amazon.nova-pro-v1:0").unwrap();
    assert_eq!(nova["usd_per_million_tokens"]["input"], "0.87");
    assert_eq!(nova["usd_per_million_tokens"]["cache_read"], "0.2175");
    assert_eq!(nova["is_exact"], true);
    let own = &model("acme.own").unwrap()["usd_per_million_tokens"];
    assert_eq!((&own["input"], &own["output"]), (&"0.123456".into(), &"7".into()));
    assert!(model("us.amazon.nova-pro-v1:0").is_none(), "it cannot be called there");
    let mut ids: Vec<&str> = models.iter().map(|model| model["model"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "each model has one line");
    assert!(failure(&["export", "--region", "eu-north-9"]).contains("no price is for the region `eu-north-9`"));
}
