//! Metrics in third-party PromQL stores: their names, labels and sums over time.

mod alert_rules;
mod dashboards;
mod month;
mod names;
mod panels;
mod queries;
mod short_lived;
mod window;

use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig as _};
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use outlay_tests::MetricStore;

/// Returns a builder of meter providers that export to the store when flushed.
async fn exporting_to(store: &MetricStore) -> MeterProviderBuilder {
    let exporter =
        MetricExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(store.otlp());
    // The blocking client must not be created in an async context.
    let exporter = tokio::task::spawn_blocking(|| exporter.build().unwrap()).await.unwrap();
    SdkMeterProvider::builder().with_periodic_exporter(exporter)
}

async fn flush(meter_provider: &SdkMeterProvider) {
    let meter_provider = meter_provider.clone();
    tokio::task::spawn_blocking(move || meter_provider.force_flush().unwrap()).await.unwrap();
}

/// Returns the query of `examples/observability/metrics.md` for the increase of the selected series in the last `range`.
/// New series increase from 0.
fn growth(selector: &str, range: &str) -> String {
    let last = format!("last_over_time({selector}[{range}])");
    format!("sum({last} - (last_over_time({selector}[1d] offset {range}) or 0 * {last}))")
}
