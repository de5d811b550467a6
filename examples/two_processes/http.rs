//! The HTTP transport: a layer around the orchestrator's client, and one around the worker's routes.

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::{Request, StatusCode};
use axum::routing::post;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use outlay::Outlay;
use outlay::tower::{ClientLayer, ServerLayer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Child;
use tower::{Layer as _, ServiceExt as _};

use crate::{Result, agents};

/// Requests the work from the worker, in the current scope.
pub(crate) async fn ask(mut worker: Child) -> Result<()> {
    let stdout = worker.stdout.take().ok_or("the worker has no standard output")?;
    let address = BufReader::new(stdout).lines().next_line().await?.ok_or("the worker did not start")?;
    let layer = ClientLayer::new().allow_host("127.0.0.1").name_host("127.0.0.1", "researcher");
    let client = layer.layer(HttpClient::builder(TokioExecutor::new()).build_http());
    let request = Request::post(format!("http://{address}/articles/exports/research")).body(Body::empty())?;
    let response = outlay::tool("ask the worker").try_run(client.oneshot(request)).await?;
    drop(worker.stdin.take());
    worker.wait().await?;
    match response.status() {
        StatusCode::OK => Ok(()),
        other => Err(format!("the worker answered {other}").into()),
    }
}

/// Runs the worker process, until its standard input closes.
pub(crate) async fn serve() -> Result<()> {
    let telemetry = outlay::telemetry::init("worker")?;
    let outlay = Outlay::builder().build();
    let bedrock = agents::bedrock().await?;
    // Clients of a loopback port are on this machine. A network service must check more.
    let layer = ServerLayer::new(&outlay).trust(|_| true).task_per_request(|outlay, request| {
        let route = request.extensions.get::<MatchedPath>()?;
        Some(outlay.task(&format!("{} {}", request.method, route.as_str())))
    });
    let routes = Router::new()
        .route("/articles/{topic}/research", post(research))
        .with_state(agents::client(&bedrock, &outlay))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let stdin_closes = async {
        let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(stdin_closes).await?;
    tokio::task::spawn_blocking(move || drop(telemetry)).await?;
    Ok(())
}

async fn research(State(client): State<aws_sdk_bedrockruntime::Client>) -> StatusCode {
    match agents::research(&client).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
