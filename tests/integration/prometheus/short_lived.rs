//! Many processes that live for one task each: which queries find what they have cost.

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bedrock_sim::{BedrockSim, Reply, Tokens};
use futures_util::{StreamExt as _, stream};
use outlay_tests::MetricStore;
use tokio::process::Command;

use super::growth;

/// As many run at the same time.
const AT_A_TIME: usize = 6;

/// Processes whose task has the same name.
#[derive(Clone, Copy)]
struct Processes<'a> {
    how_many: u64,
    task: &'a str,
    /// `once`, or `twice`.
    exports: &'a str,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    resource: &'a str,
}

/// A process exports once, when it exits.
const ONCE: Processes<'_> = Processes { how_many: 200, task: "once", exports: "once", resource: "" };
/// A process exports while its call runs, when its cost is 0, and when it exits.
const TWICE: Processes<'_> = Processes { how_many: 40, task: "twice", exports: "twice", resource: "" };

/// What queries find of what the processes say they have cost: 1 is all of it.
#[derive(Debug)]
struct Found {
    last: f64,
    grown: f64,
    increase: f64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victoria_metrics_finds_all_that_short_lived_processes_cost_by_any_query() {
    let Some(store) = MetricStore::start("victoria_metrics.sh") else { return };
    for processes in [ONCE, TWICE] {
        let found = processes.found_in(&store).await;
        tell("VictoriaMetrics", processes, &found);
        assert!(is_one(found.last) && is_one(found.grown) && is_one(found.increase), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_finds_all_that_short_lived_processes_cost_but_not_by_increase() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    let once = ONCE.found_in(&store).await;
    tell("Prometheus", ONCE, &once);
    assert!(is_one(once.last) && is_one(once.grown), "{once:?}");
    assert_eq!(once.increase, 0.0, "one sample is no increase");
    let twice = TWICE.found_in(&store).await;
    tell("Prometheus", TWICE, &twice);
    assert!(is_one(twice.last) && is_one(twice.grown), "{twice:?}");
    assert!((1.4..1.6).contains(&twice.increase), "extrapolated by half an interval: {twice:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_an_instance_id_hide_each_other() {
    let Some(store) = MetricStore::start("victoria_metrics.sh") else { return };
    let shared = Processes { how_many: 20, task: "shared", resource: "service.instance.id=one", ..ONCE };
    let ledger = shared.run(store.otlp()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let found = shared.ask(&store, ledger).await;
    tell("VictoriaMetrics", shared, &found);
    assert!((0.0..0.1).contains(&found.last), "the last of them alone: {found:?}");
}

impl Processes<'_> {
    /// Runs them, and asks for what they cost once all of it has come.
    async fn found_in(self, store: &MetricStore) -> Found {
        let ledger = self.run(store.otlp()).await;
        let ended = format!("outlay_tasks_total{{outlay_task_name='{}',outlay_outcome_kind='success'}}", self.task);
        store.wait_for(&format!("sum(last_over_time({ended}[1h]))"), self.how_many as f64).await;
        // Longer than any process lived: what `increase` makes of the time since then no longer depends on when it is asked.
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.ask(store, ledger).await
    }

    async fn ask(self, store: &MetricStore, ledger: u64) -> Found {
        let cost = format!("outlay_cost_USD_total{{outlay_task_name='{}'}}", self.task);
        let part = async |query: String| store.sum(&query).await.unwrap_or_default() * 1e12 / ledger as f64;
        Found {
            last: part(format!("sum(last_over_time({cost}[1h]))")).await,
            grown: part(growth(&cost, "1h")).await,
            increase: part(format!("sum(increase({cost}[1h]))")).await,
        }
    }

    /// What they say they have cost together, in pico-dollars.
    async fn run(self, otlp: &str) -> u64 {
        let sim = BedrockSim::start().await.unwrap();
        let calls = AtomicU64::new(0);
        let delay = Duration::from_millis(if self.exports == "twice" { 800 } else { 0 });
        sim.otherwise(move |_| {
            let n = calls.fetch_add(1, Ordering::Relaxed);
            Reply::message().text("ok").usage(Tokens::new(1_000 + n, 100 + n)).delay(delay)
        });
        let url = sim.url();
        let costs: Vec<u64> = stream::iter(0..self.how_many)
            .map(|_| self.run_one(&url, otlp))
            .buffer_unordered(AT_A_TIME)
            .collect()
            .await;
        let ledger = costs.iter().sum();
        // Haiku's $1.10 in and $5.50 out per million tokens.
        let charged = (0..self.how_many).map(|n| (1_000 + n) * 1_100_000 + (100 + n) * 5_500_000).sum();
        assert_eq!((costs.len() as u64, ledger), (self.how_many, charged));
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
        let ended = tokio::time::timeout(Duration::from_secs(60), process.output()).await;
        let output = ended.expect("it ends").unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }
}

fn is_one(part: f64) -> bool {
    (part - 1.0).abs() < 1e-9
}

/// For whoever reads the test's output.
#[allow(clippy::print_stdout, reason = "it is the test's finding")]
fn tell(store: &str, processes: Processes<'_>, found: &Found) {
    let Processes { how_many, task, .. } = processes;
    println!("{store}, {how_many} processes, {task}: of the ledger's total the queries find {found:?}");
}
