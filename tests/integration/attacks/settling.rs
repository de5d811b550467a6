//! Scopes and calls that end twice, never, too late or in the wrong order.

use std::time::Duration;

use bedrock_sim::{Operation, Reply, Tokens};
use outlay::{CostStatus, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Streamed, call_spans, eventually};

#[tokio::test]
async fn finishing_twice_ends_one_span_and_moves_no_total() {
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
async fn a_task_that_has_closed_as_a_success_does_not_become_a_waste_of_money_by_a_later_word() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 10)).await;
    let before = task.finish(Outcome::success()).totals().clone();
    // Its span is out: it says that nothing was wasted.
    task.finish(Outcome::failure());
    task.run_sync(|| outlay::fail("too late"));
    assert_eq!(task.totals(), before, "a closed total does not move");
}

#[tokio::test]
async fn a_scope_that_is_failed_after_its_end_does_not_move_its_task_s_total() {
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
async fn a_call_after_the_end_is_late_money_outside_the_sum_and_in_the_metric() {
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
async fn scopes_that_are_opened_after_the_end_keep_their_own_money_together() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let report = task.finish(Outcome::success());
    task.run(outlay::agent("late").run(async {
        h.ask(HAIKU, 1_000, 0).await;
        outlay::tool("inner").run(h.ask(HAIKU, 2_000, 0)).await;
        outlay::charge("search", Usd::from_cents(1));
    }))
    .await;
    assert_eq!(task.totals(), *report.totals(), "outside the task's sum");
    let spans = h.spans();
    // The total of each late scope, too, is the sum below it.
    spans.assert_conserved();
    let all: i64 = spans.iter().filter_map(|s| s.int("outlay.cost.picousd")).sum();
    assert_eq!(all, 3_000 * 1_100_000 + 10_000_000_000);
}

#[tokio::test]
async fn a_task_that_is_dropped_while_it_runs_elsewhere_waits_for_what_is_open() {
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
async fn a_scope_whose_guard_is_forgotten_closes_with_its_task_and_loses_no_money() {
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
    // Nothing was pending: the figure is whole.
    assert_eq!(spans.one("invoke_workflow t").text("outlay.total.status"), Some("exact"));
}

#[tokio::test]
async fn guards_that_are_dropped_in_the_wrong_order_put_money_where_it_was_spent_and_lose_none() {
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
async fn a_stream_that_is_forgotten_is_missing_and_said_to_be() {
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
    assert_eq!(root.int("outlay.total.picousd"), Some(10_000_000_000), "what is known is told");
    assert!(call_spans(&spans).is_empty());
}

#[tokio::test]
async fn a_task_whose_one_call_is_missing_has_no_figure() {
    let h = Harness::with(|b| b.late_limit(Duration::from_millis(40))).await;
    let task = h.outlay.task("t").start();
    std::mem::forget(task.run(Streamed::open(&h.client, Operation::ConverseStream, HAIKU)).await.unwrap());
    task.finish(Outcome::success());
    eventually("the task closes without it", || h.spans().len() == 1).await;
    assert_eq!(task.totals().cost().status(), CostStatus::Unpriced);
    assert_eq!(task.totals().cost().usd(), None, "unknown is never zero");
    assert!(!h.spans().one("invoke_workflow t").has("outlay.total.usd"), "unknown is never zero");
    assert!(!h.spans().one("invoke_workflow t").has("outlay.cost.band"), "unknown is in no band");
}

#[tokio::test]
async fn a_step_that_waits_too_long_does_not_close_its_task() {
    let h = Harness::with(|b| b.late_limit(Duration::from_millis(40))).await;
    let task = h.outlay.task("t").start();
    let stream = task.run(outlay::tool("x").run(Streamed::open(&h.client, Operation::ConverseStream, HAIKU))).await;
    eventually("the step closes", || h.spans().len() == 1).await;
    task.charge("search", Usd::from_cents(1));
    drop(stream);
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!(totals.cost().usd(), Some(Usd::from_cents(1)));
    assert_eq!(totals.cost().status(), CostStatus::Unpriced, "the step's call is missing");
    assert_eq!(totals.pending_calls(), 1);
    let spans = h.spans();
    spans.assert_conserved();
    assert!(call_spans(&spans)[0].has("outlay.late"));
}
