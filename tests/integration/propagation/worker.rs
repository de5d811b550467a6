//! A worker: a separate service on loopback with its own ledger.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Path, State};
use axum::http::{Request, StatusCode};
use axum::routing;
use bedrock_sim::{Reply, Tokens};
use futures_util::StreamExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use outlay::Usd;
use outlay::tower::{ClientLayer, ClientService, ServerLayer};
use outlay_tests::{HAIKU, Harness};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tower::Layer as _;

/// The cost in pico-dollars of a call of the worker: 1,000 input and 100 output tokens at $1.10 and $5.50 per million.
pub(super) const CALL_COST: i64 = 1_650_000_000;

/// The headers of received requests.
pub(super) type RecordedHeaders = Arc<Mutex<Vec<axum::http::HeaderMap>>>;

pub(super) struct Worker {
    pub(super) harness: Arc<Harness>,
    pub(super) authority: String,
    /// Releases the work that outlives its response.
    pub(super) release: Arc<Notify>,
    server: JoinHandle<()>,
}

impl Worker {
    /// Creates a worker that records the headers of its requests. Tests check them later, because layer closures must not
    /// assert.
    pub(super) async fn recording_headers(set: impl FnOnce(ServerLayer) -> ServerLayer) -> (Self, RecordedHeaders) {
        let recorded = RecordedHeaders::default();
        let headers = recorded.clone();
        let worker = Self::with(|layer| {
            set(layer).trust(move |request| {
                headers.lock().unwrap().push(request.headers.clone());
                true
            })
        });
        (worker.await, recorded)
    }

    /// Creates a worker that trusts all callers and starts a task for each request.
    pub(super) async fn new() -> Self {
        Self::with(|layer| {
            layer.task_per_request(|outlay, request| {
                let route = request.extensions.get::<MatchedPath>()?.as_str();
                Some(outlay.task(&format!("{} {route}", request.method)))
            })
        })
        .await
    }

    /// Creates a worker with the layer settings that `set` makes.
    pub(super) async fn with(set: impl FnOnce(ServerLayer) -> ServerLayer) -> Self {
        Self::with_harness(Harness::new().await, set).await
    }

    /// Creates a worker whose routes have a layer and are inside a router with another layer.
    pub(super) async fn with_two_layers() -> Self {
        Self::build(Harness::new().await, |layer| layer, true).await
    }

    pub(super) async fn with_harness(harness: Harness, set: impl FnOnce(ServerLayer) -> ServerLayer) -> Self {
        Self::build(harness, set, false).await
    }

    async fn build(harness: Harness, set: impl FnOnce(ServerLayer) -> ServerLayer, outer_layer: bool) -> Self {
        let (harness, release) = (Arc::new(harness), Arc::new(Notify::new()));
        let layer = ServerLayer::new(&harness.outlay).trust(|_| true).receipts_at("/outlay/receipts");
        let routes = Router::new()
            .route("/research/{topic}", routing::post(research))
            .route("/stream", routing::post(stream))
            .route("/background", routing::post(background))
            .route("/nothing", routing::post(|| std::future::ready(StatusCode::NO_CONTENT)))
            .route("/fail", routing::post(fail))
            .route("/slow", routing::post(slow))
            .route("/long", axum::routing::any(long))
            .route("/gateway/{authority}", routing::post(gateway))
            .with_state((harness.clone(), release.clone()))
            .layer(set(layer.clone()));
        let name = |outlay: &outlay::Outlay, _: &axum::http::request::Parts| Some(outlay.task("outer"));
        let routes = if outer_layer { routes.layer(layer.task_per_request(name)) } else { routes };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { harness, authority, release, server }
    }

    pub(super) fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(super) type OrchestratorClient = ClientService<Client<HttpConnector, Body>>;

/// Returns the orchestrator's HTTP client, which propagates to loopback.
pub(super) fn client() -> OrchestratorClient {
    ClientLayer::new()
        .allow_host("127.0.0.1")
        .nothing_sent(|error| {
            let error = error.downcast_ref::<hyper_util::client::legacy::Error>();
            error.is_some_and(hyper_util::client::legacy::Error::is_connect)
        })
        .layer(bare_client())
}

pub(super) fn bare_client() -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new()).build_http()
}

pub(super) fn post(uri: &str) -> Request<Body> {
    Request::post(uri).body(Body::empty()).unwrap()
}

/// Reads a response to its end and returns its status and body.
pub(super) async fn read<B>(response: axum::http::Response<B>) -> (StatusCode, String)
where
    B: axum::body::HttpBody<Error: std::fmt::Debug>,
{
    use http_body_util::BodyExt as _;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

type Shared = State<(Arc<Harness>, Arc<Notify>)>;

async fn one_call(harness: &Harness) {
    harness.ask(HAIKU, 1_000, 100).await;
}

async fn research(State((harness, _)): Shared) -> &'static str {
    outlay::agent("researcher")
        .run(async {
            one_call(&harness).await;
            outlay::plan("read").run(one_call(&harness)).await;
            outlay::charge("serp-api", Usd::from_micros(5_000));
        })
        .await;
    "found"
}

/// Calls a model for each part of the body as it is read.
async fn stream(State((harness, _)): Shared) -> Body {
    let parts = futures_util::stream::iter(0..3).then(move |i| {
        let harness = harness.clone();
        async move {
            one_call(&harness).await;
            Ok::<_, Infallible>(format!("part {i}\n"))
        }
    });
    Body::from_stream(parts)
}

/// Responds before its work has ended.
async fn background(State((harness, release)): Shared) -> (StatusCode, &'static str) {
    // The work has not started when the response is sent.
    tokio::spawn(outlay::in_scope(async move {
        tokio::task::yield_now().await;
        outlay::tool("index")
            .run(async {
                release.notified().await;
                one_call(&harness).await;
            })
            .await;
    }));
    (StatusCode::ACCEPTED, "later")
}

/// Responds with a body of a stated length that is produced as it is read.
async fn long(State((harness, _)): Shared) -> axum::response::Response {
    let part = futures_util::stream::once(async move {
        one_call(&harness).await;
        Ok::<_, Infallible>("four")
    });
    axum::response::Response::builder().header("content-length", 4).body(Body::from_stream(part)).unwrap()
}

/// Calls another worker and forwards its stream.
async fn gateway(Path(authority): Path<String>) -> Body {
    let response = tower::ServiceExt::oneshot(client(), post(&format!("http://{authority}/stream"))).await.unwrap();
    Body::new(response.into_body())
}

async fn fail(State((harness, _)): Shared) -> StatusCode {
    one_call(&harness).await;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn slow(State((harness, release)): Shared) -> &'static str {
    harness.sim.push(Reply::message().text("ok").usage(Tokens::new(1, 1)));
    release.notified().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    "never"
}
