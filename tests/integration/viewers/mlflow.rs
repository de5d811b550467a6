//! The example in a real MLflow: its own sums of money and tokens, and its types of spans.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use outlay_tests::Independent;
use serde_json::{Value, json};

use crate::example;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mlflow_sums_the_examples_cost_and_tokens_as_outlay_does() {
    let Some(mlflow) = Independent::start("mlflow.sh", &["MLFLOW_URL"]) else { return };
    let url = mlflow.value("MLFLOW_URL");
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_EXPORTER_OTLP_HEADERS", "x-mlflow-experiment-id=0")];
    example::run(&["--viewer", "mlflow"], &variables).await;

    let trace = wait_for_the_trace(url).await;
    let sums = |key: &str| -> Value { serde_json::from_str(trace["trace_metadata"][key].as_str().unwrap()).unwrap() };
    let cost = sums("mlflow.trace.cost");
    assert!((cost["total_cost"].as_f64().unwrap() - example::COST).abs() < 1e-9, "{cost}");
    let parts = cost["input_cost"].as_f64().unwrap() + cost["output_cost"].as_f64().unwrap();
    assert!((parts + example::CHARGE - example::COST).abs() < 1e-9, "a charge has no input and no output: {cost}");
    let tokens = sums("mlflow.trace.tokenUsage");
    assert_eq!((tokens["input_tokens"].as_u64(), tokens["output_tokens"].as_u64()), (Some(24_435), Some(2_311)));
    assert_eq!(tokens["cache_creation_input_tokens"], 4_096);

    let types = span_types(url, trace["trace_id"].as_str().unwrap()).await;
    let expected = [("AGENT", 2), ("CHAT_MODEL", 6), ("TASK", 6), ("TOOL", 1), ("WORKFLOW", 1)];
    assert_eq!(types, BTreeMap::from(expected.map(|(name, count)| (name.to_owned(), count))));
}

/// Waits until MLflow has summed the trace up.
async fn wait_for_the_trace(url: &str) -> Value {
    let location = json!({"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}});
    let search = json!({"locations": [location], "max_results": 10}).to_string();
    let started = Instant::now();
    loop {
        let post = reqwest::Client::new().post(format!("{url}/api/3.0/mlflow/traces/search"));
        let answer = post.header("content-type", "application/json").body(search.clone()).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        if let Some([trace]) = answer["traces"].as_array().map(Vec::as_slice)
            && trace["trace_metadata"]["mlflow.trace.cost"].is_string()
        {
            return trace.clone();
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{text}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Returns how many spans have each type.
async fn span_types(url: &str, trace: &str) -> BTreeMap<String, u32> {
    let address = format!("{url}/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace}");
    let text = reqwest::get(address).await.unwrap().text().await.unwrap();
    let trace: Value = serde_json::from_str(&text).unwrap();
    let mut types = BTreeMap::new();
    for span in trace["spans"].as_array().unwrap() {
        // Attributes are JSON in text.
        let kind: String = serde_json::from_str(span["attributes"]["mlflow.spanType"].as_str().unwrap()).unwrap();
        *types.entry(kind).or_default() += 1;
    }
    types
}
