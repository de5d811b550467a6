//! Scopes and calls that end twice, never, late or in the wrong order.

use std::time::Duration;

use bedrock_sim::{Operation, Reply, Tokens};
use outlay::{CostStatus, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Streamed, call_spans, eventually};

#[tokio::test]
async fn finishing_twice_ends_one_span_and_changes_no_total() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 10)).await;
    let first = task.finish(Outcome::success());
    let second = task.finish(Outcome::success());
    assert_eq!(first.totals(), second.totals());
    drop(task);
    assert_eq!(h.spans().len(), 2);
    h.spans().assert_conserved();
}

#[tokio::test]
async fn a_closed_task_ignores_a_later_failure() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 10)).await;
    let before = task.finish(Outcome::success()).totals().clone();
    // The span is already exported with no failed cost.
    task.finish(Outcome::failure());
    task.run_sync(|| outlay::fail("too late"));
    assert_eq!(task.totals(), before, "a closed total does not change");
}

#[tokio::test]
async fn a_failure_after_the_end_of_a_scope_does_not_change_the_task_total() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let late = task.run_sync(|| {
        outlay::agent("a").run_sync(|| {
            outlay::charge("search", Usd::from_cents(1));
            outlay::in_scope(async { outlay::fail("too late") })
        })
    });
    late.await;
    assert_eq!(task.totals().failed_cost(), Usd::ZERO);
    task.finish(Outcome::success());
    let spans = h.spans();
    assert!(!spans.one("invoke_agent a").is_error());
}

#[tokio::test]
async fn a_call_after_its_task_is_late_and_counts_only_in_the_metric() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let report = task.finish(Outcome::success());
    task.run(h.ask(HAIKU, 1_000, 0)).await;
    task.run_sync(|| outlay::charge("search", Usd::from_cents(1)));
    assert_eq!(task.totals(), *report.totals());
    let spans = h.spans();
    spans.assert_conserved();
    let late: Vec<_> = spans.iter().filter(|s| s.has("outlay.late")).collect();
    assert_eq!(late.len(), 2);
    for span in late {
        assert!(spans.parent(span).is_none());
        assert_eq!(span.data().links.iter().count(), 1);
    }
    let metric: f64 = h.metrics().iter().filter(|p| p.name == "outlay.cost").map(|p| p.value).sum();
    assert!((metric - 0.0111).abs() < 1e-12, "{metric}");
}

#[tokio::test]
async fn late_scopes_have_their_own_totals() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let report = task.finish(Outcome::success());
    task.run(outlay::agent("late").run(async {
        h.ask(HAIKU, 1_000, 0).await;
        outlay::tool("inner").run(h.ask(HAIKU, 2_000, 0)).await;
        outlay::charge("search", Usd::from_cents(1));
    }))
    .await;
    assert_eq!(task.totals(), *report.totals(), "outside the task's total");
    let spans = h.spans();
    // The total of each late scope is also the sum below it.
    spans.assert_conserved();
    let all: i64 = spans.iter().filter_map(|s| s.int("outlay.cost.picousd")).sum();
    assert_eq!(all, 3_000 * 1_100_000 + 10_000_000_000);
}

#[tokio::test]
async fn a_task_dropped_while_a_scope_is_open_waits_for_the_scope() {
    let h = Harness::new().await;
    h.sim.push(Reply::message().usage(Tokens::new(1_000, 0)).delay(Duration::from_millis(60)));
    let task = h.outlay.task("t").start();
    let client = h.client.clone();
    let spawned = task.run_sync(|| {
        tokio::spawn(outlay::in_scope(outlay::tool("x").run(async move {
            outlay_tests::haiku(&client).send().await.unwrap();
        })))
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(task);
    assert!(h.spans().is_empty());
    spawned.await.unwrap();
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(1_000 * 1_100_000));
    assert_eq!(spans.one("invoke_workflow t").text("outlay.outcome.kind"), Some("abandoned"));
}

#[tokio::test]
async fn a_scope_with_a_forgotten_guard_closes_with_its_task_and_keeps_its_cost() {
    let h = Harness::with(|b| b.late_limit(Duration::from_millis(40))).await;
    let task = h.outlay.task("t").start();
    let entered = task.enter();
    std::mem::forget(outlay::agent("forgotten").enter());
    outlay::charge("search", Usd::from_cents(1));
    drop(entered);
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().usd(), Some(Usd::from_cents(1)));
    eventually("both spans have ended", || h.spans().len() == 3).await;
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(10_000_000_000));
    // No call was pending, so the total is exact.
    assert_eq!(spans.one("invoke_workflow t").text("outlay.total.status"), Some("exact"));
}

#[tokio::test]
async fn guards_dropped_in_the_wrong_order_lose_no_cost() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let outer = task.enter();
    let a = outlay::agent("a").enter();
    let b = outlay::agent("b").enter();
    drop(a);
    outlay::charge("in b", Usd::from_cents(1));
    drop(b);
    drop(outer);
    assert_eq!(task.finish(Outcome::success()).totals().cost().usd(), Some(Usd::from_cents(1)));
    h.spans().assert_conserved();
    assert!(h.outlay.unattributed().cost().usd().is_none_or(|usd| usd == Usd::ZERO));
}

#[tokio::test]
async fn a_forgotten_stream_is_reported_as_pending() {
    let h = Harness::with(|b| b.late_limit(Duration::from_millis(40))).await;
    h.sim.push(Reply::message().usage(Tokens::new(1_000, 0)));
    let task = h.outlay.task("t").start();
    let stream = task.run(Streamed::open(&h.client, Operation::ConverseStream, HAIKU)).await.unwrap();
    std::mem::forget(stream);
    task.charge("search", Usd::from_cents(1));
    assert_eq!(task.finish(Outcome::success()).totals().pending_calls(), 1);
    eventually("the task closes without it", || h.spans().len() == 2).await;
    let spans = h.spans();
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.int("outlay.total.pending_calls"), Some(1));
    assert_eq!(root.text("outlay.total.status"), Some("unpriced"));
    assert_eq!(root.int("outlay.total.picousd"), Some(10_000_000_000), "the known cost is reported");
    assert!(call_spans(&spans).is_empty());
}

#[tokio::test]
async fn a_task_whose_only_call_is_pending_has_no_cost() {
    let h = Harness::with(|b| b.late_limit(Duration::from_millis(40))).await;
    let task = h.outlay.task("t").start();
    std::mem::forget(task.run(Streamed::open(&h.client, Operation::ConverseStream, HAIKU)).await.unwrap());
    task.finish(Outcome::success());
    eventually("the task closes without it", || h.spans().len() == 1).await;
    assert_eq!(task.totals().cost().status(), CostStatus::Unpriced);
    assert_eq!(task.totals().cost().usd(), None, "an unknown cost is never zero");
    assert!(!h.spans().one("invoke_workflow t").has("outlay.total.usd"), "an unknown cost is never zero");
    assert!(!h.spans().one("invoke_workflow t").has("outlay.cost.band"), "an unknown cost is in no band");
}

#[tokio::test]
async fn a_step_that_reaches_the_late_limit_does_not_close_its_task() {
    let h = Harness::with(|b| b.late_limit(Duration::from_millis(40))).await;
    let task = h.outlay.task("t").start();
    let stream = task.run(outlay::tool("x").run(Streamed::open(&h.client, Operation::ConverseStream, HAIKU))).await;
    eventually("the step closes", || h.spans().len() == 1).await;
    task.charge("search", Usd::from_cents(1));
    drop(stream);
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!(totals.cost().usd(), Some(Usd::from_cents(1)));
    assert_eq!(totals.cost().status(), CostStatus::Unpriced, "the step's call is pending");
    assert_eq!(totals.pending_calls(), 1);
    let spans = h.spans();
    spans.assert_conserved();
    assert!(call_spans(&spans)[0].has("outlay.late"));
}
