//! What a process has once: its global providers. Each test here runs in a process of its own only as long as there is one.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use opentelemetry::global;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use outlay::{Outcome, Outlay, Usd};

fn provider() -> (SdkMeterProvider, InMemoryMetricExporter) {
    let exporter = InMemoryMetricExporter::default();
    (SdkMeterProvider::builder().with_periodic_exporter(exporter.clone()).build(), exporter)
}

/// What `outlay.cost` adds up to.
fn cost((provider, exporter): &(SdkMeterProvider, InMemoryMetricExporter)) -> f64 {
    provider.force_flush().unwrap();
    let exported = exporter.get_finished_metrics().unwrap();
    let metrics = exported.last().into_iter().flat_map(|of| of.scope_metrics()).flat_map(|scope| scope.metrics());
    let sums = metrics.filter(|metric| metric.name() == "outlay.cost").map(|metric| match metric.data() {
        AggregatedMetrics::F64(MetricData::Sum(sum)) => sum.data_points().map(|point| point.value()).sum::<f64>(),
        other => panic!("{other:?}"),
    });
    sums.sum()
}

fn spend(outlay: &Outlay, cents: i64) {
    let task = outlay.task("t").start();
    task.charge("api", Usd::from_cents(cents));
    task.finish(Outcome::success());
}

#[test]
fn a_global_meter_provider_counts_from_the_first_task_after_it_is_set() {
    let outlay = Outlay::builder().build();
    spend(&outlay, 1);
    let first = provider();
    global::set_meter_provider(first.0.clone());
    spend(&outlay, 2);
    // The sums are kept here, and so what was spent before is there too.
    assert!((cost(&first) - 0.03).abs() < 1e-9, "{}", cost(&first));
    let second = provider();
    global::set_meter_provider(second.0.clone());
    spend(&outlay, 4);
    assert!((cost(&second) - 0.07).abs() < 1e-9, "{}", cost(&second));
}
