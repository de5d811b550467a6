//! The table of `examples/observability/metrics.md`, compared with what a store lists.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use bedrock_sim::{Operation, Reply, StsSim, Tokens};
use opentelemetry_sdk::metrics::InMemoryMetricExporter;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use outlay::bedrock::Principals;
use outlay::budget::{BudgetRule, Period};
use outlay::policy::{Policy, RunawayRule};
use outlay::{Budget, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, MetricStore, SharedBudgets, converse, eventually, haiku, read_stream};
use serde_json::json;

use super::{exporting_to, flush};
use crate::identity::sts_client;

const TABLE: &str = include_str!("../../../examples/observability/metrics.md");

/// A policy whose limit each workflow exceeds with its first task.
const POLICY: &str = "[[rule]]\nname = \"sandbox\"\n[rule.graduate]\ntasks_per_day = 0\n";

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    kind: String,
    unit: String,
    in_prometheus: Vec<String>,
    labels: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victoria_metrics_lists_the_metrics_of_the_table() {
    let Some(store) = MetricStore::start("victoria_metrics.sh") else { return };
    check_the_table(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_lists_the_metrics_of_the_table() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    check_the_table(&store).await;
}

async fn check_the_table(store: &MetricStore) {
    let table = table();
    let export = export_everything(store).await;
    let kinds: BTreeMap<_, _> =
        table.iter().map(|(name, row)| (name.clone(), (row.kind.clone(), row.unit.clone()))).collect();
    assert_eq!(kinds, kinds_and_units(&export));

    // The last is that of the task that is abandoned at the end.
    store.wait_for("sum(outlay_policy_violations_total)", 3.0).await;
    let expected: BTreeMap<_, _> = table.into_values().flat_map(in_store).collect();
    assert_eq!(store.names().await, expected);
}

/// Reads the rows by metric from the Markdown table. Cells hold words in backquotes.
fn table() -> BTreeMap<String, Row> {
    let words = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let mut rows = BTreeMap::new();
    for line in TABLE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let [metric, kind, unit, in_prometheus, labels] = cells.as_slice() else { panic!("not five cells: {line}") };
        let row = Row {
            kind: kind.trim().to_owned(),
            unit: words(unit).concat(),
            in_prometheus: words(in_prometheus),
            // The task has one custom dimension.
            labels: words(labels).into_iter().map(|label| label.replace("{key}", "tenant")).collect(),
        };
        assert!(rows.insert(words(metric).concat(), row).is_none(), "duplicate row: {line}");
    }
    rows
}

/// Returns the names and labels that a store should list for a row.
fn in_store(row: Row) -> Vec<(String, BTreeSet<String>)> {
    let labels = |name: String| {
        let le = name.ends_with("_bucket").then(|| "le".to_owned());
        (name, row.labels.iter().cloned().chain(le).collect())
    };
    row.in_prometheus.into_iter().map(labels).collect()
}

fn kinds_and_units(export: &ResourceMetrics) -> BTreeMap<String, (String, String)> {
    fn kind<T>(data: &MetricData<T>) -> &'static str {
        match data {
            MetricData::Sum(_) => "counter",
            MetricData::Gauge(_) => "gauge",
            _ => "histogram",
        }
    }
    let metrics = export.scope_metrics().flat_map(|scope| scope.metrics());
    let kinds = metrics.map(|metric| {
        let kind = match metric.data() {
            AggregatedMetrics::F64(data) => kind(data),
            AggregatedMetrics::U64(data) => kind(data),
            AggregatedMetrics::I64(data) => kind(data),
        };
        (metric.name().to_owned(), (kind.to_owned(), metric.unit().to_owned()))
    });
    kinds.collect()
}

/// Produces every metric with every label, and exports the metrics to the store and to memory.
async fn export_everything(store: &MetricStore) -> ResourceMetrics {
    let memory = InMemoryMetricExporter::default();
    let meter_provider = exporting_to(store).await.with_periodic_exporter(memory.clone()).build();
    let sts = StsSim::start().await.unwrap();
    let h = Harness::with(|builder| {
        builder
            .principals(Principals::new(sts_client(&sts.url())))
            .meter_provider(&meter_provider)
            .metric_dimension("tenant")
            .budget_store(SharedBudgets::default())
            .budget_rule(BudgetRule::new("watched", Budget::calls(1).observe()))
            .budget_rule(
                BudgetRule::new("teams", Budget::new(Usd::from_dollars(1)).observe())
                    .per("team")
                    .per("cost_center")
                    .per("environment")
                    .every(Period::Month)
                    .owner("ada")
                    .notify("costs"),
            )
            .policy(Policy::from_toml(POLICY).unwrap())
            .runaway(RunawayRule::new().same_call(2))
    })
    .await;
    h.ask(HAIKU, 1_000, 100).await;
    eventually("STS has been asked", || !sts.requests().is_empty()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let open = run_a_task(&h).await;
    flush(&meter_provider).await;
    drop(open);
    memory.get_finished_metrics().unwrap().pop().unwrap()
}

/// Runs a task with all dimensions and with calls that are answered, fail, go through a router and are refused. Returns
/// another task that is still open.
async fn run_a_task(h: &Harness) -> outlay::Task {
    let task = h
        .outlay
        .task("t")
        .team("support")
        .product("helpdesk")
        .cost_center("cc-4711")
        .owner("ada")
        .environment("production")
        .customer_segment("smb")
        .workflow("tickets")
        .dimension("tenant", "acme")
        .start();
    task.run(outlay::agent("triage").run(async {
        h.ask(HAIKU, 1_000, 100).await;
        h.ask(HAIKU, 1_000, 100).await;
        let router = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1";
        let routed = json!({"promptRouter": {"invokedModelId": HAIKU}});
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)).trace(routed));
        let read = read_stream(&h.client, Operation::ConverseStream, router).await;
        assert_eq!(read.error, None);
        h.sim.push(Reply::error(bedrock_sim::ErrorKind::Validation));
        converse(&h.client, HAIKU).send().await.unwrap_err();
        outlay::charge("serp-api", Usd::from_cents(1));
    }))
    .await;
    let id = task.id();
    task.finish(Outcome::success().value(Usd::from_dollars(1)));
    drop(task);
    assert!(h.outlay.set_outcome(id, Outcome::failure()));
    let open = h.outlay.task("t").team("support").budget(Usd::from_cents(1)).start();
    let long_answer = InferenceConfiguration::builder().max_tokens(100_000).build();
    open.run(haiku(&h.client).inference_config(long_answer).send()).await.unwrap_err();
    open
}
