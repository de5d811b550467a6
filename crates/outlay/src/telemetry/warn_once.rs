//! What a collector answers that takes nothing is told once, with what to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::destination::Destination;

/// Once for the process: both signals go to the same place as a rule.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Whether a failure has been told, with its reason.
pub(super) fn is_told() -> bool {
    IS_TOLD.load(Ordering::Relaxed)
}

/// An exporter whose first failure is told. At the end of the process the SDK says no more than that it failed.
#[derive(Debug)]
pub(super) struct Told<E> {
    signal: &'static str,
    exporter: E,
    to: Destination,
}

impl<E> Told<E> {
    pub(super) const fn new(signal: &'static str, exporter: E, to: Destination) -> Self {
        Self { signal, exporter, to }
    }

    fn tell(&self, result: OTelSdkResult) -> OTelSdkResult {
        if let Err(error) = &result
            && !IS_TOLD.swap(true, Ordering::Relaxed)
        {
            let signal = self.signal;
            tracing::warn!(target: "outlay", signal, "telemetry was not sent: {}", self.to.failed(&error.to_string()));
        }
        result
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.tell(self.exporter.export(batch).await)
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

impl<E: PushMetricExporter> PushMetricExporter for Told<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.tell(self.exporter.export(metrics).await)
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
