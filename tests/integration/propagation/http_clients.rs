//! Propagation by HTTP clients that are no services of `http` types: the snippets of `outlay::tower`.

use outlay::propagation::Received;
use outlay::tower::{ClientLayer, fetch_receipts};
use outlay::{CostStatus, Outcome, Usd};
use outlay_tests::Harness;
use reqwest_middleware::reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next, Result};
use tower::{Service as _, ServiceExt as _};

use super::worker::{CALL_COST, Worker, bare_client};

/// What the worker's research costs.
fn research() -> Option<Usd> {
    Some(Usd::from_picos((2 * CALL_COST + 5_000_000_000).into()))
}

#[tokio::test]
async fn reqwest_is_a_service_for_the_layer_with_two_conversions() {
    let (h, worker) = (Harness::new().await, Worker::new().await);
    let reqwest = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut client = tower::ServiceBuilder::new()
        .layer(ClientLayer::new().allow_host("127.0.0.1"))
        .map_response(axum::http::Response::<reqwest::Body>::from)
        .map_request(|request: axum::http::Request<reqwest::Body>| {
            reqwest::Request::try_from(request).expect("a full URL")
        })
        .service(reqwest);
    let task = h.outlay.task("t").start();
    let work = async {
        let request = axum::http::Request::post(worker.uri("/research/cats")).body(reqwest::Body::from("")).unwrap();
        let response = client.ready().await.unwrap().call(request).await.unwrap();
        http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    };
    task.run(outlay::tool("ask").run(work)).await;
    let cost = task.finish(Outcome::success()).totals().cost();
    assert_eq!((cost.usd(), cost.status()), (research(), CostStatus::Exact));
}

#[tokio::test]
async fn reqwest_passes_the_headers_and_a_receipt_that_is_not_final_is_fetched() {
    let (h, worker) = (Harness::new().await, Worker::new().await);
    let (task, client) = (h.outlay.task("t").start(), reqwest::Client::new());
    let ask = async |path: &str| {
        let (work, mut headers) = (outlay::remote("researcher"), axum::http::HeaderMap::new());
        work.inject(&mut headers);
        let response = client.post(worker.uri(path)).headers(headers).send().await.unwrap();
        let received = work.receive_response(&worker.uri(""), response.headers());
        response.text().await.unwrap();
        received
    };
    assert_eq!(task.run(ask("/research/cats")).await, Some(Received::Joined));
    assert_eq!(task.run(ask("/stream")).await, Some(Received::Pending));
    assert_eq!(h.outlay.pending_receipts().len(), 1);
    assert_eq!(fetch_receipts(&h.outlay, &mut bare_client()).await, 1);
    assert_eq!(h.outlay.pending_receipts(), []);
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().status(), CostStatus::Exact);
    assert!(report.totals().cost().usd() > research());
}

#[tokio::test]
async fn a_response_without_a_receipt_leaves_the_total_unknown() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let work = task.run_sync(|| outlay::remote("researcher"));
    assert_eq!(work.receive_response("http://127.0.0.1:1", &axum::http::HeaderMap::new()), None);
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().usd()), (1, None));
    // Outside any task there is nothing to wait for.
    assert_eq!(outlay::remote("x").receive_response("http://127.0.0.1:1", &axum::http::HeaderMap::new()), None);
}

/// The middleware of the documentation.
struct SendsTheTask;

#[async_trait::async_trait]
impl Middleware for SendsTheTask {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut axum::http::Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let work = outlay::remote("researcher");
        work.inject(request.headers_mut());
        let origin = request.url().origin().ascii_serialization();
        let response = next.run(request, extensions).await?;
        work.receive_response(&origin, response.headers());
        Ok(response)
    }
}

#[tokio::test]
async fn a_middleware_of_reqwest_does_it_for_each_request() {
    let (h, worker) = (Harness::new().await, Worker::new().await);
    let client = ClientBuilder::new(reqwest_middleware::reqwest::Client::new()).with(SendsTheTask).build();
    let task = h.outlay.task("t").start();
    let text =
        task.run(async { client.post(worker.uri("/research/cats")).send().await.unwrap().text().await.unwrap() });
    assert_eq!(text.await, "found");
    let cost = task.finish(Outcome::success()).totals().cost();
    assert_eq!((cost.usd(), cost.status()), (research(), CostStatus::Exact));
}
