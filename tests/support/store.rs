use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Independent;

/// The labels that a store makes of the resource, which all series of a process have.
const OF_THE_RESOURCE: [&str; 6] = [
    "service_instance_id",
    "service_name",
    "telemetry_sdk_language",
    "telemetry_sdk_name",
    "telemetry_sdk_version",
    "job",
];

/// A PromQL store that is not ours.
#[derive(Debug)]
pub struct MetricStore {
    script: Independent,
    http: reqwest::Client,
}

impl MetricStore {
    /// Starts the store of a script, if it is asked for: see [`Independent::start`].
    pub fn start(script: &str) -> Option<Self> {
        let script = Independent::start(script, &["STORE_OTLP", "STORE_QUERY"])?;
        Some(Self { script, http: reqwest::Client::new() })
    }

    /// Where metrics are sent, over OTLP/HTTP.
    pub fn otlp(&self) -> &str {
        self.script.value("STORE_OTLP")
    }

    /// The sum of a PromQL query's results now; `None` where there are none.
    ///
    /// # Panics
    ///
    /// If the store does not understand it.
    pub async fn sum(&self, query: &str) -> Option<f64> {
        let answer = self.get("query", &[("query", query)]).await;
        let results = answer["data"]["result"].as_array().expect("a vector").iter();
        let values = results.map(|result| result["value"][1].as_str().expect("a number in text"));
        values.map(|value| value.parse::<f64>().expect("a number")).reduce(|sum, value| sum + value)
    }

    /// Waits until the sum of a query is this.
    ///
    /// # Panics
    ///
    /// If it is not within half a minute.
    pub async fn wait_for(&self, query: &str, expected: f64) {
        let begun = Instant::now();
        loop {
            let found = self.sum(query).await;
            if found == Some(expected) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{query} is {found:?}, not {expected}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The names of all series, each with the names of its labels but those that the resource gives.
    ///
    /// # Panics
    ///
    /// If the store does not list them.
    pub async fn names(&self) -> BTreeMap<String, BTreeSet<String>> {
        let answer = self.get("series", &[("match[]", r#"{__name__=~"(outlay|gen_ai)_.*"}"#)]).await;
        let mut names = BTreeMap::<_, BTreeSet<_>>::new();
        for series in answer["data"].as_array().expect("a list of series") {
            let labels = series.as_object().expect("its labels");
            let own = labels.keys().filter(|key| *key != "__name__" && !OF_THE_RESOURCE.contains(&key.as_str()));
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
