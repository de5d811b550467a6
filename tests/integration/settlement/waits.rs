//! Calls dropped while the SDK waits for their identity, endpoint or connection. The module
//! [`attempts`](crate::attempts) tests the later waits: for the answer and between attempts.

use std::future::pending;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Builder;
use aws_sdk_bedrockruntime::config::endpoint::{EndpointFuture, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use bedrock_sim::Operation;
use outlay::bedrock::Metered as _;
use outlay::{CostStatus, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Streamed, call_spans, client_config, haiku};

/// A component that never completes.
#[derive(Clone, Copy, Debug)]
struct NeverReady;

impl ProvideCredentials for NeverReady {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(pending::<Result<Credentials, CredentialsError>>())
    }
}

impl ResolveEndpoint for NeverReady {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::new(pending())
    }
}

impl HttpConnector for NeverReady {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(pending())
    }
}

impl HttpClient for NeverReady {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(*self)
    }
}

type SetConfig = fn(Builder) -> Builder;

/// What the call waits for, how to configure that, and whether its request may have been sent by then.
const WAITS: [(&str, SetConfig, bool); 3] = [
    ("identity", |config| config.credentials_provider(NeverReady), false),
    ("endpoint", |config| config.endpoint_resolver(NeverReady), false),
    ("connection", |config| config.http_client(NeverReady), true),
];

#[tokio::test]
async fn a_call_dropped_at_any_await_settles_once() {
    for (wait, set, may_be_sent) in WAITS {
        for operation in [Operation::Converse, Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
            let case = format!("{operation}, dropped while it waits for its {wait}");
            let h = Harness::new().await;
            let client = Client::from_conf(set(client_config(&h.sim.url())).build()).metered(&h.outlay);
            let task = h.outlay.task("t").budget(Usd::from_dollars(1)).start();
            let call = async {
                match operation {
                    Operation::Converse => drop(haiku(&client).send().await),
                    _ => drop(Streamed::open(&client, operation, HAIKU).await),
                }
            };
            let dropped = task.run(tokio::time::timeout(Duration::from_millis(40), call)).await;
            assert!(dropped.is_err(), "{case}");
            let report = task.finish(Outcome::success());
            let totals = report.totals();
            assert_eq!((totals.calls(), totals.failed_calls(), totals.pending_calls()), (1, 1, 0), "{case}");
            assert_eq!(report.budget().unwrap().reserved, Usd::ZERO, "{case}");
            let status = if may_be_sent { CostStatus::Bounded } else { CostStatus::Exact };
            assert_eq!(totals.cost().status(), status, "{case}");
            assert_eq!(totals.cost().usd() > Some(Usd::ZERO), may_be_sent, "{case}: {}", totals.cost());
            let spans = h.spans();
            spans.assert_conserved();
            assert_eq!(call_spans(&spans)[0].text("error.type"), Some("cancelled"), "{case}");
        }
    }
}
