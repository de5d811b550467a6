//! An application's own telemetry: what is exported, and what is left out.
//!
//! `outlay::telemetry::init` would do for an application without a framework. With one, its filter is needed.

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

/// Which spans of `tracing` are exported.
///
/// `rig=off` is the line that matters: for each call rig has a `chat` span of its own (targets `rig::agent_chat` and
/// `rig::completions`) and for each run an `invoke_agent` span (`rig_agent`), with the same tokens under the same names
/// as Outlay's. A backend that sums `gen_ai.usage.input_tokens` would count them two or three times. Outlay's spans are
/// the ones that also know the cost, so rig's are left out; what rig logs is not touched.
///
/// The rest is what any exporter over gRPC needs: spans of its own requests would be exported in turn.
pub(crate) const SPANS: &str = "info,rig=off,opentelemetry=off,hyper=off,h2=off,tonic=off,tower=off";

/// Exports what it has left when it is dropped.
pub(crate) struct Telemetry(Option<SdkTracerProvider>);

/// Exports to `OTEL_EXPORTER_OTLP_ENDPOINT` over gRPC. Without it, nothing is exported.
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
    // Where Outlay finds it, for the spans of calls.
    global::set_tracer_provider(provider.clone());
    // Where the spans of tasks, agents and steps go, and the application's own in them.
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer(service)).with_filter(EnvFilter::new(SPANS));
    tracing_subscriber::registry().with(logs).with(spans).try_init()?;
    Ok(Telemetry(Some(provider)))
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.as_ref().map(SdkTracerProvider::shutdown) {
            eprintln!("spans were not sent: {error}");
        }
    }
}
