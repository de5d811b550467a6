//! OTLP export in one line, for a quick start. An application with telemetry of its own skips it.
//!
//! ```no_run
//! # fn main() -> Result<(), outlay::telemetry::InitError> {
//! let _telemetry = outlay::telemetry::init("helpdesk")?;
//! # Ok(()) }
//! ```

mod destination;
mod exporters;
mod warn_once;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue, global};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Tells the processes of a service apart.
const INSTANCE_ID: &str = "service.instance.id";

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// `OTEL_EXPORTER_OTLP_PROTOCOL` names a protocol that is not built in.
    #[error("OTEL_EXPORTER_OTLP_PROTOCOL is `{0}`, which is none of: grpc, http/protobuf")]
    Protocol(String),
    /// The endpoint wants TLS, which the quick start has not.
    #[error(
        "the OTLP endpoint {0} is https, which this quick start does not speak: send to a collector over http, or set \
         up providers of your own and give them to Outlay::builder()"
    )]
    Https(String),
    /// An exporter could not be built, for its endpoint or its headers.
    #[error("the OTLP exporter for {signal} could not be built: check OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS")]
    Exporter {
        /// `traces` or `metrics`.
        signal: &'static str,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Telemetry that has been set up. Dropped, it sends what has not been sent.
#[derive(Debug)]
#[must_use = "dropped, it shuts telemetry down"]
pub struct Telemetry {
    providers: Option<Providers>,
}

#[derive(Debug)]
struct Providers {
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    /// gRPC needs a runtime to live in; where the application has none, or may end it first, this is ours.
    _runtime: Option<exporters::GrpcRuntime>,
}

/// Sets up the export of traces and metrics over OTLP, as the standard `OTEL_*` variables say, and logs to standard
/// error as `RUST_LOG` says (`warn` unless set). `service` is the service's name where `OTEL_SERVICE_NAME` gives none.
///
/// Without `OTEL_EXPORTER_OTLP_ENDPOINT`, or with `OTEL_SDK_DISABLED=true`, it exports nothing, quietly. The protocol
/// is that of `OTEL_EXPORTER_OTLP_PROTOCOL`, else gRPC where the endpoint's port is 4317, else HTTP.
///
/// Each process gets a `service.instance.id` of its own, unless `OTEL_RESOURCE_ATTRIBUTES` gives one.
///
/// A subscriber or a provider that is set already stays.
///
/// # Errors
///
/// [`InitError`] where the variables name a protocol or an endpoint that cannot be used.
pub fn init(service: &str) -> Result<Telemetry, InitError> {
    let wanted = destination::wanted()?;
    if wanted == destination::Wanted::default() {
        outlay_otel::suppress_missing_provider_warning();
        log_only();
        return Ok(Telemetry { providers: None });
    }
    let exporters = exporters::build(&wanted)?;
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
    // The user's own spans nest in those of tasks, agents and steps, at whatever level logs are shown.
    let spans = tracing_opentelemetry::layer()
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracer(traces.tracer_with_scope(outlay_otel::instrumentation_scope()))
        .with_filter(spans_filter());
    // An application that has a subscriber keeps it; spans go straight to OpenTelemetry then.
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

/// The exporters' own HTTP and gRPC spans would be exported in turn, and so on for ever. A framework's spans that repeat
/// the tokens of the calls below them would have a backend count each token twice.
fn spans_filter() -> EnvFilter {
    EnvFilter::new("info,opentelemetry=off,hyper=off,h2=off,tonic=off,tower=off,reqwest=off,rig=off")
}

fn resource(service: &str) -> Resource {
    let named = std::env::var_os("OTEL_SERVICE_NAME").is_some_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="));
    let builder = Resource::builder();
    let resource = if named { builder.build() } else { builder.with_service_name(service.to_owned()).build() };
    with_instance_id(resource)
}

/// Of its own, unless it has one: the counters of processes that share all labels overwrite each other in a store.
fn with_instance_id(resource: Resource) -> Resource {
    if resource.get(&Key::from_static_str(INSTANCE_ID)).is_some() {
        return resource;
    }
    let own = KeyValue::new(INSTANCE_ID, uuid::Uuid::now_v7().to_string());
    let attributes = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let attributes: Vec<_> = attributes.chain([own]).collect();
    Resource::builder_empty().with_attributes(attributes).build()
}

impl Telemetry {
    /// Sends what has not been sent. It blocks until that is done or has failed.
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
    // What a collector has answered says more than this.
    if let Err(error) = result.as_ref().map_err(|error| error.to_string())
        && !warn_once::is_told()
    {
        tracing::warn!(target: "outlay", signal, %error, "telemetry was not sent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_an_instance_id_of_its_own_unless_it_was_given_one() {
        let id = |resource: Resource| resource.get(&Key::from_static_str(INSTANCE_ID)).map(|id| id.to_string());
        let unnamed = || Resource::builder_empty().with_service_name("s").build();
        let (one, other) = (with_instance_id(unnamed()), with_instance_id(unnamed()));
        assert_eq!(one.get(&Key::from_static_str("service.name")), Some("s".into()));
        assert!(id(one.clone()).is_some() && id(one) != id(other));
        let given = Resource::builder_empty().with_attribute(KeyValue::new(INSTANCE_ID, "pod-7")).build();
        assert_eq!(id(with_instance_id(given)).as_deref(), Some("pod-7"));
    }
}
