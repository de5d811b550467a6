//! Propagation between two processes over HTTP, with a layer on each side.

use axum::http::StatusCode;
use outlay::tower::{ClientLayer, fetch_receipts};
use outlay::{CostStatus, Outcome, TaskId, Usd};
use outlay_tests::{Harness, SONNET, Spans, Warnings, eventually};
use tower::{Layer as _, ServiceExt as _};

use super::worker::{CALL_COST, Worker, bare_client, client, post, read};

fn usd(picos: i64) -> Option<Usd> {
    Some(Usd::from_picos(picos.into()))
}

/// Returns the spans of both processes, as a backend has them.
fn all_spans(one: &Harness, worker: &Worker) -> Spans {
    one.spans().and(worker.harness.spans())
}

/// Returns a request whose answer cannot have trailers, so that its receipt must be fetched.
fn post_without_trailers(worker: &Worker) -> axum::http::Request<axum::body::Body> {
    let mut request = post(&worker.uri("/stream"));
    request.headers_mut().insert("te", "gzip".parse().unwrap());
    request
}

#[tokio::test]
async fn remote_cost_is_in_the_callers_total_and_remote_spans_are_below_the_callers_spans() {
    let h = Harness::with(|builder| builder.propagate(["team", "tenant"])).await;
    let worker = Worker::new().await;
    let task = h.outlay.task("resolve-ticket").team("support").owner("ana").dimension("tenant", "acme ü;=%,").start();
    task.run(async {
        h.ask(SONNET, 1_000, 100).await;
        let response = client().oneshot(post(&worker.uri("/research/cats")));
        let response = outlay::tool("research").run(response).await.unwrap();
        assert_eq!(read(response).await, (StatusCode::OK, "found".to_owned()));
    })
    .await;
    let (local, remote) = (4_950_000_000, 2 * CALL_COST + 5_000_000_000);
    assert_eq!(task.totals().remote(), Usd::from_picos(remote.into()));
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().usd(), usd(local + remote));
    assert_eq!(report.totals().cost().status(), CostStatus::Exact);
    assert_eq!(report.totals().calls(), 3);

    let spans = all_spans(&h, &worker);
    spans.assert_conserved();
    let root = spans.one("invoke_workflow resolve-ticket");
    assert_eq!(root.int("outlay.total.picousd"), Some(local + remote));
    assert_eq!(root.double("outlay.total.remote_usd"), Some(0.0083));
    let research = spans.one("invoke_workflow POST /research/{topic}");
    assert_eq!(spans.parent(research).unwrap().name(), "execute_tool research");
    assert_eq!(research.text("outlay.outcome.kind"), Some("success"));
    assert_eq!(research.text("outlay.caller.task.id"), root.text("outlay.task.id"));
    assert_eq!(research.text("outlay.caller.task.name"), Some("resolve-ticket"));
    assert!(!research.has("outlay.task.root"), "it is inside another task");
    // Only the dimensions that the caller propagates.
    assert_eq!((research.text("outlay.team"), research.text("outlay.owner")), (Some("support"), None));
    assert_eq!(research.text("outlay.dim.tenant"), Some("acme ü;=%,"));
    assert!(spans.iter().all(|span| span.data().span_context.trace_id() == root.data().span_context.trace_id()));
}

#[tokio::test]
async fn metrics_count_each_cost_only_in_the_process_that_spends_it() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("resolve-ticket").start();
    task.run(async {
        read(client().oneshot(post(&worker.uri("/research/cats"))).await.unwrap()).await;
    })
    .await;
    task.finish(Outcome::failure());
    let sum = |points: &[outlay_tests::MetricPoint], name: &str| {
        points.iter().filter(|p| p.name == name).map(|p| p.value).sum::<f64>()
    };
    let (here, there) = (h.metrics(), worker.harness.metrics());
    assert_eq!(sum(&here, "outlay.cost"), 0.0);
    assert!((sum(&there, "outlay.cost") - 0.0083).abs() < 1e-12);
    // The caller's task failed, so its remote cost is wasted. The worker does not count that cost again.
    assert!((sum(&here, "outlay.wasted.cost") - 0.0083).abs() < 1e-12);
    assert_eq!(sum(&there, "outlay.wasted.cost"), 0.0);
}

#[tokio::test]
async fn a_worker_without_its_own_task_joins_the_callers_task() {
    let h = Harness::new().await;
    let worker = Worker::with(|layer| layer).await;
    let task = h.outlay.task("resolve-ticket").start();
    let id = task.id().to_string();
    task.run(outlay::agent("triage").run(async {
        read(client().oneshot(post(&worker.uri("/research/cats"))).await.unwrap()).await;
    }))
    .await;
    task.finish(Outcome::success());
    let spans = all_spans(&h, &worker);
    spans.assert_conserved();
    assert!(
        spans.iter().all(|span| span.text("outlay.task.id") == Some(&*id)),
        "all spans belong to the caller's task"
    );
    assert_eq!(spans.starting("invoke_workflow").len(), 1);
    let researcher = spans.one("invoke_agent researcher");
    assert_eq!(spans.parent(researcher).unwrap().name(), "invoke_agent triage");
    let names: Vec<String> =
        worker.harness.metrics().iter().filter(|p| p.name == "outlay.tasks").map(|p| format!("{p:?}")).collect();
    assert!(names.is_empty(), "a task is counted only where it started: {names:?}");
    assert!(worker.harness.outlay.open_tasks().is_empty());
}

#[tokio::test]
async fn the_cost_of_a_streamed_body_returns_in_a_trailer() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(post(&worker.uri("/stream")))).await.unwrap();
    assert!(response.headers()["outlay-receipt"].to_str().unwrap().contains("\"final\":false"));
    assert_eq!(task.totals().pending_receipts(), 1);
    assert_eq!(read(response).await.1, "part 0\npart 1\npart 2\n");
    assert_eq!((task.totals().pending_receipts(), task.totals().cost().usd()), (0, usd(3 * CALL_COST)));
    task.finish(Outcome::success());
    let spans = all_spans(&h, &worker);
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_workflow POST /stream").int("outlay.total.calls"), Some(3));
}

#[tokio::test]
async fn a_client_without_trailers_fetches_the_receipt() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let request = post_without_trailers(&worker);
    let response = task.run(client().oneshot(request)).await.unwrap();
    assert!(!response.headers().contains_key("trailer"));
    read(response).await;
    assert_eq!(task.totals().pending_receipts(), 1);
    let pending = h.outlay.pending_receipts();
    assert_eq!((pending.len(), &*pending[0].origin), (1, &*format!("http://{}", worker.authority)));
    // Fetching a receipt inside a task is not remote work of the task.
    assert_eq!(task.run(fetch_receipts(&h.outlay, &mut client())).await, 1);
    assert_eq!(fetch_receipts(&h.outlay, &mut bare_client()).await, 0);
    assert_eq!((task.totals().pending_receipts(), task.totals().cost().usd()), (0, usd(3 * CALL_COST)));
    assert!(h.outlay.pending_receipts().is_empty());
}

/// A client that takes the host from a header decides itself whether to use TLS, so no `http://` is added.
#[tokio::test]
async fn a_receipt_request_has_the_form_of_the_request_for_the_work() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let by_host_header = tower::service_fn(|request: axum::http::Request<axum::body::Body>| {
        let (mut parts, body) = request.into_parts();
        assert!(parts.uri.scheme().is_none() && parts.uri.authority().is_none(), "{}", parts.uri);
        parts.uri = format!("http://{}{}", parts.headers["host"].to_str().unwrap(), parts.uri).parse().unwrap();
        bare_client().request(axum::http::Request::from_parts(parts, body))
    });
    let mut client = ClientLayer::new().allow_host("127.0.0.1").layer(by_host_header);
    let mut request = post("/stream");
    request.headers_mut().insert("host", worker.authority.parse().unwrap());
    request.headers_mut().insert("te", "gzip".parse().unwrap());
    let task = h.outlay.task("t").start();
    read(task.run(tower::ServiceExt::oneshot(client.clone(), request)).await.unwrap()).await;
    assert_eq!(&*h.outlay.pending_receipts()[0].origin, &*format!("//{}", worker.authority));
    assert_eq!(fetch_receipts(&h.outlay, &mut client).await, 1);
    assert_eq!((task.totals().pending_receipts(), task.totals().cost().usd()), (0, usd(3 * CALL_COST)));
}

/// Remote work is named after the service, not after its address.
#[tokio::test]
async fn a_named_host_has_its_name_in_the_report() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let layer = ClientLayer::new().allow_host("127.0.0.1").name_host("*.internal", "other");
    let named = layer.name_host("127.0.0.1", "researcher").layer(bare_client());
    let task = h.outlay.task("t").start();
    read(task.run(named.oneshot(post(&worker.uri("/research/cats")))).await.unwrap()).await;
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("remote researcher") && !report.contains("127.0.0.1"), "{report}");
}

#[tokio::test]
async fn a_task_waits_for_work_that_outlives_its_response() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        let response = client().oneshot(post(&worker.uri("/background"))).await.unwrap();
        assert_eq!(read(response).await.0, StatusCode::ACCEPTED);
    })
    .await;
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().pending_receipts(), h.spans().len()), (1, 0));
    assert_eq!(fetch_receipts(&h.outlay, &mut bare_client()).await, 0, "the work has not ended");
    worker.release.notify_one();
    for _ in 0..200 {
        if fetch_receipts(&h.outlay, &mut bare_client()).await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(task.totals().cost().usd(), usd(CALL_COST));
    all_spans(&h, &worker).assert_conserved();
    assert_eq!(h.spans().one("invoke_workflow t").text("outlay.total.status"), Some("exact"));
}

#[tokio::test]
async fn the_status_sets_the_outcome_of_the_workers_task() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        read(client().oneshot(post(&worker.uri("/fail"))).await.unwrap()).await;
        read(client().oneshot(post(&worker.uri("/nothing"))).await.unwrap()).await;
    })
    .await;
    assert_eq!(task.totals().failed_cost(), Usd::from_picos(CALL_COST.into()), "the caller knows the failed cost");
    task.finish(Outcome::success());
    let spans = all_spans(&h, &worker);
    let outcome = |name: &str| spans.one(name).text("outlay.outcome.kind").map(str::to_owned);
    assert_eq!(outcome("invoke_workflow POST /fail").as_deref(), Some("failure"));
    assert_eq!(outcome("invoke_workflow POST /nothing").as_deref(), Some("success"));
    spans.assert_conserved();
}

#[tokio::test]
async fn a_host_that_is_not_allowed_receives_no_propagation() {
    let h = Harness::new().await;
    let (worker, recorded) = Worker::recording_headers(|layer| layer).await;
    let task = h.outlay.task("t").start();
    let client = ClientLayer::new().allow_host("localhost").layer(bare_client());
    let mut request = post(&worker.uri("/research/cats"));
    // This includes `outlay` members from the application's own propagation.
    request.headers_mut().insert("baggage", "a=1,outlay%2eteam=x,outlay.task.id=y".parse().unwrap());
    let response = task.run(client.oneshot(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("outlay-receipt"));
    let headers = recorded.lock().unwrap()[0].clone();
    assert_eq!(headers["baggage"], "a=1");
    assert!(!headers.contains_key("traceparent") && !headers.contains_key("te"));
    let totals = task.totals();
    assert_eq!((totals.pending_receipts(), totals.lost_receipts()), (0, 0));
    assert_eq!(totals.cost().status(), CostStatus::Exact);
}

#[tokio::test]
async fn a_request_outside_any_task_is_sent_unchanged() {
    let worker = Worker::new().await;
    let response = client().oneshot(post(&worker.uri("/research/cats"))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
    read(response).await;
    // The worker still has its own task, as a root.
    assert!(worker.harness.spans().one("invoke_workflow POST /research/{topic}").has("outlay.task.root"));
}

#[tokio::test]
async fn an_untrusted_caller_is_ignored_and_gets_no_receipt() {
    let h = Harness::new().await;
    let worker =
        Worker::with(|layer| layer.trust(|_| false).task_per_request(|outlay, _| Some(outlay.task("research")))).await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(post(&worker.uri("/research/cats")))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
    let receipts = format!("/outlay/receipts/{}", "01890a5d-ac96-774b-bcce-b302099a8057");
    let response = bare_client().get(worker.uri(&receipts).parse().unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    // The host is allowed and has sent no receipt, so its cost is unknown, not zero.
    let totals = task.totals();
    assert_eq!((totals.lost_receipts(), totals.cost().status()), (1, CostStatus::Unpriced));
    assert_eq!(totals.cost().usd(), None);
    task.finish(Outcome::success());
    let spans = all_spans(&h, &worker);
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.int("outlay.total.lost_receipts"), Some(1));
    assert!(!root.has("outlay.total.usd"));
    let research = spans.named("invoke_workflow research");
    assert!(research.iter().all(|local| local.has("outlay.task.root") && spans.parent(local).is_none()));
}

#[tokio::test]
async fn an_unsent_request_costs_nothing_and_a_cancelled_one_has_unknown_cost() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    // No process listens on a port that was just free.
    let free_address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    task.run(client().oneshot(post(&format!("http://{free_address}/")))).await.unwrap_err();
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (0, CostStatus::Exact));

    let worker = Worker::new().await;
    let cancelled = tokio::time::timeout(
        std::time::Duration::from_millis(200),
        task.run(client().oneshot(post(&worker.uri("/slow")))),
    );
    cancelled.await.unwrap_err();
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (1, CostStatus::Unpriced));
    // The worker's task ends with its request.
    eventually("the worker's task ends", || worker.harness.outlay.open_tasks().is_empty()).await;
    let spans = worker.harness.spans();
    assert_eq!(spans.one("invoke_workflow POST /slow").text("outlay.outcome.kind"), Some("abandoned"));
}

#[tokio::test]
async fn the_trace_and_baggage_of_the_application_are_kept() {
    let h = Harness::with(|builder| builder.propagate(["team"])).await;
    let (worker, recorded) = Worker::recording_headers(|layer| layer).await;
    let task = h.outlay.task("t").team("support").start();
    let mut request = post(&worker.uri("/nothing"));
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = request.headers_mut();
    headers.insert("traceparent", traceparent.parse().unwrap());
    headers.append("baggage", "user=ana;secret, outlay.task.id=forged, outlay%2Eteam=forged".parse().unwrap());
    headers.append("baggage", "x=1".parse().unwrap());
    let response = task.run(client().oneshot(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(task.totals().cost().status(), CostStatus::Exact);
    let headers = recorded.lock().unwrap()[0].clone();
    assert_eq!(headers["traceparent"], traceparent);
    let baggage = headers["baggage"].to_str().unwrap();
    assert!(baggage.starts_with("outlay.remote.id=") && baggage.ends_with("user=ana;secret,x=1"), "{baggage}");
    assert!(baggage.contains("outlay.team=support") && !baggage.contains("forged"), "{baggage}");
}

#[tokio::test]
async fn a_copied_incoming_trace_is_replaced() {
    let (one, recorded) = Worker::recording_headers(|layer| layer).await;
    let h = Harness::new().await;
    let mut carrier = std::collections::HashMap::new();
    let outer = h.outlay.task("outer").start();
    let work = outer.run_sync(|| outlay::remote("x"));
    work.inject(&mut carrier);
    let here = one.harness.outlay.join(&outlay::propagation::Incoming::from_trusted(&carrier).unwrap()).start();
    let mut request = post(&one.uri("/nothing"));
    request.headers_mut().insert("traceparent", carrier["traceparent"].parse().unwrap());
    let step = here.run(outlay::tool("ask").run(client().oneshot(request))).await;
    assert!(step.is_ok());
    let local = one.harness.spans().one("execute_tool ask").id().to_string();
    let recorded = recorded.lock().unwrap()[0]["traceparent"].to_str().unwrap().to_owned();
    assert!(recorded.contains(&local), "{recorded} is not below {local}");
    work.cancel();
}

#[tokio::test]
async fn a_joined_task_can_be_stopped_by_the_task_id() {
    let h = Harness::new().await;
    let worker = Worker::with(|layer| layer).await;
    let task = h.outlay.task("t").start();
    let id: TaskId = task.id();
    let response = task.run(client().oneshot(post(&worker.uri("/background")))).await.unwrap();
    read(response).await;
    assert_eq!(worker.harness.outlay.open_tasks()[0].id, id);
    assert!(worker.harness.outlay.stop(id, "enough"));
    assert!(!worker.harness.outlay.stop("01890a5d-ac96-774b-bcce-b302099a8057".parse::<TaskId>().unwrap(), "x"));
}

#[tokio::test]
async fn concurrent_requests_are_all_counted() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        let client = client();
        let requests = (0..20).map(|i| {
            let (client, uri) = (client.clone(), worker.uri(if i % 2 == 0 { "/research/x" } else { "/stream" }));
            outlay::tool("research").run(async move { read(client.oneshot(post(&uri)).await.unwrap()).await })
        });
        futures_util::future::join_all(requests).await;
    })
    .await;
    task.finish(Outcome::success());
    let expected = 10 * (2 * CALL_COST + 5_000_000_000) + 10 * 3 * CALL_COST;
    assert_eq!(task.totals().cost().usd(), usd(expected));
    all_spans(&h, &worker).assert_conserved();
}

#[tokio::test]
async fn a_disabled_worker_sends_no_receipt_and_a_disabled_caller_propagates_nothing() {
    let h = Harness::new().await;
    let layer = |layer: outlay::tower::ServerLayer| layer.task_per_request(|outlay, _| Some(outlay.task("x")));
    let disabled = outlay_tests::Harness::disabled().await;
    let worker = Worker::with_harness(disabled, layer).await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(post(&worker.uri("/research/cats")))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"), "a disabled worker does not know its cost");
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (1, CostStatus::Unpriced));
    // A disabled caller propagates nothing and awaits no receipts.
    let (worker, recorded) = Worker::recording_headers(|layer| layer).await;
    let off = outlay_tests::Harness::disabled().await;
    let task = off.outlay.task("t").start();
    task.run(client().oneshot(post(&worker.uri("/nothing")))).await.unwrap();
    assert!(!recorded.lock().unwrap()[0].contains_key("baggage"));
    assert_eq!(task.totals().lost_receipts(), 0);
}

#[tokio::test]
async fn duplicate_layers_count_once() {
    let h = Harness::new().await;
    let worker = Worker::with_two_layers().await;
    let task = h.outlay.task("t").start();
    let client = ClientLayer::new().allow_host("127.0.0.1").layer(client());
    read(task.run(client.oneshot(post(&worker.uri("/research/cats")))).await.unwrap()).await;
    let totals = task.totals();
    assert_eq!((totals.cost().usd(), totals.lost_receipts()), (usd(2 * CALL_COST + 5_000_000_000), 0));
    assert_eq!(worker.harness.spans().starting("invoke_workflow").len(), 1);
}

#[tokio::test]
async fn a_gateway_that_forwards_a_stream_reports_its_own_and_the_next_cost() {
    let h = Harness::new().await;
    let (gateway, next) = (Worker::new().await, Worker::new().await);
    let uri = gateway.uri(&format!("/gateway/{}", next.authority));
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(post(&uri))).await.unwrap();
    assert_eq!(read(response).await.1, "part 0\npart 1\npart 2\n");
    assert_eq!((task.totals().cost().usd(), task.totals().lost_receipts()), (usd(3 * CALL_COST), 0));
    task.finish(Outcome::success());
    h.spans().and(gateway.harness.spans()).and(next.harness.spans()).assert_conserved();
    // A request without a task gets no receipt of the gateway or of the next worker.
    let response = bare_client().request(post(&uri)).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    assert!(body.trailers().is_none_or(|trailers| !trailers.contains_key("outlay-receipt")));
}

#[tokio::test]
async fn a_body_of_a_stated_length_ends_its_task_with_its_last_byte() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(post(&worker.uri("/long")))).await.unwrap();
    assert_eq!(read(response).await.1, "four");
    assert_eq!(fetch_receipts(&h.outlay, &mut client()).await, 1);
    assert_eq!(task.totals().cost().usd(), usd(CALL_COST));
    let outcomes = |worker: &Worker| {
        let spans = worker.harness.spans();
        let outcomes: Vec<_> = spans
            .starting("invoke_workflow")
            .iter()
            .map(|s| s.text("outlay.outcome.kind").unwrap().to_owned())
            .collect();
        outcomes
    };
    assert_eq!(outcomes(&worker), ["success"]);
    // A response without a body ends its task with its headers.
    let head = axum::http::Request::head(worker.uri("/long")).body(axum::body::Body::empty()).unwrap();
    let response = task.run(client().oneshot(head)).await.unwrap();
    assert!(response.headers()["outlay-receipt"].to_str().unwrap().contains("\"final\":true"));
    assert_eq!(outcomes(&worker), ["success", "success"]);
    assert_eq!(task.totals().pending_receipts(), 0);
}

#[tokio::test]
async fn a_receipt_that_its_host_no_longer_has_is_lost_and_not_fetched_again() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let request = post_without_trailers(&worker);
    read(task.run(client().oneshot(request)).await.unwrap()).await;
    let mut gone_service = tower::service_fn(|_: axum::http::Request<axum::body::Body>| {
        let gone = axum::http::Response::builder().status(410).body(axum::body::Body::empty()).unwrap();
        std::future::ready(Ok::<_, std::convert::Infallible>(gone))
    });
    assert_eq!(fetch_receipts(&h.outlay, &mut gone_service).await, 0);
    assert!(h.outlay.pending_receipts().is_empty());
    assert_eq!((task.totals().lost_receipts(), task.totals().pending_receipts()), (1, 0));
}

#[tokio::test]
async fn a_password_in_an_address_is_never_reported() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let service = tower::service_fn(|_: axum::http::Request<axum::body::Body>| {
        let empty = axum::http::Response::new(axum::body::Body::empty());
        std::future::ready(Ok::<_, std::convert::Infallible>(empty))
    });
    let client = ClientLayer::new().allow_host("worker.internal").layer(service);
    task.run(client.oneshot(post("http://svc:secret@worker.internal:8080/x"))).await.unwrap();
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("worker.internal:8080") && !report.contains("secret"), "{report}");
}

#[tokio::test]
async fn a_panicking_closure_does_not_affect_the_request() {
    let h = Harness::new().await;
    let worker =
        Worker::with(|layer| layer.task_per_request(|_, _| panic!("no route")).outcome_by(|_| panic!("no outcome")))
            .await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(post(&worker.uri("/research/cats")))).await.unwrap();
    assert_eq!(read(response).await, (StatusCode::OK, "found".to_owned()));
    assert_eq!(task.totals().remote(), Usd::from_picos((2 * CALL_COST + 5_000_000_000).into()), "in the caller's task");
    let worker = Worker::with(|layer| layer.trust(|_| panic!("no trust"))).await;
    let response = task.run(client().oneshot(post(&worker.uri("/nothing")))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
}

#[tokio::test]
async fn an_answer_of_millions_of_lines_is_read_quickly_and_logged_once() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let request = post_without_trailers(&worker);
    read(task.run(client().oneshot(request)).await.unwrap()).await;
    let warnings = Warnings::default();
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    for (body, expected) in [("\n".repeat(4 << 20), 0), (" \n".repeat(2 << 20), 0), ("x\n".repeat(2 << 20), 2)] {
        warnings.take();
        let mut answer = tower::service_fn(move |_: axum::http::Request<axum::body::Body>| {
            let found = axum::http::Response::new(axum::body::Body::from(body.clone()));
            std::future::ready(Ok::<_, std::convert::Infallible>(found))
        });
        assert_eq!(fetch_receipts(&h.outlay, &mut answer).await, 0);
        assert_eq!(warnings.take(), expected);
    }
}
