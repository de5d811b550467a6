use opentelemetry_otlp::{MetricExporter, Protocol as OtlpProtocol, SpanExporter, WithExportConfig as _};

use super::InitError;
use super::protocol::Protocol;

pub(super) struct Exporters {
    pub(super) spans: SpanExporter,
    pub(super) metrics: MetricExporter,
    pub(super) runtime: Option<GrpcRuntime>,
}

/// The runtime that gRPC channels live in: a thread of its own, so that the last export can finish while the
/// application's runtime ends.
#[derive(Debug)]
pub(super) struct GrpcRuntime {
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for GrpcRuntime {
    fn drop(&mut self) {
        // A plain drop would wait, and panics where that is not allowed: inside the application's own runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) fn build(protocol: Protocol) -> Result<Exporters, InitError> {
    match protocol {
        Protocol::Http => build_http(),
        Protocol::Grpc => build_grpc(),
    }
}

fn build_http() -> Result<Exporters, InitError> {
    let spans = SpanExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build();
    let metrics = MetricExporter::builder().with_http().with_protocol(OtlpProtocol::HttpBinary).build();
    Ok(Exporters {
        spans: spans.map_err(|e| failed("traces", e))?,
        metrics: metrics.map_err(|e| failed("metrics", e))?,
        runtime: None,
    })
}

fn build_grpc() -> Result<Exporters, InitError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("outlay-otlp")
        .enable_all()
        .build()
        .map_err(|e| failed("traces", e))?;
    let (spans, metrics) = {
        let _in_runtime = runtime.enter();
        (
            SpanExporter::builder().with_tonic().build().map_err(|e| failed("traces", e))?,
            MetricExporter::builder().with_tonic().build().map_err(|e| failed("metrics", e))?,
        )
    };
    Ok(Exporters { spans, metrics, runtime: Some(GrpcRuntime { runtime: Some(runtime) }) })
}

fn failed(signal: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> InitError {
    InitError::Exporter { signal, source: Box::new(source) }
}
