//! The application's own telemetry setup, with a filter for exported spans.
//!
//! `outlay::telemetry::init` is enough for an application without a framework. rig needs this filter.

use std::env;
use std::error::Error;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// The filter of exported `tracing` spans.
///
/// `rig=off` is the important part. rig creates its own `chat` span for each call (targets `rig::agent_chat` and
/// `rig::completions`) and an `invoke_agent` span for each run (`rig_agent`), with the same token attributes as Outlay's
/// spans. A backend that sums `gen_ai.usage.input_tokens` would count the tokens two or three times. Only Outlay's spans
/// also have the cost, so rig's spans are excluded. rig's logs are not affected.
///
/// The other parts are needed by any gRPC exporter: without them, the spans of its own requests would be exported too.
pub(crate) const SPANS: &str = "info,rig=off,opentelemetry=off,hyper=off,h2=off,tonic=off,tower=off";

/// Exports the remaining spans when it is dropped.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// Sets up logging, and export to `OTEL_EXPORTER_OTLP_ENDPOINT` over gRPC. Nothing is exported if it is not set.
pub(crate) fn init(service: &'static str) -> Result<Telemetry, Box<dyn Error>> {
    let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(EnvFilter::from_default_env());
    if env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
        tracing_subscriber::registry().with(logs).try_init()?;
        return Ok(Telemetry(None));
    }
    let exporter = SpanExporter::builder().with_tonic().build()?;
    let provider = SdkTracerProvider::builder()
        .with_resource(Resource::builder().with_service_name(service).build())
        .with_batch_exporter(exporter)
        .build();
    // Outlay uses the global provider for the spans of calls.
    global::set_tracer_provider(provider.clone());
    // The layer exports the spans of tasks, agents and steps, and the application's own spans.
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer(service)).with_filter(EnvFilter::new(SPANS));
    tracing_subscriber::registry().with(logs).with(spans).try_init()?;
    Ok(Telemetry(Some(provider)))
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.as_ref().map(SdkTracerProvider::shutdown) {
            eprintln!("failed to export spans: {error}");
        }
    }
}
