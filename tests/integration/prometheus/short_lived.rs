//! Many processes that run one task each, and the queries that find their full cost.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bedrock_sim::{BedrockSim, Reply, Tokens};
use futures_util::{StreamExt as _, stream};
use outlay_tests::MetricStore;
use tokio::process::Command;

use super::growth;

/// The maximum number of processes that run at the same time.
const MAX_CONCURRENT: usize = 6;

/// A group of processes whose tasks have the same name.
#[derive(Clone, Copy)]
struct Processes<'a> {
    count: u64,
    task: &'a str,
    /// `once` or `twice`.
    exports: &'a str,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    resource: &'a str,
}

/// Processes that export once, on exit.
const ONCE: Processes<'_> = Processes { count: 200, task: "once", exports: "once", resource: "" };
/// Processes that export while their call runs, with a cost of 0, and on exit.
const TWICE: Processes<'_> = Processes { count: 40, task: "twice", exports: "twice", resource: "" };

/// The share of the processes' cost that each query finds; 1 is all of it.
#[derive(Debug)]
struct Found {
    last: f64,
    grown: f64,
    increase: f64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victoria_metrics_finds_the_full_cost_of_short_lived_processes_by_each_query() {
    let Some(store) = MetricStore::start("victoria_metrics.sh") else { return };
    for processes in [ONCE, TWICE] {
        let found = processes.run_and_query(&store).await;
        print_found("VictoriaMetrics", processes, &found);
        assert!(is_one(found.last) && is_one(found.grown) && is_one(found.increase), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_finds_the_full_cost_of_short_lived_processes_except_by_increase() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    let once = ONCE.run_and_query(&store).await;
    print_found("Prometheus", ONCE, &once);
    assert!(is_one(once.last) && is_one(once.grown), "{once:?}");
    assert_eq!(once.increase, 0.0, "one sample gives no increase");
    let twice = TWICE.run_and_query(&store).await;
    print_found("Prometheus", TWICE, &twice);
    assert!(is_one(twice.last) && is_one(twice.grown), "{twice:?}");
    assert!((1.4..1.6).contains(&twice.increase), "extrapolated by half an interval: {twice:?}");
}

/// The option adds a 0 at the start of each series, and `increase` extrapolates from it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_with_zeros_at_the_start_of_series_finds_too_much_by_increase() {
    let option = "--enable-feature=created-timestamp-zero-ingestion";
    let Some(store) = MetricStore::start(&format!("prometheus.sh {option}")) else { return };
    let some = |processes| Processes { count: 40, ..processes };
    for (processes, expected) in [(some(ONCE), 1.4..1.6), (some(TWICE), 1.2..1.3)] {
        let found = processes.run_and_query(&store).await;
        print_found("Prometheus with zeros", processes, &found);
        assert!(is_one(found.last) && is_one(found.grown), "{found:?}");
        assert!(expected.contains(&found.increase), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_an_instance_id_overwrite_each_other() {
    let Some(store) = MetricStore::start("victoria_metrics.sh") else { return };
    let shared = Processes { count: 20, task: "shared", resource: "service.instance.id=one", ..ONCE };
    let ledger = shared.run(store.otlp()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let found = shared.query(&store, ledger).await;
    print_found("VictoriaMetrics", shared, &found);
    assert!((0.0..0.1).contains(&found.last), "only the last process: {found:?}");
}

impl Processes<'_> {
    /// Runs the processes and queries their cost once all of it has arrived.
    async fn run_and_query(self, store: &MetricStore) -> Found {
        let ledger = self.run(store.otlp()).await;
        let ended = format!("outlay_tasks_total{{outlay_task_name='{}',outlay_outcome_kind='success'}}", self.task);
        store.wait_for(&format!("sum(last_over_time({ended}[1h]))"), self.count as f64).await;
        // Longer than any process lived, so that the result of `increase` does not depend on the time of the query.
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.query(store, ledger).await
    }

    async fn query(self, store: &MetricStore, ledger: u64) -> Found {
        let cost = format!("outlay_cost_USD_total{{outlay_task_name='{}'}}", self.task);
        let share = async |query: String| store.sum(&query).await.unwrap_or_default() * 1e12 / ledger as f64;
        Found {
            last: share(format!("sum(last_over_time({cost}[1h]))")).await,
            grown: share(growth(&cost, "1h")).await,
            increase: share(format!("sum(increase({cost}[1h]))")).await,
        }
    }

    /// Runs the processes and returns the sum of the costs that they print, in pico-dollars.
    async fn run(self, otlp: &str) -> u64 {
        let sim = BedrockSim::start().await.unwrap();
        let calls = AtomicU64::new(0);
        let delay = Duration::from_millis(if self.exports == "twice" { 800 } else { 0 });
        sim.otherwise(move |_| {
            let n = calls.fetch_add(1, Ordering::Relaxed);
            Reply::message().text("ok").usage(Tokens::new(1_000 + n, 100 + n)).delay(delay)
        });
        let url = sim.url();
        let costs: Vec<u64> = stream::iter(0..self.count)
            .map(|_| self.run_one(&url, otlp))
            .buffer_unordered(MAX_CONCURRENT)
            .collect()
            .await;
        let ledger = costs.iter().sum();
        // Haiku costs $1.10 per million input tokens and $5.50 per million output tokens.
        let charged = (0..self.count).map(|n| (1_000 + n) * 1_100_000 + (100 + n) * 5_500_000).sum();
        assert_eq!((costs.len() as u64, ledger), (self.count, charged));
        ledger
    }

    async fn run_one(self, bedrock: &str, otlp: &str) -> u64 {
        let mut process = Command::new(env!("CARGO_BIN_EXE_one-task"));
        process
            .args([bedrock, self.task, self.exports])
            .env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", otlp)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .env("OTEL_RESOURCE_ATTRIBUTES", self.resource)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let result = tokio::time::timeout(Duration::from_secs(60), process.output()).await;
        let output = result.expect("the process ends").unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

fn is_one(share: f64) -> bool {
    (share - 1.0).abs() < 1e-9
}

/// Prints a result for the reader of the test's output.
#[allow(clippy::print_stdout, reason = "the result belongs in the test's output")]
fn print_found(store: &str, processes: Processes<'_>, found: &Found) {
    let Processes { count, task, .. } = processes;
    println!("{store}, {count} processes, {task}: of the ledger's total the queries find {found:?}");
}
