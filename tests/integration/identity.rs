//! The signers of calls, and a role for each workflow. STS is simulated on loopback.

mod chains;
mod failures;
mod graduation;
mod identities;
mod no_runtime;
mod outages;
mod principals;
mod refresh;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::{BehaviorVersion, Region};
use bedrock_sim::{BedrockSim, Reply, StsAction, StsSim, Tokens};
use outlay::bedrock::{Identities, Metered as _, Principals};
use outlay_tests::{Harness, client_config};

/// The access key of the harness's clients and of the STS client.
const BASE: &str = "AKIDEXAMPLE";
const TICKETS: &str = "arn:aws:iam::123456789012:role/tickets";
const ORDERS: &str = "arn:aws:iam::123456789012:role/team/orders";

/// A clock that the test sets, for the library and for the SDK.
#[derive(Clone, Debug)]
struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// 2026-11-30T12:00:00Z
    fn at_noon() -> Self {
        Self(Arc::new(AtomicU64::new(1_796_040_000)))
    }

    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

impl outlay_ledger::Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.time()
    }
}

impl aws_smithy_async::time::TimeSource for ManualClock {
    fn now(&self) -> SystemTime {
        self.time()
    }
}

pub(crate) fn sts_client(url: &str) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new(BASE, "secret", None, None, "test"))
        .retry_config(aws_sdk_sts::config::retry::RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

/// Returns a harness that asks this STS for the signers of calls.
async fn with_principals(sts: &StsSim, set: impl FnOnce(outlay::OutlayBuilder) -> outlay::OutlayBuilder) -> Harness {
    let principals = Principals::new(sts_client(&sts.url()));
    let h = Harness::with(|builder| set(builder.principals(principals))).await;
    answer_all(&h);
    h
}

fn answer_all(h: &Harness) {
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
}

/// Returns identities with a role for the workflow `tickets`, from this STS.
fn identities(sts: &StsSim) -> Identities {
    Identities::new(sts_client(&sts.url())).role("tickets", TICKETS)
}

/// Returns a metered client of the harness's simulator that signs with these identities by this clock.
fn signed(h: &Harness, identities: &Identities, clock: &ManualClock) -> Client {
    signed_with(h, identities, clock, |config| config)
}

/// Like [`signed`], with the configuration that `set` makes.
fn signed_with(
    h: &Harness,
    identities: &Identities,
    clock: &ManualClock,
    set: impl FnOnce(aws_sdk_bedrockruntime::config::Builder) -> aws_sdk_bedrockruntime::config::Builder,
) -> Client {
    let config = set(client_config(&h.sim.url()).time_source(clock.clone())).build();
    identities.sign(Client::from_conf(config)).metered(&h.outlay)
}

/// Returns the access keys that the requests to Bedrock were signed with.
fn access_keys(sim: &BedrockSim) -> Vec<String> {
    let key = |request: &bedrock_sim::Recorded| {
        let authorization = request.headers["authorization"].to_str().unwrap().to_owned();
        let (_, credential) = authorization.split_once("Credential=").unwrap();
        credential.split('/').next().unwrap().to_owned()
    };
    sim.requests().iter().map(key).collect()
}

fn request_count(sts: &StsSim, action: StsAction) -> usize {
    sts.requests_for(action).len()
}

/// The lines that the library logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Log {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{field}={value:?} "));
            }
        }
        if event.metadata().target().starts_with("outlay") {
            let mut text = Text(String::new());
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
    }
}

impl Log {
    /// Returns the lines that contain a text.
    fn lines_with(&self, part: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains(part)).cloned().collect()
    }

    fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        use tracing_subscriber::layer::SubscriberExt as _;
        tracing_subscriber::registry().with(self.clone())
    }
}
