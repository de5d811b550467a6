//! Metrics in PromQL stores that are not ours: the names and labels that they get, and sums over time.

mod dashboard;
mod names;
mod short_lived;
mod window;

use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig as _};
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use outlay_tests::MetricStore;

/// Providers that export to the store, when they are flushed.
async fn exporting_to(store: &MetricStore) -> MeterProviderBuilder {
    let exporter =
        MetricExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(store.otlp());
    // The client that blocks may not be made where nothing may block.
    let exporter = tokio::task::spawn_blocking(|| exporter.build().unwrap()).await.unwrap();
    SdkMeterProvider::builder().with_periodic_exporter(exporter)
}

async fn flush(meters: &SdkMeterProvider) {
    let meters = meters.clone();
    tokio::task::spawn_blocking(move || meters.force_flush().unwrap()).await.unwrap();
}

/// What the series of this selector have grown by in the last `range`, those that are new in it from 0 on: the query of
/// `examples/observability/metrics.md`.
fn growth(selector: &str, range: &str) -> String {
    let last = format!("last_over_time({selector}[{range}])");
    format!("sum({last} - (last_over_time({selector}[{range}] offset {range}) or 0 * {last}))")
}
