//! When the span of a scope ends, and where later costs are counted.

use std::time::Duration;

use bedrock_sim::{Reply, Tokens};
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, haiku};

#[tokio::test]
async fn finish_returns_at_once_and_the_span_ends_after_the_open_call() {
    let h = Harness::new().await;
    let slow = Reply::message().text("ok").usage(Tokens::new(1_000, 100)).delay(Duration::from_millis(50));
    h.sim.push(slow);
    let task = h.outlay.task("t").start();
    let mut call = Box::pin(task.run(outlay::plan("p").run(haiku(&h.client).send())));
    let first = tokio::time::timeout(Duration::from_millis(10), &mut call).await;
    assert!(first.is_err(), "the call is open");

    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().pending_calls(), 1);
    assert_eq!(report.totals().calls(), 0);
    assert!(h.spans().named("invoke_workflow t").is_empty(), "the span is open");

    call.await.unwrap();
    let spans = h.spans();
    spans.assert_conserved();
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.int("outlay.total.picousd"), Some(1_650_000_000));
    assert!(!root.has("outlay.total.pending_calls"));
}

#[tokio::test]
async fn a_task_ends_at_the_late_limit_and_a_later_call_has_its_own_late_span() {
    let h = Harness::with(|b| b.late_limit(Duration::from_millis(20))).await;
    let slow = Reply::message().text("ok").usage(Tokens::new(1_000, 100)).delay(Duration::from_millis(400));
    h.sim.push(slow);
    let task = h.outlay.task("t").start();
    let mut call = Box::pin(task.run(outlay::plan("p").run(haiku(&h.client).send())));
    assert!(tokio::time::timeout(Duration::from_millis(10), &mut call).await.is_err());
    task.charge("search", Usd::from_cents(1));
    task.finish(Outcome::success());
    for _ in 0..100 {
        if !h.spans().named("invoke_workflow t").is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.await.unwrap();

    let spans = h.spans();
    spans.assert_conserved();
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.int("outlay.total.picousd"), Some(10_000_000_000), "only the charge");
    assert_eq!(root.int("outlay.total.pending_calls"), Some(1));
    assert_eq!(root.text("outlay.total.status"), Some("unpriced"), "a part of the cost is unknown");
    let late = spans.one(&format!("chat {HAIKU}"));
    assert_eq!(late.value("outlay.late"), Some(&true.into()));
    assert_eq!(late.int("outlay.cost.picousd"), Some(1_650_000_000));
    assert!(spans.parent(late).is_none(), "a late span has no parent");
    let link = late.data().links.iter().next().expect("a late span is linked to its task");
    assert_eq!(link.span_context.trace_id(), root.data().span_context.trace_id());
}

#[tokio::test]
#[allow(clippy::async_yields_async, reason = "the step must end before its future is polled")]
async fn a_call_of_an_ended_step_counts_in_the_open_task() {
    let h = std::sync::Arc::new(Harness::new().await);
    let _subscriber = tracing::subscriber::set_default(h.subscriber("info"));
    let task = h.outlay.task("t").start();
    let (start, started) = tokio::sync::oneshot::channel();
    let inner = h.clone();
    let later = task
        .run(outlay::plan("p").run(async move {
            outlay::in_scope(async move {
                started.await.unwrap();
                inner.ask(HAIKU, 1_000, 100).await;
            })
        }))
        .await;
    let handle = tokio::spawn(later);
    assert_eq!(h.spans().named("plan p").len(), 1, "the step has ended");
    start.send(()).unwrap();
    handle.await.unwrap();
    task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.one("plan p").int("outlay.total.picousd"), Some(0));
    assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(1_650_000_000));
}

#[tokio::test]
async fn a_call_after_its_task_has_ended_is_late() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let later = task.run_sync(|| outlay::in_scope(h.ask(HAIKU, 1_000, 100)));
    let scoped = task.run_sync(|| outlay::agent("straggler").run(h.ask(HAIKU, 1_000, 100)));
    task.finish(Outcome::success());
    later.await;
    scoped.await;
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(0));
    assert_eq!(spans.named(&format!("chat {HAIKU}")).len(), 2);
    let straggler = spans.one("invoke_agent straggler");
    assert_eq!(straggler.value("outlay.late"), Some(&true.into()));
    assert!(spans.parent(straggler).is_none());
    assert_eq!(straggler.int("outlay.total.picousd"), Some(1_650_000_000));
    let cost: f64 = h.metrics().iter().filter(|m| m.name == "outlay.cost").map(|m| m.value).sum();
    assert!((cost - 0.0033).abs() < 1e-12, "late costs are in the metric: {cost}");
}

#[tokio::test]
async fn a_dropped_task_takes_the_outcome_of_its_last_run() {
    let h = Harness::new().await;
    let outcome =
        |name: &str| h.spans().one(&format!("invoke_workflow {name}")).text("outlay.outcome.kind").unwrap().to_owned();
    drop(h.outlay.task("no-run").start());
    assert_eq!(outcome("no-run"), "abandoned");

    let task = h.outlay.task("good").start();
    task.try_run(async { Err::<(), ()>(()) }).await.unwrap_err();
    task.try_run(async { Ok::<(), ()>(()) }).await.unwrap();
    drop(task);
    assert_eq!(outcome("good"), "success");

    let task = h.outlay.task("bad").start();
    task.try_run(async { Err::<(), ()>(()) }).await.unwrap_err();
    drop(task);
    assert_eq!(outcome("bad"), "failure");
    assert!(h.spans().one("invoke_workflow bad").is_error());
}

#[tokio::test]
async fn a_failed_step_marks_its_cost_as_failed_and_leaves_the_task_successful() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.try_run(async {
        let first = outlay::step("act", "draft").try_run(async {
            h.ask(HAIKU, 1_000, 100).await;
            Err::<(), &str>("no good")
        });
        assert_eq!(first.await, Err("no good"));
        outlay::retry(2)
            .try_run(async {
                outlay::step("act", "draft").run(h.ask(HAIKU, 1_000, 100)).await;
                Ok::<(), &str>(())
            })
            .await
    })
    .await
    .unwrap();
    let report = task.finish(Outcome::success().value(Usd::from_dollars(2)));
    assert_eq!(report.totals().failed_calls(), 1);
    assert_eq!(report.totals().failed_cost(), Usd::from_micros(1_650));
    let spans = h.spans();
    spans.assert_conserved();
    let root = spans.one("invoke_workflow t");
    assert!(!root.is_error());
    assert_eq!(root.double("outlay.total.failed_usd"), Some(0.00165));
    assert_eq!(root.double("outlay.total.kind.retry.usd"), Some(0.00165), "a step inside a retry counts as retry");
    assert_eq!(root.double("outlay.total.kind.act.usd"), Some(0.00165));
    assert_eq!(root.double("outlay.outcome.value_usd"), Some(2.0));
    let failed = spans.named("act draft").into_iter().filter(|s| s.is_error()).count();
    assert_eq!(failed, 1);
}
