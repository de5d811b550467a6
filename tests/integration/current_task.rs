//! The task of the calling code, found anywhere inside it.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use outlay::tower::ServerLayer;
use outlay::{CurrentTask, Outcome, Usd, current_task};
use outlay_tests::{HAIKU, Harness};
use tower::ServiceExt as _;

#[tokio::test]
async fn it_is_the_innermost_task_in_any_scope() {
    let h = Harness::new().await;
    assert_eq!(current_task(), None);
    let outer = h.outlay.task("outer").team("support").dimension("tenant", "acme").start();
    let seen = outer.run(outlay::agent("triage").run(outlay::tool("search").run(async {
        h.ask(HAIKU, 1_000, 100).await;
        let inner = h.outlay.task("inner").start();
        let inner_id = inner.run(async { current_task().unwrap().id() }).await;
        assert_eq!(inner_id, inner.id());
        tokio::spawn(outlay::in_scope(async { current_task().unwrap() })).await.unwrap()
    })));
    let seen = seen.await;
    assert_eq!((seen.id(), seen.name()), (outer.id(), "outer"));
    assert_eq!(seen.totals(), outer.totals());
    assert_eq!(seen.dimensions().named("team").map(|value| &**value), Some("support"));
    assert_eq!(seen.dimensions().named("tenant").map(|value| &**value), Some("acme"));
    // A call outside any task is in no task, although it is counted.
    assert_eq!(outlay::agent("lonely").run(async { current_task() }).await, None);
    // It may outlive the task, which it does not keep open.
    outer.finish(Outcome::success());
    seen.fail("too late");
    assert_eq!(h.spans().one("invoke_workflow outer").text("outlay.outcome.kind"), Some("success"));
}

#[tokio::test]
async fn a_task_marked_as_failed_is_a_failure_unless_it_is_finished_otherwise() {
    let h = Harness::new().await;
    for (name, finish) in [("dropped", false), ("finished", true)] {
        let task = h.outlay.task(name).start();
        let result = task.try_run(async {
            outlay::charge("serp-api", Usd::from_cents(1));
            current_task().unwrap().fail("no answer was found");
            Ok::<_, std::io::Error>(())
        });
        result.await.unwrap();
        if finish {
            task.finish(Outcome::success());
        }
    }
    let spans = h.spans();
    assert_eq!(spans.one("invoke_workflow dropped").text("outlay.outcome.kind"), Some("failure"));
    assert_eq!(spans.one("invoke_workflow finished").text("outlay.outcome.kind"), Some("success"));
}

/// Answers with the id of the task that the handler found, and fails it if the path says so.
fn app(h: &Harness) -> Router {
    let layer = ServerLayer::new(&h.outlay).task_per_request(|outlay, request| {
        let name = request.uri.path().strip_prefix("/task/")?;
        Some(outlay.task(name))
    });
    let answer = |task: CurrentTask| async move {
        outlay::charge("serp-api", Usd::from_cents(1));
        assert_eq!(current_task().as_ref(), Some(&task));
        task.id().to_string()
    };
    let fails = |Extension(task): Extension<CurrentTask>| async move {
        task.fail("no answer was found");
        "nothing"
    };
    let fails_in_the_body = |_: CurrentTask| async {
        let chunks = stream::iter([0]).map(|_| {
            current_task().unwrap().fail("the stream broke");
            Ok::<_, std::io::Error>("chunk")
        });
        Body::from_stream(chunks)
    };
    let optional = |task: Option<CurrentTask>| async move { task.is_some().to_string() };
    Router::new()
        .route("/task/answer", get(answer))
        .route("/task/fails", get(fails))
        .route("/task/fails-in-the-body", get(fails_in_the_body))
        .route("/task/optional", get(optional))
        .route("/health", get(optional))
        .route("/forgotten", get(answer))
        .layer(layer)
}

async fn get_text(app: &Router, path: &str) -> (StatusCode, String) {
    let response = app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_handler_of_axum_takes_the_task_of_its_request() {
    let h = Harness::new().await;
    let app = app(&h);
    let (_, id) = get_text(&app, "/task/answer").await;
    for (path, expected) in [("/task/optional", "true"), ("/health", "false")] {
        assert_eq!(get_text(&app, path).await, (StatusCode::OK, expected.to_owned()), "{path}");
    }
    let (status, text) = get_text(&app, "/forgotten").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.contains("task_per_request"), "{text}");
    let spans = h.spans();
    let task = spans.one("invoke_workflow answer");
    assert_eq!(task.text("outlay.task.id"), Some(&*id));
    assert_eq!(task.double("outlay.total.usd"), Some(0.01));
}

#[tokio::test]
async fn a_request_whose_task_failed_is_a_failure_whatever_its_status() {
    let h = Harness::new().await;
    let app = app(&h);
    for path in ["/task/fails", "/task/fails-in-the-body"] {
        assert_eq!(get_text(&app, path).await.0, StatusCode::OK);
    }
    let spans = h.spans();
    for name in ["invoke_workflow fails", "invoke_workflow fails-in-the-body"] {
        assert_eq!(spans.one(name).text("outlay.outcome.kind"), Some("failure"), "{name}");
    }
}
