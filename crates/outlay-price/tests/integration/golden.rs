//! The costs of a table of calls: `tests/golden/calls.tsv`.
//!
//! The columns before the first `=` describe the call and are written by hand. The columns with `=` are its expected cost,
//! in pico-dollars. `UPDATE_GOLDEN=1 cargo test -p outlay-price golden` updates the expected columns, and fails so that
//! the diff gets reviewed. `tests/golden/check.py` computes them independently from `data/prices.tsv`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use outlay_price::{
    CacheTtl, Charge, GuardrailUse, ModelRef, Price, PriceQuery, Prices, Unit, UnitCount, Units, Usage, Used,
};

const CALL_COLUMNS: usize = 15;
const COLUMNS: &str = "model\tregion\ttier\tlatency\tat\tinput\toutput\tcache_read\twrite_5m\twrite_30m\twrite_1h\t\
    input_audio\toutput_audio\tunits\tguardrail\t=total\t=input\t=output\t=cache_read\t=cache_write\t=other\t=saved\t\
    =status\t=row\t=source";

#[test]
fn every_golden_call_has_the_expected_cost() {
    let path = file("calls.tsv");
    let text = fs::read_to_string(&path).expect("the golden file can be read");
    let lines: Vec<String> = text.lines().map(priced).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, lines.join("\n") + "\n").expect("the golden file can be written");
        panic!("the golden file was updated: review the diff, and run without UPDATE_GOLDEN");
    }
    assert!(text.lines().filter(|line| !line.starts_with('#')).count() > 300);
    for (number, (actual, expected)) in lines.iter().zip(text.lines()).enumerate() {
        let names = COLUMNS.split('\t');
        for ((actual, expected), name) in actual.split('\t').zip(expected.split('\t')).zip(names) {
            assert_eq!(actual, expected, "{name} of line {}: {expected}", number + 1);
        }
        assert_eq!(actual, expected, "line {}", number + 1);
    }
}

#[test]
fn the_golden_file_equals_an_independent_computation() {
    if std::env::var_os("OUTLAY_INDEPENDENT").is_none() {
        #[allow(clippy::print_stderr, reason = "the test output should mention that the test was skipped")]
        {
            eprintln!("skipped: set OUTLAY_INDEPENDENT=1 to run it against check.py");
        }
        return;
    }
    let status = Command::new("python3").arg(file("check.py")).status().expect("python3 can be started");
    assert!(status.success(), "check.py prints the lines that differ");
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Returns the line with its call columns unchanged and its expected columns computed.
fn priced(line: &str) -> String {
    if line.starts_with('#') {
        return line.to_owned();
    }
    if line.starts_with("model\t") {
        return COLUMNS.to_owned();
    }
    let fields: Vec<&str> = line.split('\t').collect();
    let [model, region, tier, latency, at, counts @ .., units, guardrail] = &fields[..CALL_COLUMNS] else {
        panic!("too few columns: {line}")
    };
    let bad = |what: &str| -> ! { panic!("invalid {what}: {line}") };
    let model = ModelRef::parse(model).unwrap_or_else(|_| bad("model"));
    let mut query = PriceQuery::new(model, at.parse().unwrap_or_else(|_| bad("time")));
    query.region = (!region.is_empty()).then_some(*region);
    query.tier = tier.parse().unwrap_or_else(|_| bad("tier"));
    query.latency = latency.parse().unwrap_or_else(|_| bad("latency"));
    let count = |at: usize| match counts[at] {
        "" => 0,
        digits => digits.parse().unwrap_or_else(|_| bad("count")),
    };
    let used = Used {
        tokens: Usage::new()
            .with_uncached_input(count(0))
            .with_output(count(1))
            .with_cache_read(count(2))
            .with_cache_write(CacheTtl::FiveMinutes, count(3))
            .with_cache_write(CacheTtl::ThirtyMinutes, count(4))
            .with_cache_write(CacheTtl::OneHour, count(5))
            .with_input_audio(count(6))
            .with_output_audio(count(7)),
        units: match *units {
            "" => None,
            "none" => Some(Units::new()),
            units => Some(units.split(';').map(unit).collect()),
        },
        guardrail: match *guardrail {
            "" => GuardrailUse::NotApplied,
            "unknown" => GuardrailUse::Unknown,
            policies => GuardrailUse::Counted(policies.split(';').map(policy).collect()),
        },
    };
    let prices = Prices::bundled();
    let price = prices.lookup(&query);
    let guardrails = match used.guardrail {
        GuardrailUse::Counted(_) => prices.guardrails(query.region.or(query.model.region()), query.at),
        _ => None,
    };
    let used_prices: Vec<&Price> = price.into_iter().chain(guardrails).collect();
    let rows: Vec<String> = used_prices.iter().map(|price| row(price, used.tokens.input_tokens())).collect();
    let sources: Vec<&str> = used_prices.iter().map(|price| &**price.source()).collect();
    let expected = expected(&prices.charge(&query, &used));
    [fields[..CALL_COLUMNS].join("\t"), expected, rows.join(" & "), sources.join(" & ")].join("\t")
}

fn expected(charge: &Charge) -> String {
    let amounts = [
        charge.total(),
        charge.input(),
        charge.output(),
        charge.cache_read(),
        charge.cache_write(),
        charge.other(),
        charge.cache_savings(),
    ];
    format!("{}\t{}", amounts.map(|amount| amount.picos().to_string()).join("\t"), charge.status())
}

/// Returns the key of the row that determined the price, as text.
fn row(price: &Price, input: u64) -> String {
    let mut row = format!("{} {} {}", price.model(), price.routing(), price.tier());
    if let Some(region) = price.region() {
        row += &format!(" in {region}");
    }
    if let Some(day) = price.effective_from() {
        row += &format!(" from {day}");
    }
    if let Some(over) = price.context_bounds().filter(|&over| input > over).last() {
        row += &format!(" over {over}");
    }
    row
}

/// Parses `output_image[side=1024,steps=50,premium]*2` or `input_video_second*12.5`.
fn unit(text: &str) -> UnitCount {
    let (what, count) = text.split_once('*').expect("a unit and a count");
    let (whole, thousandths) = count.split_once('.').unwrap_or((count, ""));
    let thousandths: u64 = format!("{whole}{thousandths:0<3}").parse().expect("a count");
    let (name, conditions) = what.strip_suffix(']').and_then(|what| what.split_once('[')).unwrap_or((what, ""));
    let mut count = UnitCount::of_thousandths(name.parse().expect("a unit"), thousandths);
    for part in conditions.split(',').filter(|part| !part.is_empty()) {
        count = match part.split_once('=') {
            Some(("side", pixels)) => count.with_side(pixels.parse().expect("pixels")),
            Some(("steps", steps)) => count.with_steps(steps.parse().expect("steps")),
            _ => count.with_word(part.to_owned()),
        };
    }
    count
}

/// Parses `topicPolicyUnits*2`.
fn policy(text: &str) -> UnitCount {
    let (policy, count) = text.split_once('*').expect("a policy and a count");
    UnitCount::new(Unit::GuardrailUnit, count.parse().expect("a count")).with_word(policy.to_owned())
}
