//! A worker agent in its own process, for tests of propagation between processes.
//!
//! usage: worker
//!
//! Serves `POST /research` (two calls and a charge) and `POST /stream` (two calls while the body is read) on loopback,
//! and prints its address. It trusts all callers and exits when standard input closes. The `OTEL_*` variables configure
//! its export.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "this is a test program")]

use std::convert::Infallible;
use std::sync::Arc;

use aws_sdk_bedrockruntime::Client;
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::routing::post;
use bedrock_sim::{BedrockSim, Reply, Tokens};
use futures_util::StreamExt as _;
use outlay::bedrock::Metered as _;
use outlay::tower::ServerLayer;
use outlay::{Outlay, Usd};
use outlay_tests::{client_config, haiku};
use tokio::io::AsyncReadExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let telemetry = outlay::telemetry::init("worker").unwrap();
    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(1_000, 100).cache_read(7)));
    let outlay = Outlay::builder().build();
    let client = Client::from_conf(client_config(&bedrock.url()).build()).metered(&outlay);
    let layer = ServerLayer::new(&outlay).trust(|_| true).task_per_request(|outlay, request| {
        let route = request.extensions.get::<MatchedPath>()?.as_str();
        Some(outlay.task(&format!("{} {route}", request.method)))
    });
    let routes = Router::new().route("/research", post(research)).route("/stream", post(stream));
    let routes = routes.with_state(Arc::new(client)).layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let until_stdin_closes = async {
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(until_stdin_closes).await.unwrap();
    tokio::task::spawn_blocking(move || drop(telemetry)).await.unwrap();
}

async fn research(State(client): State<Arc<Client>>) -> &'static str {
    let both = async {
        let (plan, read) = tokio::join!(
            outlay::plan("where to look").run(haiku(&client).send()),
            outlay::tool("read").run(haiku(&client).send()),
        );
        (plan.unwrap(), read.unwrap())
    };
    outlay::agent("researcher").run(both).await;
    outlay::charge("serp-api", Usd::from_micros(5_001));
    "found"
}

async fn stream(State(client): State<Arc<Client>>) -> Body {
    let parts = futures_util::stream::iter(0..2).then(move |i| {
        let client = client.clone();
        async move {
            haiku(&client).send().await.unwrap();
            Ok::<_, Infallible>(format!("part {i}\n"))
        }
    });
    Body::from_stream(parts)
}
