//! The dashboard of `examples/observability`. Its queries find the full cost of a process that exported once.

use outlay::Outcome;
use outlay_tests::{HAIKU, Harness, MetricStore};
use serde_json::Value;

use super::{exporting_to, flush};

const DASHBOARD: &str = include_str!("../../../examples/observability/grafana/dashboard.json");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_sums_include_a_process_that_exported_once() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    let meter_provider = exporting_to(&store).await.build();
    let h = Harness::with(|builder| builder.meter_provider(&meter_provider)).await;
    let task = h.outlay.task("t").team("support").start();
    task.run(outlay::agent("triage").run(h.ask(HAIKU, 1_000, 100))).await;
    task.finish(Outcome::success());
    flush(&meter_provider).await;
    store.wait_for("sum(last_over_time(outlay_calls_total[1h]))", 1.0).await;
    let queries = range_queries();
    assert_eq!(queries.len(), 4);
    for query in queries {
        let found = store.sum(&query).await.unwrap();
        assert!((found - 0.001_65).abs() < 1e-12, "{found} by {query}");
    }
}

/// Returns the queries over the whole range or over the steps of a graph, with Grafana's variables replaced.
fn range_queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries = targets.filter_map(|target| target["expr"].as_str()).filter(|query| query.contains("$__ra"));
    queries
        .map(|query| {
            query.replace("$__range", "3600s").replace("$__rate_interval", "3600s").replace("$team", "support|none")
        })
        .collect()
}
