use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Independent;

/// The labels that a store derives from the resource. All series of a process have them.
const RESOURCE_LABELS: [&str; 7] = [
    "service_instance_id",
    "service_name",
    "telemetry_sdk_language",
    "telemetry_sdk_name",
    "telemetry_sdk_version",
    "job",
    "instance",
];

/// A third-party PromQL store.
#[derive(Debug)]
pub struct MetricStore {
    script: Independent,
    http: reqwest::Client,
}

impl MetricStore {
    /// Starts the store of a script. Returns `None` under the conditions of [`Independent::start`].
    pub fn start(script: &str) -> Option<Self> {
        let script = Independent::start(script, &["STORE_OTLP", "STORE_QUERY"])?;
        Some(Self { script, http: reqwest::Client::new() })
    }

    /// Returns the value that the script printed for `key`.
    pub fn value(&self, key: &str) -> &str {
        self.script.value(key)
    }

    /// Returns the OTLP/HTTP address for metrics.
    pub fn otlp(&self) -> &str {
        self.script.value("STORE_OTLP")
    }

    /// Returns the current sum of the results of a PromQL query, or `None` if it has no results.
    ///
    /// # Panics
    ///
    /// If the store does not accept the query.
    pub async fn sum(&self, query: &str) -> Option<f64> {
        let answer = self.get("query", &[("query", query)]).await;
        let results = answer["data"]["result"].as_array().expect("a vector").iter();
        let values = results.map(|result| result["value"][1].as_str().expect("a number in text"));
        values.map(|value| value.parse::<f64>().expect("a number")).reduce(|sum, value| sum + value)
    }

    /// Sends an OTLP request for metrics, as protobuf.
    ///
    /// # Panics
    ///
    /// If the store does not accept it.
    pub async fn send(&self, request: Vec<u8>) {
        let post = self.http.post(self.otlp()).header("content-type", "application/x-protobuf").body(request);
        let answer = post.send().await.expect("the store answers");
        let status = answer.status();
        assert!(status.is_success(), "{status}: {}", answer.text().await.unwrap_or_default());
    }

    /// Returns the labels and the values of a PromQL query's results. The time of the query is in seconds since 1970.
    ///
    /// # Panics
    ///
    /// If the store does not accept the query.
    pub async fn rows(&self, query: &str, time: u64) -> Vec<(BTreeMap<String, String>, f64)> {
        let answer = self.get("query", &[("query", query), ("time", &time.to_string())]).await;
        let results = answer["data"]["result"].as_array().expect("a vector").iter();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let row = |result: &Value| {
            let labels = result["metric"].as_object().expect("labels").iter();
            let labels = labels.map(|(key, value)| (key.clone(), text(value))).collect();
            (labels, text(&result["value"][1]).parse().expect("a number"))
        };
        results.map(row).collect()
    }

    /// Waits until the sum of a query is `expected`.
    ///
    /// # Panics
    ///
    /// If it is not within 30 seconds.
    pub async fn wait_for(&self, query: &str, expected: f64) {
        let started = Instant::now();
        loop {
            let found = self.sum(query).await;
            if found == Some(expected) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{query} is {found:?}, not {expected}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Returns the names of all series, each with the names of its labels except the resource labels.
    ///
    /// # Panics
    ///
    /// If the store does not list them.
    pub async fn names(&self) -> BTreeMap<String, BTreeSet<String>> {
        let answer = self.get("series", &[("match[]", r#"{__name__=~"(outlay|gen_ai)_.*"}"#)]).await;
        let mut names = BTreeMap::<_, BTreeSet<_>>::new();
        for series in answer["data"].as_array().expect("a list of series") {
            let labels = series.as_object().expect("its labels");
            let own = labels.keys().filter(|key| *key != "__name__" && !RESOURCE_LABELS.contains(&key.as_str()));
            let name = series["__name__"].as_str().expect("a name").to_owned();
            names.entry(name).or_default().extend(own.cloned());
        }
        names
    }

    async fn get(&self, what: &str, parameters: &[(&str, &str)]) -> Value {
        let address = format!("{}/api/v1/{what}", self.script.value("STORE_QUERY"));
        let address = reqwest::Url::parse_with_params(&address, parameters).expect("it is an address");
        let answer = self.http.get(address).timeout(Duration::from_secs(10)).send().await.expect("the store answers");
        let text = answer.text().await.expect("the store answers");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(answer["status"], "success", "{text}");
        answer
    }
}
