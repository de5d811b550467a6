use opentelemetry_otlp::{MetricExporter, Protocol as OtlpProtocol, SpanExporter, WithExportConfig as _};

use super::destination::{Destination, Destinations, Protocol};
use super::init_error::InitError;
use super::warn_once::WarnOnce;

pub(super) struct Exporters {
    pub(super) spans: Option<WarnOnce<SpanExporter>>,
    pub(super) metrics: Option<WarnOnce<MetricExporter>>,
    pub(super) runtime: Option<GrpcRuntime>,
}

/// A runtime for gRPC channels. It has its own thread, so that the last export can finish while the application's runtime
/// shuts down.
#[derive(Debug)]
pub(super) struct GrpcRuntime {
    runtime: Option<tokio::runtime::Runtime>,
}

impl GrpcRuntime {
    fn start() -> Result<Self, InitError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("outlay-otlp").enable_all().build();
        Ok(Self { runtime: Some(runtime.map_err(|e| init_error("traces", e))?) })
    }
}

impl Drop for GrpcRuntime {
    fn drop(&mut self) {
        // A plain drop blocks, and therefore panics inside the application's own runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) fn build(destinations: &Destinations) -> Result<Exporters, InitError> {
    let Destinations { traces, metrics } = destinations;
    let mut protocols = [traces, metrics].into_iter().flatten().map(|destination| destination.protocol);
    let runtime = if protocols.any(|protocol| protocol == Protocol::Grpc) { Some(GrpcRuntime::start()?) } else { None };
    let entered = runtime.as_ref().and_then(|runtime| runtime.runtime.as_ref()).map(tokio::runtime::Runtime::enter);
    let span_exporter = |destination: &Destination| {
        let built = match destination.protocol {
            Protocol::Http => SpanExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build(),
            Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
        };
        built
            .map(|exporter| WarnOnce::new("traces", exporter, destination.clone()))
            .map_err(|e| init_error("traces", e))
    };
    let metric_exporter = |destination: &Destination| {
        let built = match destination.protocol {
            Protocol::Http => MetricExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build(),
            Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
        };
        built
            .map(|exporter| WarnOnce::new("metrics", exporter, destination.clone()))
            .map_err(|e| init_error("metrics", e))
    };
    let spans = traces.as_ref().map(span_exporter).transpose()?;
    let metrics = metrics.as_ref().map(metric_exporter).transpose()?;
    drop(entered);
    Ok(Exporters { spans, metrics, runtime })
}

fn init_error(signal: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> InitError {
    InitError::Exporter { signal, source: Box::new(source) }
}
