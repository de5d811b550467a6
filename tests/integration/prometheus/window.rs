//! The spending of a long-lived process within a time range.

use std::time::Duration;

use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, MetricStore};

use super::{exporting_to, flush, growth};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spending_within_a_range_is_exact_in_victoria_metrics() {
    let Some(store) = MetricStore::start("victoria_metrics.sh") else { return };
    check_spending_within_a_range(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spending_within_a_range_is_exact_in_prometheus() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    check_spending_within_a_range(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victoria_metrics_excludes_a_first_value_of_ten_dollars_from_increase() {
    let Some(store) = MetricStore::start("victoria_metrics.sh") else { return };
    let meter_provider = exporting_to(&store).await.build();
    let h = Harness::with(|builder| builder.meter_provider(&meter_provider)).await;
    for (name, cents) in [("below", 950), ("ten", 1_000)] {
        let task = h.outlay.task(name).start();
        task.charge("serp-api", Usd::from_cents(cents));
        task.finish(Outcome::success());
    }
    flush(&meter_provider).await;
    store.wait_for("sum(last_over_time(outlay_cost_USD_total[1h]))", 19.5).await;
    assert_eq!(store.sum("sum(increase(outlay_cost_USD_total[1h]))").await, Some(9.5));
    assert_eq!(store.sum(&growth("outlay_cost_USD_total", "1h")).await, Some(19.5));
}

async fn check_spending_within_a_range(store: &MetricStore) {
    let meter_provider = exporting_to(store).await.build();
    let h = Harness::with(|builder| builder.meter_provider(&meter_provider)).await;
    let spend = async |calls: f64| {
        let task = h.outlay.task("t").start();
        for _ in 0..calls as usize {
            task.run(h.ask(HAIKU, 1_000, 100)).await;
        }
        task.finish(Outcome::success());
        flush(&meter_provider).await;
    };
    spend(3.0).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    spend(2.0).await;
    store.wait_for("sum(last_over_time(outlay_calls_total[1m]))", 5.0).await;
    // The first export is older than the range, the second is not.
    let grown = store.sum(&growth("outlay_cost_USD_total", "6s")).await.unwrap();
    assert!((grown - 2.0 * 0.001_65).abs() < 1e-12, "{grown}");
    let all = store.sum("sum(last_over_time(outlay_cost_USD_total[1m]))").await.unwrap();
    assert!((all - 5.0 * 0.001_65).abs() < 1e-12, "{all}");
}
