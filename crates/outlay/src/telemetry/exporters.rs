use opentelemetry_otlp::{MetricExporter, Protocol as OtlpProtocol, SpanExporter, WithExportConfig as _};

use super::InitError;
use super::destination::{Destination, Protocol, Wanted};
use super::warn_once::Told;

pub(super) struct Exporters {
    pub(super) spans: Option<Told<SpanExporter>>,
    pub(super) metrics: Option<Told<MetricExporter>>,
    pub(super) runtime: Option<GrpcRuntime>,
}

/// The runtime that gRPC channels live in: a thread of its own, so that the last export can finish while the
/// application's runtime ends.
#[derive(Debug)]
pub(super) struct GrpcRuntime {
    runtime: Option<tokio::runtime::Runtime>,
}

impl GrpcRuntime {
    fn start() -> Result<Self, InitError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("outlay-otlp").enable_all().build();
        Ok(Self { runtime: Some(runtime.map_err(|e| failed("traces", e))?) })
    }
}

impl Drop for GrpcRuntime {
    fn drop(&mut self) {
        // A plain drop would wait, and panics where that is not allowed: inside the application's own runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) fn build(wanted: &Wanted) -> Result<Exporters, InitError> {
    let mut protocols = [&wanted.traces, &wanted.metrics].into_iter().flatten().map(|to| to.protocol);
    let runtime = if protocols.any(|protocol| protocol == Protocol::Grpc) { Some(GrpcRuntime::start()?) } else { None };
    let in_runtime = runtime.as_ref().and_then(|runtime| runtime.runtime.as_ref()).map(tokio::runtime::Runtime::enter);
    let spans = |to: &Destination| {
        let built = match to.protocol {
            Protocol::Http => SpanExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build(),
            Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
        };
        built.map(|exporter| Told::new("traces", exporter, to.clone())).map_err(|e| failed("traces", e))
    };
    let metrics = |to: &Destination| {
        let built = match to.protocol {
            Protocol::Http => MetricExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build(),
            Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
        };
        built.map(|exporter| Told::new("metrics", exporter, to.clone())).map_err(|e| failed("metrics", e))
    };
    let spans = wanted.traces.as_ref().map(spans).transpose()?;
    let metrics = wanted.metrics.as_ref().map(metrics).transpose()?;
    drop(in_runtime);
    Ok(Exporters { spans, metrics, runtime })
}

fn failed(signal: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> InitError {
    InitError::Exporter { signal, source: Box::new(source) }
}
