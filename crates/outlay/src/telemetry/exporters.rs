use opentelemetry_otlp::{MetricExporter, Protocol as OtlpProtocol, SpanExporter, WithExportConfig as _};

use super::InitError;
use super::protocol::{Protocol, Wanted};

pub(super) struct Exporters {
    pub(super) spans: Option<SpanExporter>,
    pub(super) metrics: Option<MetricExporter>,
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
    let runtime = match wanted {
        Wanted { traces: Some(Protocol::Grpc), .. } | Wanted { metrics: Some(Protocol::Grpc), .. } => {
            Some(GrpcRuntime::start()?)
        }
        Wanted { .. } => None,
    };
    let in_runtime = runtime.as_ref().and_then(|runtime| runtime.runtime.as_ref()).map(tokio::runtime::Runtime::enter);
    let spans = wanted.traces.map(|protocol| match protocol {
        Protocol::Http => SpanExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build(),
        Protocol::Grpc => SpanExporter::builder().with_tonic().build(),
    });
    let metrics = wanted.metrics.map(|protocol| match protocol {
        Protocol::Http => MetricExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build(),
        Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
    });
    let spans = spans.transpose().map_err(|e| failed("traces", e))?;
    let metrics = metrics.transpose().map_err(|e| failed("metrics", e))?;
    drop(in_runtime);
    Ok(Exporters { spans, metrics, runtime })
}

fn failed(signal: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> InitError {
    InitError::Exporter { signal, source: Box::new(source) }
}
