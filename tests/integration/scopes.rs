//! Which scope a call belongs to.

use opentelemetry_sdk::trace::Sampler;
use outlay::policy::OutsideTasks;
use outlay::{Outcome, Task};
use outlay_tests::{HAIKU, Harness, Spans, Warnings};
use tracing::Instrument as _;
use tracing::subscriber::with_default;

/// The cost in pico-dollars of a Haiku call: 1,000 input and 100 output tokens at $1.10 and $5.50 per million.
const CALL: i64 = 1_650_000_000;

fn finish(h: &Harness, task: &Task) -> Spans {
    task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    spans
}

/// Returns the step of the only call, from the attributes of its span.
fn step_of_call(spans: &Spans) -> Option<String> {
    spans.one(&format!("chat {HAIKU}")).text("outlay.step.name").map(str::to_owned)
}

#[tokio::test]
async fn a_spawned_future_in_scope_belongs_to_the_scope_that_spawned_it() {
    let h = std::sync::Arc::new(Harness::new().await);
    let task = h.outlay.task("t").start();
    let inner = h.clone();
    task.run(outlay::plan("p").run(async {
        tokio::spawn(outlay::in_scope(async move { inner.ask(HAIKU, 1_000, 100).await })).await.unwrap();
    }))
    .await;
    let spans = finish(&h, &task);
    assert_eq!(step_of_call(&spans).as_deref(), Some("p"));
    assert_eq!(spans.one("plan p").int("outlay.total.picousd"), Some(CALL));
}

#[tokio::test]
async fn a_scope_run_in_a_spawned_task_belongs_to_the_scope_that_created_it() {
    let h = std::sync::Arc::new(Harness::new().await);
    let task = h.outlay.task("t").start();
    let inner = h.clone();
    let handle =
        task.run_sync(|| tokio::spawn(outlay::tool("search").run(async move { inner.ask(HAIKU, 1_000, 100).await })));
    handle.await.unwrap();
    let spans = finish(&h, &task);
    assert_eq!(spans.one("execute_tool search").int("outlay.total.picousd"), Some(CALL));
    assert_eq!(spans.parent(spans.one("execute_tool search")).unwrap().name(), "invoke_workflow t");
}

#[tokio::test]
async fn an_instrumented_spawned_future_belongs_to_the_scope_of_its_span() {
    let h = std::sync::Arc::new(Harness::new().await);
    let _subscriber = tracing::subscriber::set_default(h.subscriber("info"));
    let task = h.outlay.task("t").start();
    let inner = h.clone();
    task.run(outlay::plan("p").run(async {
        let work = async move { inner.ask(HAIKU, 1_000, 100).await };
        tokio::spawn(work.instrument(tracing::info_span!("application"))).await.unwrap();
    }))
    .await;
    let spans = finish(&h, &task);
    assert_eq!(step_of_call(&spans).as_deref(), Some("p"));
    assert_eq!(spans.parent(spans.one(&format!("chat {HAIKU}"))).unwrap().name(), "application");
    assert_eq!(spans.parent(spans.one("application")).unwrap().name(), "plan p");
}

#[tokio::test]
async fn blocking_work_in_the_current_span_belongs_to_the_scope() {
    let h = Harness::new().await;
    let _subscriber = tracing::subscriber::set_default(h.subscriber("info"));
    let task = h.outlay.task("t").start();
    task.run(outlay::tool("parse").run(async {
        let span = tracing::Span::current();
        let work = move || span.in_scope(|| outlay::charge("ocr", outlay::Usd::from_cents(1)));
        tokio::task::spawn_blocking(work).await.unwrap();
    }))
    .await;
    let spans = finish(&h, &task);
    assert_eq!(spans.one("charge ocr").text("outlay.step.name"), Some("parse"));
    assert!(h.outlay.unattributed().by_kind().is_empty());
}

#[tokio::test]
async fn joined_and_selected_branches_keep_their_own_scopes() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        tokio::join!(
            outlay::step("act", "a").run(h.ask(HAIKU, 1_000, 100)),
            outlay::step("verify", "b").run(h.ask(HAIKU, 1_000, 100)),
        );
        tokio::select! {
            biased;
            () = outlay::step("retrieve", "never").run(std::future::pending()) => {}
            () = outlay::step("reflect", "c").run(h.ask(HAIKU, 1_000, 100)) => {}
        }
    })
    .await;
    let spans = finish(&h, &task);
    let root = spans.one("invoke_workflow t");
    for kind in ["act", "verify", "reflect"] {
        assert_eq!(root.double(&format!("outlay.total.kind.{kind}.usd")), Some(0.00165), "{kind}");
    }
    assert_eq!(spans.named("retrieve never").len(), 1, "the span of the cancelled branch has ended");
    assert!(no_current_scope(), "no scope is left on the thread");
}

/// Returns whether a call now would be unattributed.
fn no_current_scope() -> bool {
    outlay_otel::current().is_none()
}

#[tokio::test]
async fn a_span_created_before_the_scope_does_not_detach_the_call() {
    let h = Harness::new().await;
    let _subscriber = tracing::subscriber::set_default(h.subscriber("info"));
    let connection = tracing::info_span!("connection");
    let task = h.outlay.task("t").start();
    task.run(outlay::plan("p").run(h.ask(HAIKU, 1_000, 100).instrument(connection.clone()))).await;
    drop(connection);
    let spans = finish(&h, &task);
    assert_eq!(step_of_call(&spans).as_deref(), Some("p"));
    assert_eq!(spans.parent(spans.one(&format!("chat {HAIKU}"))).unwrap().name(), "plan p");
}

#[tokio::test]
async fn a_root_span_does_not_detach_the_call_from_its_scope() {
    let h = Harness::new().await;
    let _subscriber = tracing::subscriber::set_default(h.subscriber("info"));
    let task = h.outlay.task("t").start();
    task.run(outlay::plan("p").run(async {
        h.ask(HAIKU, 1_000, 100).instrument(tracing::info_span!(parent: None, "actor")).await;
    }))
    .await;
    let spans = finish(&h, &task);
    assert_eq!(step_of_call(&spans).as_deref(), Some("p"));
}

#[tokio::test]
async fn the_exported_tree_is_complete_under_any_filter() {
    for filter in ["off", "error", "info", "outlay=off,info", "trace"] {
        let h = Harness::new().await;
        let _subscriber = tracing::subscriber::set_default(h.subscriber(filter));
        let task = h.outlay.task("t").start();
        task.run(outlay::agent("a").run(outlay::plan("p").run(h.ask(HAIKU, 1_000, 100)))).await;
        let spans = finish(&h, &task);
        let mut names: Vec<_> = spans.names();
        names.retain(|name| ["invoke_", "plan ", "chat "].iter().any(|prefix| name.starts_with(prefix)));
        assert_eq!(
            names,
            [&format!("chat {HAIKU}"), "plan p", "invoke_agent a", "invoke_workflow t"],
            "under the filter `{filter}`"
        );
        let chat = spans.one(&format!("chat {HAIKU}"));
        let plan = spans.one("plan p");
        assert!(spans.below(plan).iter().any(|span| span.id() == chat.id()), "under `{filter}`");
        assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(CALL), "under `{filter}`");
        assert_eq!(h.outlay.unattributed().calls(), 0, "under `{filter}`");
    }
}

#[tokio::test]
async fn without_a_subscriber_the_tree_is_exported_directly() {
    let h = Harness::new().await;
    let none = tracing::subscriber::NoSubscriber::default();
    let _subscriber = tracing::subscriber::set_default(none);
    let task = h.outlay.task("t").start();
    task.run(outlay::agent("a").run(h.ask(HAIKU, 1_000, 100))).await;
    let spans = finish(&h, &task);
    assert_eq!(spans.names(), [&format!("chat {HAIKU}"), "invoke_agent a", "invoke_workflow t"]);
}

#[tokio::test]
async fn a_subscriber_without_an_opentelemetry_layer_does_not_change_the_tree() {
    let h = Harness::new().await;
    let _subscriber = tracing::subscriber::set_default(tracing_subscriber::registry());
    let task = h.outlay.task("t").start();
    task.run(outlay::agent("a").run(h.ask(HAIKU, 1_000, 100))).await;
    let spans = finish(&h, &task);
    assert_eq!(spans.names(), [&format!("chat {HAIKU}"), "invoke_agent a", "invoke_workflow t"]);
}

#[tokio::test]
async fn calls_without_a_sampled_span_are_counted() {
    let h = Harness::sampled(Sampler::AlwaysOff).await;
    let task = h.outlay.task("t").start();
    task.run(outlay::plan("p").run(h.ask(HAIKU, 1_000, 100))).await;
    let report = task.finish(Outcome::success());
    assert!(h.spans().is_empty());
    assert_eq!(report.totals().cost().to_string(), "$0.001650 exact");
    let cost: f64 = h.metrics().iter().filter(|m| m.name == "outlay.cost").map(|m| m.value).sum();
    assert!((cost - 0.00165).abs() < 1e-15, "{cost}");
}

#[tokio::test]
async fn a_call_outside_any_task_is_priced_and_marked_unattributed() {
    let h = Harness::new().await;
    h.ask(HAIKU, 1_000, 100).await;
    assert_eq!(h.outlay.unattributed().cost().to_string(), "$0.001650 exact");
    let spans = h.spans();
    let call = spans.one(&format!("chat {HAIKU}"));
    assert_eq!(call.text("outlay.task.name"), Some("unattributed"));
    assert_eq!(call.int("outlay.cost.picousd"), Some(CALL));
}

#[tokio::test]
async fn a_task_inside_a_task_is_part_of_the_outer_one() {
    let h = Harness::new().await;
    let outer = h.outlay.task("outer").team("support").start();
    outer
        .run(async {
            let inner = h.outlay.task("inner").start();
            inner.run(h.ask(HAIKU, 1_000, 100)).await;
            inner.finish(Outcome::success());
            h.ask(HAIKU, 1_000, 100).await;
        })
        .await;
    let spans = finish(&h, &outer);
    let inner = spans.one("invoke_workflow inner");
    let outer = spans.one("invoke_workflow outer");
    assert_eq!(inner.int("outlay.total.picousd"), Some(CALL));
    assert_eq!(outer.int("outlay.total.picousd"), Some(2 * CALL));
    assert_eq!(inner.text("outlay.team"), Some("support"), "dimensions are inherited");
    assert!(!inner.has("outlay.task.root") && outer.has("outlay.task.root"));
}

#[tokio::test]
async fn a_call_counts_in_the_outlay_of_its_scope_not_of_its_client() {
    let scope_owner = Harness::new().await;
    let client_owner = Harness::new().await;
    let task = scope_owner.outlay.task("t").start();
    task.run(client_owner.ask(HAIKU, 1_000, 100)).await;
    task.finish(Outcome::success());
    assert_eq!(scope_owner.spans().one("invoke_workflow t").int("outlay.total.picousd"), Some(CALL));
    assert!(client_owner.spans().is_empty());
    assert_eq!(client_owner.outlay.unattributed().calls(), 0);
}

#[tokio::test]
async fn a_guard_enters_its_scope_on_its_thread() {
    let h = Harness::new().await;
    let subscriber = h.subscriber("info");
    let task = h.outlay.task("t").start();
    with_default(subscriber, || {
        let _task = task.enter();
        let step = outlay::step("critique", "custom kind").enter();
        outlay::charge("judge", outlay::Usd::from_cents(2));
        step.fail("not good enough");
        drop(step);
        outlay::charge("disk", outlay::Usd::from_cents(1));
    });
    let spans = finish(&h, &task);
    let step = spans.one("critique custom kind");
    assert!(step.is_error());
    assert_eq!(step.double("outlay.total.failed_usd"), Some(0.02));
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.double("outlay.total.kind.other.usd"), Some(0.02));
    assert_eq!(root.double("outlay.total.kind.direct.usd"), Some(0.01));
    assert_eq!(root.text("outlay.total.kinds"), Some(r#"{"critique":0.02}"#));
    assert_eq!(root.double("outlay.total.failed_usd"), Some(0.02));
    assert!(!root.is_error());
}

#[tokio::test]
async fn each_model_without_a_price_gives_one_warning() {
    let h = Harness::with(|builder| builder.outside_tasks(OutsideTasks::Allow)).await;
    let warnings = Warnings::default();
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    for _ in 0..3 {
        h.ask("vendor.first-unknown-v1:0", 1, 1).await;
        h.ask("vendor.second-unknown-v1:0", 1, 1).await;
    }
    assert_eq!(warnings.count_with("first-unknown"), 1);
    assert_eq!(warnings.count_with("second-unknown"), 1);
}

#[tokio::test]
async fn guards_dropped_in_any_order_leave_no_current_scope() {
    let h = Harness::new().await;
    let (a, b) = (h.outlay.task("a").start(), h.outlay.task("b").start());
    let (guard_a, guard_b) = (a.enter(), b.enter());
    drop(guard_a);
    assert_eq!(outlay_otel::current().map(|scope| scope.in_ledger().task_id()), Some(b.id()));
    drop(guard_b);
    assert!(no_current_scope());
}

#[tokio::test]
async fn a_span_created_in_another_task_does_not_detach_the_call() {
    let h = Harness::new().await;
    let _subscriber = tracing::subscriber::set_default(h.subscriber("info"));
    let (a, b) = (h.outlay.task("a").start(), h.outlay.task("b").start());
    let connection = a.run_sync(|| tracing::info_span!("connection"));
    b.run(outlay::plan("p").run(h.ask(HAIKU, 1_000, 100).instrument(connection))).await;
    assert_eq!(b.totals().calls(), 1);
    assert_eq!(a.totals().calls(), 0);
}
