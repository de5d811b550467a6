use std::collections::BTreeSet;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Builder as ConfigBuilder, Region};
use aws_sdk_bedrockruntime::operation::converse::builders::ConverseFluentBuilder;
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
use bedrock_sim::{BedrockSim, Reply, Tokens};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider};
use outlay::Outlay;
use outlay::bedrock::Metered as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::HAIKU;
use crate::exported_spans::Spans;
use crate::metric_points::{self, MetricPoint};

/// A simulator, an `Outlay` whose spans and metrics stay in memory, and a metered client.
#[allow(missing_debug_implementations)]
pub struct Harness {
    /// The simulated Bedrock.
    pub sim: BedrockSim,
    /// The `Outlay` under test.
    pub outlay: Outlay,
    /// The metered client.
    pub client: Client,
    /// The provider that exports the spans.
    pub tracer_provider: SdkTracerProvider,
    meter_provider: SdkMeterProvider,
    spans: InMemorySpanExporter,
    metrics: InMemoryMetricExporter,
}

impl Harness {
    /// Creates a harness with the default settings.
    pub async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    /// Creates a harness with the settings that `set` makes.
    pub async fn with(set: impl FnOnce(outlay::OutlayBuilder) -> outlay::OutlayBuilder) -> Self {
        Self::build(Sampler::AlwaysOn, set).await
    }

    /// Creates a harness with this sampler.
    pub async fn sampled(sampler: Sampler) -> Self {
        Self::build(sampler, |builder| builder).await
    }

    /// Creates a harness with metering disabled.
    pub async fn disabled() -> Self {
        Self::with(outlay::OutlayBuilder::disabled).await
    }

    async fn build(sampler: Sampler, set: impl FnOnce(outlay::OutlayBuilder) -> outlay::OutlayBuilder) -> Self {
        let sim = BedrockSim::start().await.expect("loopback can be bound");
        let spans = InMemorySpanExporter::default();
        let tracer_provider =
            SdkTracerProvider::builder().with_sampler(sampler).with_simple_exporter(spans.clone()).build();
        let metrics = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(metrics.clone()).with_interval(Duration::from_secs(3_600)).build();
        let meter_provider = SdkMeterProvider::builder().with_reader(reader).build();
        let outlay = set(Outlay::builder().tracer_provider(&tracer_provider).meter_provider(&meter_provider)).build();
        let client = Client::from_conf(client_config(&sim.url()).build()).metered(&outlay);
        Self { sim, outlay, client, tracer_provider, meter_provider, spans, metrics }
    }

    /// Returns an unmetered client of the same simulator.
    pub fn bare_client(&self) -> Client {
        Client::from_conf(client_config(&self.sim.url()).build())
    }

    /// Returns a subscriber whose OpenTelemetry layer exports to the same place, with a filter such as `info` or `off`.
    pub fn subscriber(&self, filter: &str) -> impl tracing::Subscriber + Send + Sync + use<> {
        tracing_subscriber::registry()
            .with(tracing_subscriber::EnvFilter::new(filter))
            .with(tracing_opentelemetry::layer().with_tracer(self.tracer_provider.tracer("application")))
    }

    /// Returns the spans that have ended so far.
    pub fn spans(&self) -> Spans {
        Spans::new(self.spans.get_finished_spans().expect("the exporter is not shut down"))
    }

    /// Flushes the metrics and returns their current points.
    pub fn metrics(&self) -> Vec<MetricPoint> {
        self.meter_provider.force_flush().expect("the exporter is in memory");
        metric_points::latest(&self.metrics.get_finished_metrics().expect("the exporter is not shut down"))
    }

    /// Flushes the metrics and returns the schema URLs of their instrumentation scopes.
    pub fn metric_schemas(&self) -> BTreeSet<Option<String>> {
        self.meter_provider.force_flush().expect("the exporter is in memory");
        let exports = self.metrics.get_finished_metrics().expect("the exporter is not shut down");
        let scopes = exports.iter().flat_map(|export| export.scope_metrics());
        scopes.map(|metrics| metrics.scope().schema_url().map(str::to_owned)).collect()
    }

    /// Queues a reply with these token counts and calls the model.
    pub async fn ask(&self, model: &str, input: u64, output: u64) {
        let reply = Reply::message().usage(Tokens::new(input, output));
        // An answer without output tokens has no text.
        self.sim.push(if output > 0 { reply.text("ok") } else { reply });
        converse(&self.client, model).send().await.expect("the simulator answers");
    }
}

/// Returns a client configuration for a simulator. Retries are quick, and their token bucket is unlimited, so that other
/// clients of the process cannot use it up.
pub fn client_config(url: &str) -> ConfigBuilder {
    aws_sdk_bedrockruntime::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
        .retry_partition(RetryPartition::custom("tests").token_bucket(TokenBucket::unlimited()).build())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
}

/// Returns a user message.
pub fn user(text: &str) -> Message {
    Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Text(text.to_owned()))
        .build()
        .expect("role and content are set")
}

/// Returns a Converse request with one short message.
pub fn converse(client: &Client, model: &str) -> ConverseFluentBuilder {
    client.converse().model_id(model).messages(user("hello"))
}

/// Returns a Converse request to Haiku with one short message.
pub fn haiku(client: &Client) -> ConverseFluentBuilder {
    converse(client, HAIKU)
}
