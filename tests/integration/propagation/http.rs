//! Two processes over HTTP, with a layer on each side.

use axum::http::StatusCode;
use outlay::tower::{ClientLayer, fetch_receipts};
use outlay::{CostStatus, Outcome, TaskId, Usd};
use outlay_tests::{Harness, SONNET, Spans, Warnings, eventually};
use tower::{Layer as _, ServiceExt as _};

use super::worker::{A_CALL, Worker, ask, bare_client, client, read};

fn usd(picos: i64) -> Option<Usd> {
    Some(Usd::from_picos(picos.into()))
}

/// The spans of both processes, as a backend has them.
fn both(one: &Harness, worker: &Worker) -> Spans {
    one.spans().and(worker.harness.spans())
}

/// A request whose answer cannot have trailers: its receipt has to be asked for.
fn ask_without_trailers(worker: &Worker) -> axum::http::Request<axum::body::Body> {
    let mut request = ask(&worker.uri("/stream"));
    request.headers_mut().insert("te", "gzip".parse().unwrap());
    request
}

#[tokio::test]
async fn what_the_other_process_spends_is_part_of_the_callers_total_and_its_spans_are_below_the_callers() {
    let h = Harness::with(|builder| builder.propagate(["team", "tenant"])).await;
    let worker = Worker::new().await;
    let task = h.outlay.task("resolve-ticket").team("support").owner("ana").dimension("tenant", "acme ü;=%,").start();
    task.run(async {
        h.ask(SONNET, 1_000, 100).await;
        let asked = client().oneshot(ask(&worker.uri("/research/cats")));
        let response = outlay::tool("research").run(asked).await.unwrap();
        assert_eq!(read(response).await, (StatusCode::OK, "found".to_owned()));
    })
    .await;
    let (own, remote) = (4_950_000_000, 2 * A_CALL + 5_000_000_000);
    assert_eq!(task.totals().remote(), Usd::from_picos(remote.into()));
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().usd(), usd(own + remote));
    assert_eq!(report.totals().cost().status(), CostStatus::Exact);
    assert_eq!(report.totals().calls(), 3);

    let spans = both(&h, &worker);
    spans.assert_conserved();
    let root = spans.one("invoke_workflow resolve-ticket");
    assert_eq!(root.int("outlay.total.picousd"), Some(own + remote));
    assert_eq!(root.double("outlay.total.remote_usd"), Some(0.0083));
    let research = spans.one("invoke_workflow POST /research/{topic}");
    assert_eq!(spans.parent(research).unwrap().name(), "execute_tool research");
    assert_eq!(research.text("outlay.outcome.kind"), Some("success"));
    assert_eq!(research.text("outlay.caller.task.id"), root.text("outlay.task.id"));
    assert_eq!(research.text("outlay.caller.task.name"), Some("resolve-ticket"));
    assert!(!research.has("outlay.task.root"), "it lies in another task");
    // The dimensions that the caller lists, and no other.
    assert_eq!((research.text("outlay.team"), research.text("outlay.owner")), (Some("support"), None));
    assert_eq!(research.text("outlay.dim.tenant"), Some("acme ü;=%,"));
    assert!(spans.iter().all(|span| span.data().span_context.trace_id() == root.data().span_context.trace_id()));
}

#[tokio::test]
async fn metrics_count_each_dollar_where_it_is_spent_and_nowhere_else() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("resolve-ticket").start();
    task.run(async {
        read(client().oneshot(ask(&worker.uri("/research/cats"))).await.unwrap()).await;
    })
    .await;
    task.finish(Outcome::failure());
    let sum = |points: &[outlay_tests::MetricPoint], name: &str| {
        points.iter().filter(|p| p.name == name).map(|p| p.value).sum::<f64>()
    };
    let (here, there) = (h.metrics(), worker.harness.metrics());
    assert_eq!(sum(&here, "outlay.cost"), 0.0);
    assert!((sum(&there, "outlay.cost") - 0.0083).abs() < 1e-12);
    // The caller's task failed, and with it what was spent for it elsewhere; the worker does not count that again.
    assert!((sum(&here, "outlay.wasted.cost") - 0.0083).abs() < 1e-12);
    assert_eq!(sum(&there, "outlay.wasted.cost"), 0.0);
}

#[tokio::test]
async fn without_a_task_of_its_own_the_worker_goes_on_in_the_callers() {
    let h = Harness::new().await;
    let worker = Worker::with(|layer| layer).await;
    let task = h.outlay.task("resolve-ticket").start();
    let id = task.id().to_string();
    task.run(outlay::agent("triage").run(async {
        read(client().oneshot(ask(&worker.uri("/research/cats"))).await.unwrap()).await;
    }))
    .await;
    task.finish(Outcome::success());
    let spans = both(&h, &worker);
    spans.assert_conserved();
    assert!(spans.iter().all(|span| span.text("outlay.task.id") == Some(&*id)), "all are of the caller's task");
    assert_eq!(spans.starting("invoke_workflow").len(), 1);
    let researcher = spans.one("invoke_agent researcher");
    assert_eq!(spans.parent(researcher).unwrap().name(), "invoke_agent triage");
    let names: Vec<String> =
        worker.harness.metrics().iter().filter(|p| p.name == "outlay.tasks").map(|p| format!("{p:?}")).collect();
    assert!(names.is_empty(), "a task is counted where it started: {names:?}");
    assert!(worker.harness.outlay.open_tasks().is_empty());
}

#[tokio::test]
async fn what_is_spent_while_the_body_is_read_comes_back_in_a_trailer() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(ask(&worker.uri("/stream")))).await.unwrap();
    assert!(response.headers()["outlay-receipt"].to_str().unwrap().contains("\"final\":false"));
    assert_eq!(task.totals().pending_receipts(), 1);
    assert_eq!(read(response).await.1, "part 0\npart 1\npart 2\n");
    assert_eq!((task.totals().pending_receipts(), task.totals().cost().usd()), (0, usd(3 * A_CALL)));
    task.finish(Outcome::success());
    let spans = both(&h, &worker);
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_workflow POST /stream").int("outlay.total.calls"), Some(3));
}

#[tokio::test]
async fn a_client_that_takes_no_trailers_asks_for_the_receipt() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let request = ask_without_trailers(&worker);
    let response = task.run(client().oneshot(request)).await.unwrap();
    assert!(!response.headers().contains_key("trailer"));
    read(response).await;
    assert_eq!(task.totals().pending_receipts(), 1);
    let pending = h.outlay.pending_receipts();
    assert_eq!((pending.len(), &*pending[0].origin), (1, &*format!("http://{}", worker.authority)));
    // As well from inside a task: to ask for a receipt is no work.
    assert_eq!(task.run(fetch_receipts(&h.outlay, &mut client())).await, 1);
    assert_eq!(fetch_receipts(&h.outlay, &mut bare_client()).await, 0);
    assert_eq!((task.totals().pending_receipts(), task.totals().cost().usd()), (0, usd(3 * A_CALL)));
    assert!(h.outlay.pending_receipts().is_empty());
}

/// A client that names the host in a header knows by itself whether to use TLS: no `http://` is made up for it.
#[tokio::test]
async fn a_receipt_is_asked_for_in_the_form_of_the_request_that_asked_for_the_work() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let to_the_host = tower::service_fn(|request: axum::http::Request<axum::body::Body>| {
        let (mut parts, body) = request.into_parts();
        assert!(parts.uri.scheme().is_none() && parts.uri.authority().is_none(), "{}", parts.uri);
        parts.uri = format!("http://{}{}", parts.headers["host"].to_str().unwrap(), parts.uri).parse().unwrap();
        bare_client().request(axum::http::Request::from_parts(parts, body))
    });
    let mut client = ClientLayer::new().allow_host("127.0.0.1").layer(to_the_host);
    let mut request = ask("/stream");
    request.headers_mut().insert("host", worker.authority.parse().unwrap());
    request.headers_mut().insert("te", "gzip".parse().unwrap());
    let task = h.outlay.task("t").start();
    read(task.run(tower::ServiceExt::oneshot(client.clone(), request)).await.unwrap()).await;
    assert_eq!(&*h.outlay.pending_receipts()[0].origin, &*format!("//{}", worker.authority));
    assert_eq!(fetch_receipts(&h.outlay, &mut client).await, 1);
    assert_eq!((task.totals().pending_receipts(), task.totals().cost().usd()), (0, usd(3 * A_CALL)));
}

/// The work is named after the service, not after its address.
#[tokio::test]
async fn a_host_has_a_name_in_the_report_and_on_the_span() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let layer = ClientLayer::new().allow_host("127.0.0.1").name_host("*.internal", "other");
    let named = layer.name_host("127.0.0.1", "researcher").layer(bare_client());
    let task = h.outlay.task("t").start();
    read(task.run(named.oneshot(ask(&worker.uri("/research/cats")))).await.unwrap()).await;
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("remote researcher") && !report.contains("127.0.0.1"), "{report}");
}

#[tokio::test]
async fn a_task_waits_for_work_that_outlives_its_response() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        let response = client().oneshot(ask(&worker.uri("/background"))).await.unwrap();
        assert_eq!(read(response).await.0, StatusCode::ACCEPTED);
    })
    .await;
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().pending_receipts(), h.spans().len()), (1, 0));
    assert_eq!(fetch_receipts(&h.outlay, &mut bare_client()).await, 0, "the work is not done");
    worker.go_on.notify_one();
    for _ in 0..200 {
        if fetch_receipts(&h.outlay, &mut bare_client()).await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(task.totals().cost().usd(), usd(A_CALL));
    both(&h, &worker).assert_conserved();
    assert_eq!(h.spans().one("invoke_workflow t").text("outlay.total.status"), Some("exact"));
}

#[tokio::test]
async fn a_status_decides_how_the_workers_task_ended() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        read(client().oneshot(ask(&worker.uri("/fail"))).await.unwrap()).await;
        read(client().oneshot(ask(&worker.uri("/nothing"))).await.unwrap()).await;
    })
    .await;
    assert_eq!(task.totals().failed_cost(), Usd::from_picos(A_CALL.into()), "what it spent for nothing is known here");
    task.finish(Outcome::success());
    let spans = both(&h, &worker);
    let outcome = |name: &str| spans.one(name).text("outlay.outcome.kind").map(str::to_owned);
    assert_eq!(outcome("invoke_workflow POST /fail").as_deref(), Some("failure"));
    assert_eq!(outcome("invoke_workflow POST /nothing").as_deref(), Some("success"));
    spans.assert_conserved();
}

#[tokio::test]
async fn a_host_that_is_not_allowed_learns_nothing() {
    let h = Harness::new().await;
    let (worker, seen) = Worker::that_shows(|layer| layer).await;
    let task = h.outlay.task("t").start();
    let client = ClientLayer::new().allow_host("localhost").layer(bare_client());
    let mut request = ask(&worker.uri("/research/cats"));
    // Nor what the application's own propagation would hand on.
    request.headers_mut().insert("baggage", "a=1,outlay%2eteam=x,outlay.task.id=y".parse().unwrap());
    let response = task.run(client.oneshot(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("outlay-receipt"));
    let headers = seen.lock().unwrap()[0].clone();
    assert_eq!(headers["baggage"], "a=1");
    assert!(!headers.contains_key("traceparent") && !headers.contains_key("te"));
    let totals = task.totals();
    assert_eq!((totals.pending_receipts(), totals.lost_receipts()), (0, 0));
    assert_eq!(totals.cost().status(), CostStatus::Exact);
}

#[tokio::test]
async fn a_request_outside_any_task_goes_out_as_it_is() {
    let worker = Worker::new().await;
    let response = client().oneshot(ask(&worker.uri("/research/cats"))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
    read(response).await;
    // The worker has a task of its own all the same, and it is the root.
    assert!(worker.harness.spans().one("invoke_workflow POST /research/{topic}").has("outlay.task.root"));
}

#[tokio::test]
async fn whom_the_worker_does_not_trust_it_neither_believes_nor_tells() {
    let h = Harness::new().await;
    let worker =
        Worker::with(|layer| layer.trust(|_| false).task_per_request(|outlay, _| Some(outlay.task("research")))).await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(ask(&worker.uri("/research/cats")))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
    let receipts = format!("/outlay/receipts/{}", "01890a5d-ac96-774b-bcce-b302099a8057");
    let asked = bare_client().get(worker.uri(&receipts).parse().unwrap()).await.unwrap();
    assert_eq!(asked.status(), StatusCode::NOT_FOUND);
    // It was allowed to know, and has not said what it spent: that is not nothing.
    let totals = task.totals();
    assert_eq!((totals.lost_receipts(), totals.cost().status()), (1, CostStatus::Unpriced));
    assert_eq!(totals.cost().usd(), None);
    task.finish(Outcome::success());
    let spans = both(&h, &worker);
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.int("outlay.total.lost_receipts"), Some(1));
    assert!(!root.has("outlay.total.usd"));
    let research = spans.named("invoke_workflow research");
    assert!(research.iter().all(|own| own.has("outlay.task.root") && spans.parent(own).is_none()));
}

#[tokio::test]
async fn where_nothing_was_sent_nothing_was_spent_and_where_it_was_nobody_knows() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    // Nobody listens at a port that was free just now.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    task.run(client().oneshot(ask(&format!("http://{free}/")))).await.unwrap_err();
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (0, CostStatus::Exact));

    let worker = Worker::new().await;
    let cancelled = tokio::time::timeout(
        std::time::Duration::from_millis(200),
        task.run(client().oneshot(ask(&worker.uri("/slow")))),
    );
    cancelled.await.unwrap_err();
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (1, CostStatus::Unpriced));
    // The worker's task ends with its request.
    eventually("the worker's task ends", || worker.harness.outlay.open_tasks().is_empty()).await;
    let spans = worker.harness.spans();
    assert_eq!(spans.one("invoke_workflow POST /slow").text("outlay.outcome.kind"), Some("abandoned"));
}

#[tokio::test]
async fn what_the_application_says_of_trace_and_baggage_stays() {
    let h = Harness::with(|builder| builder.propagate(["team"])).await;
    let (worker, seen) = Worker::that_shows(|layer| layer).await;
    let task = h.outlay.task("t").team("support").start();
    let mut request = ask(&worker.uri("/nothing"));
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = request.headers_mut();
    headers.insert("traceparent", traceparent.parse().unwrap());
    headers.append("baggage", "user=ana;secret, outlay.task.id=forged, outlay%2Eteam=forged".parse().unwrap());
    headers.append("baggage", "x=1".parse().unwrap());
    let response = task.run(client().oneshot(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(task.totals().cost().status(), CostStatus::Exact);
    let headers = seen.lock().unwrap()[0].clone();
    assert_eq!(headers["traceparent"], traceparent);
    let baggage = headers["baggage"].to_str().unwrap();
    assert!(baggage.starts_with("outlay.remote.id=") && baggage.ends_with("user=ana;secret,x=1"), "{baggage}");
    assert!(baggage.contains("outlay.team=support") && !baggage.contains("forged"), "{baggage}");
}

#[tokio::test]
async fn a_trace_that_came_in_with_the_task_and_was_copied_gives_way() {
    let (one, seen) = Worker::that_shows(|layer| layer).await;
    let h = Harness::new().await;
    let mut carrier = std::collections::HashMap::new();
    let asked = h.outlay.task("outer").start();
    let work = asked.run_sync(|| outlay::remote("x"));
    work.inject(&mut carrier);
    let here = one.harness.outlay.join(&outlay::Incoming::from_trusted(&carrier).unwrap()).start();
    let mut request = ask(&one.uri("/nothing"));
    request.headers_mut().insert("traceparent", carrier["traceparent"].parse().unwrap());
    let step = here.run(outlay::tool("ask").run(client().oneshot(request))).await;
    assert!(step.is_ok());
    let own = one.harness.spans().one("execute_tool ask").id().to_string();
    let seen = seen.lock().unwrap()[0]["traceparent"].to_str().unwrap().to_owned();
    assert!(seen.contains(&own), "{seen} is not below {own}");
    work.cancel();
}

#[tokio::test]
async fn a_part_of_a_task_is_stopped_by_the_tasks_id() {
    let h = Harness::new().await;
    let worker = Worker::with(|layer| layer).await;
    let task = h.outlay.task("t").start();
    let id: TaskId = task.id();
    let asked = task.run(client().oneshot(ask(&worker.uri("/background")))).await.unwrap();
    read(asked).await;
    assert_eq!(worker.harness.outlay.open_tasks()[0].id, id);
    assert!(worker.harness.outlay.stop(id, "enough"));
    assert!(!worker.harness.outlay.stop("01890a5d-ac96-774b-bcce-b302099a8057".parse::<TaskId>().unwrap(), "x"));
}

#[tokio::test]
async fn many_requests_at_once_add_up() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        let client = client();
        let asked = (0..20).map(|i| {
            let (client, uri) = (client.clone(), worker.uri(if i % 2 == 0 { "/research/x" } else { "/stream" }));
            outlay::tool("research").run(async move { read(client.oneshot(ask(&uri)).await.unwrap()).await })
        });
        futures_util::future::join_all(asked).await;
    })
    .await;
    task.finish(Outcome::success());
    let expected = 10 * (2 * A_CALL + 5_000_000_000) + 10 * 3 * A_CALL;
    assert_eq!(task.totals().cost().usd(), usd(expected));
    both(&h, &worker).assert_conserved();
}

#[tokio::test]
async fn a_worker_that_meters_nothing_says_nothing() {
    let h = Harness::new().await;
    let layer = |layer: outlay::tower::ServerLayer| layer.task_per_request(|outlay, _| Some(outlay.task("x")));
    let disabled = outlay_tests::Harness::disabled().await;
    let worker = Worker::with_harness(disabled, layer).await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(ask(&worker.uri("/research/cats")))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"), "a receipt of nothing would be a lie");
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (1, CostStatus::Unpriced));
    // And one that is disabled itself tells nobody, and waits for nothing.
    let (worker, seen) = Worker::that_shows(|layer| layer).await;
    let off = outlay_tests::Harness::disabled().await;
    let task = off.outlay.task("t").start();
    task.run(client().oneshot(ask(&worker.uri("/nothing")))).await.unwrap();
    assert!(!seen.lock().unwrap()[0].contains_key("baggage"));
    assert_eq!(task.totals().lost_receipts(), 0);
}

#[tokio::test]
async fn layers_that_are_there_twice_count_once() {
    let h = Harness::new().await;
    let worker = Worker::twice().await;
    let task = h.outlay.task("t").start();
    let client = ClientLayer::new().allow_host("127.0.0.1").layer(client());
    read(task.run(client.oneshot(ask(&worker.uri("/research/cats")))).await.unwrap()).await;
    let totals = task.totals();
    assert_eq!((totals.cost().usd(), totals.lost_receipts()), (usd(2 * A_CALL + 5_000_000_000), 0));
    assert_eq!(worker.harness.spans().starting("invoke_workflow").len(), 1);
}

#[tokio::test]
async fn a_gateway_that_hands_a_stream_on_says_what_it_and_the_next_one_cost() {
    let h = Harness::new().await;
    let (gateway, next) = (Worker::new().await, Worker::new().await);
    let uri = gateway.uri(&format!("/gateway/{}", next.authority));
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(ask(&uri))).await.unwrap();
    assert_eq!(read(response).await.1, "part 0\npart 1\npart 2\n");
    assert_eq!((task.totals().cost().usd(), task.totals().lost_receipts()), (usd(3 * A_CALL), 0));
    task.finish(Outcome::success());
    h.spans().and(gateway.harness.spans()).and(next.harness.spans()).assert_conserved();
    // Who is not asked by a task sees no receipt, of the gateway or of the next.
    let response = bare_client().request(ask(&uri)).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
    assert!(body.trailers().is_none_or(|trailers| !trailers.contains_key("outlay-receipt")));
}

#[tokio::test]
async fn a_body_of_a_stated_length_ends_its_task_with_its_last_byte() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(ask(&worker.uri("/long")))).await.unwrap();
    assert_eq!(read(response).await.1, "four");
    assert_eq!(fetch_receipts(&h.outlay, &mut client()).await, 1);
    assert_eq!(task.totals().cost().usd(), usd(A_CALL));
    let span = |worker: &Worker| {
        let spans = worker.harness.spans();
        let outcomes: Vec<_> = spans
            .starting("invoke_workflow")
            .iter()
            .map(|s| s.text("outlay.outcome.kind").unwrap().to_owned())
            .collect();
        outcomes
    };
    assert_eq!(span(&worker), ["success"]);
    // One that has none is done with its head.
    let head = axum::http::Request::head(worker.uri("/long")).body(axum::body::Body::empty()).unwrap();
    let response = task.run(client().oneshot(head)).await.unwrap();
    assert!(response.headers()["outlay-receipt"].to_str().unwrap().contains("\"final\":true"));
    assert_eq!(span(&worker), ["success", "success"]);
    assert_eq!(task.totals().pending_receipts(), 0);
}

#[tokio::test]
async fn a_receipt_that_its_host_has_no_more_is_lost_and_not_asked_for_again() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let request = ask_without_trailers(&worker);
    read(task.run(client().oneshot(request)).await.unwrap()).await;
    let mut nothing_there = tower::service_fn(|_: axum::http::Request<axum::body::Body>| {
        let gone = axum::http::Response::builder().status(410).body(axum::body::Body::empty()).unwrap();
        std::future::ready(Ok::<_, std::convert::Infallible>(gone))
    });
    assert_eq!(fetch_receipts(&h.outlay, &mut nothing_there).await, 0);
    assert!(h.outlay.pending_receipts().is_empty());
    assert_eq!((task.totals().lost_receipts(), task.totals().pending_receipts()), (1, 0));
}

#[tokio::test]
async fn a_password_in_an_address_goes_nowhere() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let service = tower::service_fn(|_: axum::http::Request<axum::body::Body>| {
        let empty = axum::http::Response::new(axum::body::Body::empty());
        std::future::ready(Ok::<_, std::convert::Infallible>(empty))
    });
    let client = ClientLayer::new().allow_host("worker.internal").layer(service);
    task.run(client.oneshot(ask("http://svc:secret@worker.internal:8080/x"))).await.unwrap();
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("worker.internal:8080") && !report.contains("secret"), "{report}");
}

#[tokio::test]
async fn a_closure_that_panics_does_not_reach_the_request() {
    let h = Harness::new().await;
    let worker =
        Worker::with(|layer| layer.task_per_request(|_, _| panic!("no route")).outcome_by(|_| panic!("no outcome")))
            .await;
    let task = h.outlay.task("t").start();
    let response = task.run(client().oneshot(ask(&worker.uri("/research/cats")))).await.unwrap();
    assert_eq!(read(response).await, (StatusCode::OK, "found".to_owned()));
    assert_eq!(task.totals().remote(), Usd::from_picos((2 * A_CALL + 5_000_000_000).into()), "in the caller's task");
    let worker = Worker::with(|layer| layer.trust(|_| panic!("whom?"))).await;
    let response = task.run(client().oneshot(ask(&worker.uri("/nothing")))).await.unwrap();
    assert!(!response.headers().contains_key("outlay-receipt"));
}

#[tokio::test]
async fn an_answer_of_millions_of_lines_is_read_at_once_and_told_of_once() {
    let h = Harness::new().await;
    let worker = Worker::new().await;
    let task = h.outlay.task("t").start();
    let request = ask_without_trailers(&worker);
    read(task.run(client().oneshot(request)).await.unwrap()).await;
    let warnings = Warnings::default();
    let _quiet = tracing::subscriber::set_default(warnings.subscriber());
    for (body, told) in [("\n".repeat(4 << 20), 0), (" \n".repeat(2 << 20), 0), ("x\n".repeat(2 << 20), 2)] {
        warnings.take();
        let mut answer = tower::service_fn(move |_: axum::http::Request<axum::body::Body>| {
            let found = axum::http::Response::new(axum::body::Body::from(body.clone()));
            std::future::ready(Ok::<_, std::convert::Infallible>(found))
        });
        assert_eq!(fetch_receipts(&h.outlay, &mut answer).await, 0);
        assert_eq!(warnings.take(), told);
    }
}
