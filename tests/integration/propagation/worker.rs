//! A worker: a service of its own on loopback, with books of its own.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Path, State};
use axum::http::{Request, StatusCode};
use axum::routing::post;
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

/// What a call of the worker costs: 1,000 tokens in at $1.10 a million, 100 out at $5.50.
pub(super) const A_CALL: i64 = 1_650_000_000;

/// The headers of requests.
pub(super) type Seen = Arc<Mutex<Vec<axum::http::HeaderMap>>>;

pub(super) struct Worker {
    pub(super) harness: Arc<Harness>,
    pub(super) authority: String,
    /// Lets the work go on that outlives its response.
    pub(super) go_on: Arc<Notify>,
    server: JoinHandle<()>,
}

impl Worker {
    /// What the worker sees of requests goes through here: closures of layers must not assert.
    pub(super) async fn that_shows(set: impl FnOnce(ServerLayer) -> ServerLayer) -> (Self, Seen) {
        let seen = Seen::default();
        let shown = seen.clone();
        let worker = Self::with(|layer| {
            set(layer).trust(move |request| {
                shown.lock().unwrap().push(request.headers.clone());
                true
            })
        });
        (worker.await, seen)
    }

    /// One that trusts everybody who asks, and starts a task of its own for each request.
    pub(super) async fn new() -> Self {
        Self::with(|layer| {
            layer.task_per_request(|outlay, request| {
                let route = request.extensions.get::<MatchedPath>()?.as_str();
                Some(outlay.task(&format!("{} {route}", request.method)))
            })
        })
        .await
    }

    /// One that does what `set` says.
    pub(super) async fn with(set: impl FnOnce(ServerLayer) -> ServerLayer) -> Self {
        Self::with_harness(Harness::new().await, set).await
    }

    /// One whose routes have a layer, and are inside a router that has another.
    pub(super) async fn twice() -> Self {
        Self::build(Harness::new().await, |layer| layer, true).await
    }

    pub(super) async fn with_harness(harness: Harness, set: impl FnOnce(ServerLayer) -> ServerLayer) -> Self {
        Self::build(harness, set, false).await
    }

    async fn build(harness: Harness, set: impl FnOnce(ServerLayer) -> ServerLayer, twice: bool) -> Self {
        let (harness, go_on) = (Arc::new(harness), Arc::new(Notify::new()));
        let layer = ServerLayer::new(&harness.outlay).trust(|_| true).receipts_at("/outlay/receipts");
        let routes = Router::new()
            .route("/research/{topic}", post(research))
            .route("/stream", post(stream))
            .route("/background", post(background))
            .route("/nothing", post(|| std::future::ready(StatusCode::NO_CONTENT)))
            .route("/fail", post(fail))
            .route("/slow", post(slow))
            .route("/long", axum::routing::any(long))
            .route("/gateway/{authority}", post(gateway))
            .with_state((harness.clone(), go_on.clone()))
            .layer(set(layer.clone()));
        let name = |outlay: &outlay::Outlay, _: &axum::http::request::Parts| Some(outlay.task("outer"));
        let routes = if twice { routes.layer(layer.task_per_request(name)) } else { routes };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { harness, authority, go_on, server }
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

pub(super) type Orchestrators = ClientService<Client<HttpConnector, Body>>;

/// The orchestrator's HTTP client, which tells loopback.
pub(super) fn client() -> Orchestrators {
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

pub(super) fn ask(uri: &str) -> Request<Body> {
    Request::post(uri).body(Body::empty()).unwrap()
}

/// The response's status and body, read to its end.
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

/// Calls a model for each part of its body, as that is read.
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

/// Answers before its work is done.
async fn background(State((harness, go_on)): Shared) -> (StatusCode, &'static str) {
    // It has not run at all when the response is there.
    tokio::spawn(outlay::in_scope(async move {
        tokio::task::yield_now().await;
        outlay::tool("index")
            .run(async {
                go_on.notified().await;
                one_call(&harness).await;
            })
            .await;
    }));
    (StatusCode::ACCEPTED, "later")
}

/// A body of a stated length that is made as it is read.
async fn long(State((harness, _)): Shared) -> axum::response::Response {
    let part = futures_util::stream::once(async move {
        one_call(&harness).await;
        Ok::<_, Infallible>("four")
    });
    axum::response::Response::builder().header("content-length", 4).body(Body::from_stream(part)).unwrap()
}

/// Asks another worker, and hands its stream on.
async fn gateway(Path(authority): Path<String>) -> Body {
    let response = tower::ServiceExt::oneshot(client(), ask(&format!("http://{authority}/stream"))).await.unwrap();
    Body::new(response.into_body())
}

async fn fail(State((harness, _)): Shared) -> StatusCode {
    one_call(&harness).await;
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn slow(State((harness, go_on)): Shared) -> &'static str {
    harness.sim.push(Reply::message().text("ok").usage(Tokens::new(1, 1)));
    go_on.notified().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    "never"
}
