//! The example in a real Phoenix: its own cost by its own prices, then by those of Outlay's table, and its kinds of spans.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use outlay_tests::Independent;
use serde_json::{Value, json};

use crate::example;

/// What Phoenix shows by its own prices, as `Viewer::OpenInference` says.
const BY_OWN_PRICES: f64 = 0.065_163_6;
const EXPORT: &str = r#"{"model":"us.anthropic.claude-sonnet-4-5-20250929-v1:0","usd_per_million_tokens":{"input":"3.3","output":"16.5","cache_read":"0.33","cache_write_5m":"4.125"}}
{"model":"us.anthropic.claude-haiku-4-5-20251001-v1:0","usd_per_million_tokens":{"input":"1.1","output":"5.5"}}
{"model":"acme.embed","usd_per_million_tokens":{"input":"1"}}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phoenix_shows_all_but_the_charge_once_it_has_our_prices() {
    let Some(phoenix) = Independent::start("phoenix.sh", &["PHOENIX_URL"]) else { return };
    let url = phoenix.value("PHOENIX_URL");
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", url)];
    example::run(&["--viewer", "openinference"], &endpoint).await;
    let before = wait_for_cost(url, 1).await;
    assert!((before - BY_OWN_PRICES).abs() < 1e-9, "{before}");

    // Twice, because prices are updated in this way.
    for _ in 0..2 {
        let (succeeded, printed) = give_prices(url, EXPORT.as_bytes());
        assert!(succeeded && printed.starts_with("2 models have a price in Phoenix; 1 have no price"), "{printed}");
    }
    // Phoenix reads its prices every five seconds.
    tokio::time::sleep(Duration::from_secs(8)).await;
    example::run(&["--viewer", "openinference"], &endpoint).await;
    let after = wait_for_cost(url, 2).await - before;
    assert!((after - (example::COST - example::CHARGE)).abs() < 1e-9, "{after}");

    let query = "{ projects { edges { node { tokenCountPrompt tokenCountCompletion \
                 spans(first: 100) { edges { node { spanKind } } } } } } }";
    let project = &ask(url, query).await["projects"]["edges"][0]["node"];
    let (input, output) = example::TOKENS;
    let tokens = (project["tokenCountPrompt"].as_f64().unwrap(), project["tokenCountCompletion"].as_f64().unwrap());
    assert_eq!(tokens, (2.0 * input as f64, 2.0 * output as f64), "each token is counted once");
    let mut kinds = BTreeMap::new();
    for edge in project["spans"]["edges"].as_array().unwrap() {
        *kinds.entry(edge["node"]["spanKind"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(kinds, BTreeMap::from([("agent", 4), ("chain", 14), ("llm", 12), ("tool", 2)]));
}

#[test]
fn the_script_for_phoenix_says_what_is_wrong() {
    // Nothing listens on this port.
    let unreachable = "http://127.0.0.1:9";
    let model = |prices: &str| format!("{{\"model\":\"m\",\"usd_per_million_tokens\":{prices}}}\n");
    let not_a_price = "line 1 is not a price of `outlay prices export`";
    for input in [
        "{}\n".to_owned(),
        "{\"model\":7,\"usd_per_million_tokens\":{}}\n".to_owned(),
        model("[]"),
        model("null"),
        model(r#"{"input":"NaN","output":"1"}"#),
        model(r#"{"input":"-1","output":"1"}"#),
        model(r#"{"input":["1"],"output":"1"}"#),
        model(&format!(r#"{{"input":1{},"output":"1"}}"#, "0".repeat(400))),
        model(&format!(r#"{{"input":1{},"output":"1"}}"#, "0".repeat(5000))),
        model(&"[".repeat(100_000)),
    ] {
        let (succeeded, printed) = give_prices(unreachable, input.as_bytes());
        assert!(!succeeded && printed.starts_with(not_a_price), "{printed}");
        assert!(printed.len() < 400, "{printed}");
    }
    for (input, expected) in [
        (&b""[..], "there are no prices: give the output of `outlay prices export` on standard input\n"),
        (b"not json\n", "line 1 is not a price of `outlay prices export`: not json\n"),
        (b"\xff\xfe\n", "line 1 is not a price of `outlay prices export`: \u{fffd}\u{fffd}\n"),
        (EXPORT.as_bytes(), "Phoenix at http://127.0.0.1:9 did not take the prices: "),
    ] {
        let (succeeded, printed) = give_prices(unreachable, input);
        assert!(!succeeded && printed.starts_with(expected), "{printed}");
    }
}

/// Runs the script of `examples/observability`. Returns whether it succeeded, and what it printed.
fn give_prices(url: &str, prices: &[u8]) -> (bool, String) {
    use std::io::Write as _;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/observability/phoenix_prices.py");
    let mut command = Command::new("python3");
    command.args([script, url]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut script = command.spawn().unwrap();
    // It may have ended already, with an error.
    let _ = script.stdin.take().unwrap().write_all(prices);
    let output = script.wait_with_output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

/// Waits until Phoenix has this number of traces, and returns their cost.
async fn wait_for_cost(url: &str, traces: u64) -> f64 {
    let query = "{ projects { edges { node { traceCount recordCount costSummary { total { cost } } } } } }";
    let started = Instant::now();
    let mut before = Value::Null;
    loop {
        let project = ask(url, query).await["projects"]["edges"][0]["node"].clone();
        if project["traceCount"] == traces && project["recordCount"] == 16 * traces && project == before {
            return project["costSummary"]["total"]["cost"].as_f64().unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{project}");
        before = project;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn ask(url: &str, query: &str) -> Value {
    let post = reqwest::Client::new().post(format!("{url}/graphql")).header("content-type", "application/json");
    let text = post.body(json!({"query": query}).to_string()).send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert!(answer["errors"].is_null(), "{text}");
    answer["data"].clone()
}
