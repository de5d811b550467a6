use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter};

/// Exporters that count and discard, behind the same processors as in production.
#[derive(Clone, Debug, Default)]
pub struct Sink {
    spans: Arc<AtomicUsize>,
}

impl Sink {
    /// Returns a provider with a batch processor whose queue holds all spans.
    pub fn tracer_provider(&self) -> SdkTracerProvider {
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(1 << 18)
            .with_max_export_batch_size(4_096)
            .with_scheduled_delay(Duration::from_millis(100))
            .build();
        let processor = BatchSpanProcessor::builder(self.clone()).with_batch_config(config).build();
        SdkTracerProvider::builder().with_span_processor(processor).build()
    }

    /// Returns a provider with a periodic reader.
    pub fn meter_provider(&self) -> SdkMeterProvider {
        let reader = PeriodicReader::builder(self.clone()).with_interval(Duration::from_secs(10)).build();
        SdkMeterProvider::builder().with_reader(reader).build()
    }

    /// Returns the number of exported spans.
    pub fn spans(&self) -> usize {
        self.spans.load(Ordering::Relaxed)
    }
}

impl SpanExporter for Sink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.spans.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
}

impl PushMetricExporter for Sink {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
