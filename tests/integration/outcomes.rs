//! The outcomes of tasks, set in time or late, and the cost wasted.

use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, MetricPoint};

/// The cost of 1,000 input and 100 output tokens, in dollars.
const CALL: f64 = 0.00165;

/// Returns the sum of the points of a metric with this outcome.
fn sum(metrics: &[MetricPoint], name: &str, outcome: &str) -> f64 {
    let of_outcome = |point: &&MetricPoint| point.attribute("outlay.outcome.kind") == Some(outcome);
    metrics.iter().filter(|point| point.name == name).filter(of_outcome).map(|point| point.value).sum()
}

#[tokio::test]
async fn an_outcome_can_be_revised_after_the_task_has_closed() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").team("a").workflow("w").conversation("c-1").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    let id = task.id();
    task.finish(Outcome::success().value(Usd::from_dollars(2)));
    drop(task);
    let root = h.spans().one("invoke_workflow t").data().span_context.span_id();

    for outcome in [Outcome::failure(), Outcome::failure(), Outcome::success().value(Usd::from_dollars(3))] {
        assert!(h.outlay.set_outcome(id, outcome));
    }
    let spans = h.spans();
    spans.assert_conserved();
    let revisions: Vec<_> = spans
        .named("outcome t")
        .into_iter()
        .map(|span| (span.text("outlay.outcome.kind").unwrap(), span.text("outlay.outcome.from").unwrap()))
        .collect();
    assert_eq!(revisions, [("failure", "success"), ("success", "failure")], "a repeated outcome adds no span");
    let last = spans.named("outcome t")[1];
    assert_eq!(last.double("outlay.outcome.value_usd"), Some(3.0));
    assert_eq!(last.text("gen_ai.conversation.id"), Some("c-1"));
    assert_eq!((last.text("outlay.team"), last.value("outlay.late")), (Some("a"), Some(&true.into())));
    assert_eq!(last.data().links.iter().map(|link| link.span_context.span_id()).collect::<Vec<_>>(), [root]);

    let metrics = h.metrics();
    assert_eq!(sum(&metrics, "outlay.tasks", "success"), 1.0);
    let revised = |to: &str| sum(&metrics, "outlay.outcomes.revised", to);
    assert_eq!((revised("failure"), revised("success")), (1.0, 1.0));
    // The current value of successes: the reported value minus the withdrawn value.
    let net_value =
        sum(&metrics, "outlay.outcome.value", "success") - sum(&metrics, "outlay.outcome.withdrawn_value", "success");
    assert_eq!(net_value, 3.0);
}

#[tokio::test]
async fn an_outcome_can_be_set_by_id_for_an_open_task_but_not_for_an_unknown_one() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    assert!(h.outlay.set_outcome(task.id(), Outcome::success()));
    let id = task.id();
    drop(task);
    assert_eq!(h.spans().one("invoke_workflow t").text("outlay.outcome.kind"), Some("success"));
    let other = Harness::new().await;
    assert!(!other.outlay.set_outcome(id, Outcome::failure()), "the task belongs to another `Outlay`");
    assert!(other.spans().named("outcome t").is_empty());
}

#[tokio::test]
async fn wasted_cost_is_counted_by_outcome() {
    let h = Harness::new().await;
    for outcome in [Outcome::success(), Outcome::failure(), Outcome::abandoned()] {
        let task = h.outlay.task("t").start();
        task.run(async {
            h.ask(HAIKU, 1_000, 100).await;
            let failed = outlay::step("act", "draft").try_run(async {
                h.ask(HAIKU, 1_000, 100).await;
                Err::<(), _>("no good")
            });
            let _ = failed.await;
            // The totals of a task include those of inner tasks.
            let inner = h.outlay.task("inner").start();
            inner.run(h.ask(HAIKU, 1_000, 100)).await;
            inner.finish(Outcome::success());
        })
        .await;
        task.finish(outcome);
    }
    let metrics = h.metrics();
    let wasted = |outcome: &str| (sum(&metrics, "outlay.wasted.cost", outcome) / CALL).round();
    assert_eq!((wasted("success"), wasted("failure"), wasted("abandoned")), (1.0, 3.0, 3.0));
    assert!(metrics.iter().all(|p| p.name != "outlay.wasted.cost" || p.attribute("outlay.task.name") == Some("t")));
}
