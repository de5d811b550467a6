//! Traces in Jaeger 2: the search of the README, the numbers of the root span, and whole trees under sampling.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Independent};
use serde_json::Value;

use crate::example;

const README: &str = include_str!("../../README.md");
const GUIDE: &str = include_str!("../../examples/observability/README.md");

/// A span as the query API gives it.
#[derive(Debug)]
pub(crate) struct JaegerSpan {
    id: String,
    parent: Option<String>,
    name: String,
    /// The type and text of each tag.
    tags: BTreeMap<String, (String, String)>,
    warnings: Vec<String>,
}

/// A running Jaeger.
pub(crate) struct Jaeger {
    script: Independent,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jaeger_finds_the_example_by_the_search_of_the_readme() {
    let Some(jaeger) = Jaeger::start("jaeger.sh") else { return };
    // Logs decide nothing about spans.
    for log in ["off", "outlay=trace"] {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", jaeger.value("JAEGER_HTTP"));
        example::run(&[], &[endpoint, ("RUST_LOG", log)]).await;
    }
    let in_readme = README.split("for the tags `").nth(1).unwrap().split('`').next().unwrap();
    assert!(GUIDE.contains(&format!("\n{in_readme}\n")), "both documents have the same search");
    let tags: BTreeMap<_, _> = in_readme.split(' ').map(|tag| tag.split_once('=').unwrap()).collect();
    let traces = jaeger.wait_for("helpdesk", &tags, 2).await;
    for spans in &traces {
        assert_eq!(spans.len(), 16);
        assert_is_whole(spans);
        let root = root(spans);
        assert_eq!(root.name, "invoke_workflow resolve-ticket");
        assert_eq!(root.tag("outlay.total.usd"), ("float64", example::COST.to_string().as_str()));
        assert_eq!(root.tag("outlay.total.picousd"), ("int64", "76679960000"));
        assert_eq!(root.tag("outlay.total.status"), ("string", "exact"));
        assert_eq!(root.tag("outlay.task.root"), ("bool", "true"));
    }
    let dear = BTreeMap::from([("outlay.task.root", "true"), ("outlay.cost.band", "0.1-1")]);
    assert_eq!(jaeger.traces("helpdesk", &dear).await.len(), 0, "the search tells tasks apart by their cost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_are_whole_or_absent_under_head_sampling() {
    let Some(jaeger) = Jaeger::start("jaeger.sh") else { return };
    const TASKS: usize = 40;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(0.5)));
    run_tasks(&jaeger, sampler, TASKS, Usd::ZERO).await;
    let traces = jaeger.traces("tasks", &BTreeMap::new()).await;
    assert!((1..TASKS).contains(&traces.len()), "{} of {TASKS}", traces.len());
    for spans in &traces {
        assert_eq!(spans.len(), 7);
        assert_is_whole(spans);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_sampling_by_the_total_keeps_the_expensive_tasks_whole() {
    let Some(jaeger) = Jaeger::start("jaeger.sh jaeger_tail_sampling.yaml") else { return };
    run_tasks(&jaeger, Sampler::AlwaysOn, 5, Usd::from_cents(99)).await;
    run_tasks(&jaeger, Sampler::AlwaysOn, 3, Usd::from_cents(100)).await;
    let traces = jaeger.wait_for("tasks", &BTreeMap::new(), 3).await;
    for spans in &traces {
        assert_eq!(spans.len(), 7);
        assert_is_whole(spans);
        // One dollar and two calls of Haiku.
        assert_eq!(root(spans).tag("outlay.total.picousd"), ("int64", "1003300000000"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn span_metrics_have_the_dimensions_of_the_spans() {
    let Some(jaeger) = Jaeger::start("jaeger.sh jaeger_spanmetrics.yaml") else { return };
    run_tasks(&jaeger, Sampler::AlwaysOn, 3, Usd::ZERO).await;
    let address = format!("{}/metrics", jaeger.value("JAEGER_METRICS"));
    let started = Instant::now();
    loop {
        let text = reqwest::get(&address).await.unwrap().text().await.unwrap();
        let calls = text.lines().filter(|line| {
            line.starts_with("traces_span_metrics_calls_total{")
                && line.contains(r#"span_name="invoke_workflow t""#)
                && line.contains(r#"outlay_task_name="t""#)
                && line.contains(r#"outlay_team="support""#)
        });
        let counts: Vec<_> = calls.map(|line| line.rsplit(' ').next().unwrap()).collect();
        if counts == ["3"] {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Jaeger {
    pub(crate) fn start(command: &str) -> Option<Self> {
        let values = ["JAEGER_GRPC", "JAEGER_HTTP", "JAEGER_QUERY", "JAEGER_METRICS"];
        Some(Self { script: Independent::start(command, &values)? })
    }

    /// Returns the value that the script printed for `key`.
    pub(crate) fn value(&self, key: &str) -> &str {
        self.script.value(key)
    }

    /// Returns the spans of each trace of a service that has a span with these tags.
    async fn traces(&self, service: &str, tags: &BTreeMap<&str, &str>) -> Vec<Vec<JaegerSpan>> {
        search(self.value("JAEGER_QUERY"), service, tags).await
    }

    /// Waits until the search has `count` results, and until nothing more arrives.
    pub(crate) async fn wait_for(
        &self,
        service: &str,
        tags: &BTreeMap<&str, &str>,
        count: usize,
    ) -> Vec<Vec<JaegerSpan>> {
        let started = Instant::now();
        let mut before = 0;
        loop {
            let traces = self.traces(service, tags).await;
            let spans = traces.iter().map(Vec::len).sum();
            if traces.len() == count && spans == before {
                return traces;
            }
            before = spans;
            assert!(started.elapsed() < Duration::from_secs(30), "{} traces, not {count}", traces.len());
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
    }
}

/// Returns the spans of each trace of a service.
pub(crate) async fn traces_of(url: &str, service: &str) -> Vec<Vec<JaegerSpan>> {
    search(url, service, &BTreeMap::new()).await
}

async fn search(url: &str, service: &str, tags: &BTreeMap<&str, &str>) -> Vec<Vec<JaegerSpan>> {
    let tags = serde_json::to_string(tags).unwrap();
    let parameters = [("service", service), ("tags", &tags), ("limit", "1000")];
    let address = reqwest::Url::parse_with_params(&format!("{url}/api/traces"), parameters).unwrap();
    let answer = reqwest::get(address).await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let traces = answer["data"].as_array().unwrap().iter();
    traces.map(|trace| trace["spans"].as_array().unwrap().iter().map(JaegerSpan::read).collect()).collect()
}

impl JaegerSpan {
    fn read(span: &Value) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let tags = span["tags"].as_array().unwrap().iter();
        let parent = span["references"].as_array().unwrap().iter().find(|of| of["refType"] == "CHILD_OF");
        Self {
            id: text(&span["spanID"]),
            parent: parent.map(|parent| text(&parent["spanID"])),
            name: text(&span["operationName"]),
            tags: tags.map(|tag| (text(&tag["key"]), (text(&tag["type"]), text(&tag["value"])))).collect(),
            warnings: span["warnings"].as_array().into_iter().flatten().map(text).collect(),
        }
    }

    /// Returns the type and the text of a tag.
    pub(crate) fn tag(&self, key: &str) -> (&str, &str) {
        let (kind, value) = self.tags.get(key).unwrap_or_else(|| panic!("`{}` has no {key}", self.name));
        (kind, value)
    }
}

pub(crate) fn root(spans: &[JaegerSpan]) -> &JaegerSpan {
    let roots: Vec<_> = spans.iter().filter(|span| span.parent.is_none()).collect();
    assert_eq!(roots.len(), 1, "{spans:?}");
    roots[0]
}

/// Asserts that the tree has one root and no gaps, that its costs add up to the root's total, and that Jaeger has nothing
/// to say about it.
pub(crate) fn assert_is_whole(spans: &[JaegerSpan]) {
    let ids: BTreeSet<_> = spans.iter().map(|span| span.id.as_str()).collect();
    for span in spans {
        assert_eq!(span.warnings, Vec::<String>::new(), "{}", span.name);
        assert!(span.parent.as_deref().is_none_or(|parent| ids.contains(parent)), "`{}` has no parent", span.name);
    }
    let costs = spans.iter().filter_map(|span| span.tags.get("outlay.cost.picousd"));
    let sum: i64 = costs.map(|(_, picos)| picos.parse::<i64>().unwrap()).sum();
    assert_eq!(root(spans).tag("outlay.total.picousd").1, sum.to_string());
}

/// Runs tasks that consist of an agent, two steps, two calls and a charge each, and exports them.
async fn run_tasks(jaeger: &Jaeger, sampler: Sampler, count: usize, charge: Usd) {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(jaeger.value("JAEGER_GRPC"));
    let resource = opentelemetry_sdk::Resource::builder().with_service_name("tasks").build();
    let tracer_provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_resource(resource)
        .with_batch_exporter(exporter.build().unwrap())
        .build();
    let h = Harness::with(|builder| builder.tracer_provider(&tracer_provider)).await;
    for _ in 0..count {
        let task = h.outlay.task("t").team("support").start();
        let work = outlay::agent("triage").run(async {
            outlay::plan("read").run(h.ask(HAIKU, 1_000, 100)).await;
            let tool = outlay::tool("search").run(async {
                outlay::charge("serp-api", charge);
                h.ask(HAIKU, 1_000, 100).await;
            });
            tool.await;
        });
        task.run(work).await;
        task.finish(Outcome::success());
    }
    tokio::task::spawn_blocking(move || tracer_provider.shutdown().unwrap()).await.unwrap();
}
