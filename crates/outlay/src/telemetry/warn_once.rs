//! A warning about the first failed export, with advice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::destination::Destination;

/// Whether a failure has been logged. Both signals share it, because they usually have the same destination.
static HAS_WARNED: AtomicBool = AtomicBool::new(false);

/// Returns whether a failed export has been logged with its reason.
pub(super) fn has_warned() -> bool {
    HAS_WARNED.load(Ordering::Relaxed)
}

/// An exporter that logs the reason of the first failure. At the end of the process, the SDK only reports that an export
/// failed.
#[derive(Debug)]
pub(super) struct WarnOnce<E> {
    signal: &'static str,
    exporter: E,
    destination: Destination,
}

impl<E> WarnOnce<E> {
    pub(super) const fn new(signal: &'static str, exporter: E, destination: Destination) -> Self {
        Self { signal, exporter, destination }
    }

    fn warn_on_error(&self, result: OTelSdkResult) -> OTelSdkResult {
        if let Err(error) = &result
            && !HAS_WARNED.swap(true, Ordering::Relaxed)
        {
            let signal = self.signal;
            let message = self.destination.export_failed(&error.to_string());
            tracing::warn!(target: "outlay", signal, "telemetry was not sent: {message}");
        }
        result
    }
}

impl<E: SpanExporter> SpanExporter for WarnOnce<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.warn_on_error(self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for WarnOnce<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.warn_on_error(self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
