//! OTLP export in one line, for a quick start. An application that already exports telemetry does not need it.
//!
//! ```no_run
//! # fn main() -> Result<(), outlay::telemetry::InitError> {
//! let _telemetry = outlay::telemetry::init("helpdesk")?;
//! # Ok(()) }
//! ```

mod destination;
mod exporters;
mod init_error;
mod warn_once;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

pub use init_error::InitError;

/// The resource attribute that distinguishes the processes of a service.
const INSTANCE_ID: &str = "service.instance.id";

/// A guard for the telemetry that [`init`] set up. Dropping it sends what is left, and shuts telemetry down.
#[derive(Debug)]
#[must_use = "dropping it shuts telemetry down"]
pub struct Telemetry {
    providers: Option<Providers>,
}

#[derive(Debug)]
struct Providers {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    /// The runtime for gRPC: the application may have none, or end its own first.
    _runtime: Option<exporters::GrpcRuntime>,
}

/// Sets up the export of traces and metrics over OTLP by the standard `OTEL_*` variables, and logs to standard error by
/// `RUST_LOG` (defaults to `warn`). `service` is the service's name unless the variables set one.
///
/// Without `OTEL_EXPORTER_OTLP_ENDPOINT`, or with `OTEL_SDK_DISABLED=true`, nothing is exported, and no warning is logged.
/// The protocol is set by `OTEL_EXPORTER_OTLP_PROTOCOL`. Without it, it is gRPC if the endpoint's port is 4317, else HTTP.
///
/// gzip is supported. TLS is not: send to a collector on the same machine, or set up your own providers. A variable that
/// asks for what is not supported is an error.
///
/// Each process gets its own `service.instance.id`, unless `OTEL_RESOURCE_ATTRIBUTES` sets one.
///
/// A `tracing` subscriber that is already set stays. The global OpenTelemetry providers are replaced if anything is
/// exported.
///
/// # Errors
///
/// Returns an [`InitError`] if the variables name a protocol, an endpoint or an option that cannot be used.
pub fn init(service: &str) -> Result<Telemetry, InitError> {
    let destinations = destination::from_environment()?;
    if destinations == destination::Destinations::default() {
        outlay_otel::suppress_missing_provider_warning();
        log_only();
        return Ok(Telemetry { providers: None });
    }
    let exporters = exporters::build(&destinations)?;
    let resource = resource(service);
    let traces = SdkTracerProvider::builder().with_resource(resource.clone());
    let traces = match exporters.spans {
        Some(exporter) => traces.with_batch_exporter(exporter).build(),
        None => traces.with_sampler(Sampler::AlwaysOff).build(),
    };
    let metrics = SdkMeterProvider::builder().with_resource(resource);
    let metrics = match exporters.metrics {
        Some(exporter) => metrics.with_periodic_exporter(exporter).build(),
        None => metrics.build(),
    };
    global::set_tracer_provider(traces.clone());
    global::set_meter_provider(metrics.clone());
    // The application's own spans nest in those of tasks, agents and steps, whatever the log level.
    let spans = tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracer(traces.tracer_with_scope(outlay_otel::scope_without_schema()))
        .with_filter(spans_filter());
    // If the application already has a subscriber, it stays, and spans go directly to OpenTelemetry.
    let _ = tracing_subscriber::registry().with(logs()).with(spans).try_init();
    Ok(Telemetry { providers: Some(Providers { traces, metrics, _runtime: exporters.runtime }) })
}

fn log_only() {
    let _ = tracing_subscriber::registry().with(logs()).try_init();
}

fn logs<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter)
}

/// Returns a filter without the exporters' own HTTP and gRPC spans, which would be exported in turn without end. It also
/// leaves out framework spans that repeat the tokens of the calls below them: backends would count each token twice.
fn spans_filter() -> EnvFilter {
    EnvFilter::new("info,opentelemetry=off,hyper=off,h2=off,tonic=off,tower=off,reqwest=off,rig=off")
}

fn resource(service: &str) -> Resource {
    let has_name = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="));
    let builder = Resource::builder();
    let resource = if has_name { builder.build() } else { builder.with_service_name(service.to_owned()).build() };
    with_instance_id(resource)
}

/// Adds an instance id unless there is one. Without it, processes with equal labels overwrite each other's counters in a
/// metrics store.
fn with_instance_id(resource: Resource) -> Resource {
    if resource.get(&Key::from_static_str(INSTANCE_ID)).is_some() {
        return resource;
    }
    let instance_id = KeyValue::new(INSTANCE_ID, uuid::Uuid::now_v7().to_string());
    let attributes = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let attributes: Vec<_> = attributes.chain([instance_id]).collect();
    Resource::builder_empty().with_attributes(attributes).build()
}

impl Telemetry {
    /// Sends what has not been sent yet. Blocks until that has succeeded or failed.
    pub fn flush(&self) {
        if let Some(providers) = &self.providers {
            warn_on_error("traces", providers.traces.force_flush());
            warn_on_error("metrics", providers.metrics.force_flush());
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(providers) = &self.providers {
            warn_on_error("traces", providers.traces.shutdown());
            warn_on_error("metrics", providers.metrics.shutdown());
        }
    }
}

fn warn_on_error(signal: &str, result: opentelemetry_sdk::error::OTelSdkResult) {
    // An earlier warning with the collector's answer is more useful than this error.
    if let Err(error) = result.as_ref().map_err(|error| error.to_string())
        && !warn_once::has_warned()
    {
        tracing::warn!(target: "outlay", signal, %error, "telemetry was not sent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_its_own_instance_id_unless_one_is_set() {
        let id = |resource: Resource| resource.get(&Key::from_static_str(INSTANCE_ID)).map(|id| id.to_string());
        let without_id = || Resource::builder_empty().with_service_name("s").build();
        let (one, other) = (with_instance_id(without_id()), with_instance_id(without_id()));
        assert_eq!(one.get(&Key::from_static_str("service.name")), Some("s".into()));
        assert!(id(one.clone()).is_some() && id(one) != id(other));
        let given = Resource::builder_empty().with_attribute(KeyValue::new(INSTANCE_ID, "pod-7")).build();
        assert_eq!(id(with_instance_id(given)).as_deref(), Some("pod-7"));
    }
}
