//! Drops a call while the SDK waits for its identity, its endpoint or its connection. The later waits, for the answer and
//! between attempts, are in [`cancelled`](crate::attempts).

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

/// Never comes to an end.
#[derive(Clone, Copy, Debug)]
struct Waits;

impl ProvideCredentials for Waits {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(pending::<Result<Credentials, CredentialsError>>())
    }
}

impl ResolveEndpoint for Waits {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::new(pending())
    }
}

impl HttpConnector for Waits {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(pending())
    }
}

impl HttpClient for Waits {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(*self)
    }
}

type Set = fn(Builder) -> Builder;

/// What the call waits for, and whether its request may have gone out by then.
const WAITS: [(&str, Set, bool); 3] = [
    ("identity", |config| config.credentials_provider(Waits), false),
    ("endpoint", |config| config.endpoint_resolver(Waits), false),
    ("connection", |config| config.http_client(Waits), true),
];

#[tokio::test]
async fn a_call_that_is_given_up_at_any_await_settles_once() {
    for (wait, set, may_have_gone_out) in WAITS {
        for operation in [Operation::Converse, Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
            let case = format!("{operation}, given up while it waits for its {wait}");
            let h = Harness::new().await;
            let client = Client::from_conf(set(client_config(&h.sim.url())).build()).metered(&h.outlay);
            let task = h.outlay.task("t").budget(Usd::from_dollars(1)).start();
            let call = async {
                match operation {
                    Operation::Converse => drop(haiku(&client).send().await),
                    _ => drop(Streamed::open(&client, operation, HAIKU).await),
                }
            };
            let given_up = task.run(tokio::time::timeout(Duration::from_millis(40), call)).await;
            assert!(given_up.is_err(), "{case}");
            let report = task.finish(Outcome::success());
            let totals = report.totals();
            assert_eq!((totals.calls(), totals.failed_calls(), totals.pending_calls()), (1, 1, 0), "{case}");
            assert_eq!(report.budget().unwrap().reserved, Usd::ZERO, "{case}");
            let status = if may_have_gone_out { CostStatus::Bounded } else { CostStatus::Exact };
            assert_eq!(totals.cost().status(), status, "{case}");
            assert_eq!(totals.cost().usd() > Some(Usd::ZERO), may_have_gone_out, "{case}: {}", totals.cost());
            let spans = h.spans();
            spans.assert_conserved();
            assert_eq!(call_spans(&spans)[0].text("error.type"), Some("cancelled"), "{case}");
        }
    }
}
