//! Late receipts, and the data that is kept for them.

use std::collections::HashMap;
use std::time::Duration;

use outlay::propagation::{Incoming, ReceiveError, Received};
use outlay::{CostStatus, Outcome, Usd};
use outlay_tests::{Harness, eventually};

#[tokio::test]
async fn a_receipt_after_the_task_has_closed_has_its_own_span() {
    let h = Harness::with(|builder| builder.late_limit(Duration::from_millis(20))).await;
    let worker = Harness::new().await;
    let task = h.outlay.task("t").team("support").start();
    let mut message = HashMap::new();
    let work = task.run_sync(|| outlay::remote("queue"));
    work.inject(&mut message);
    work.wait();
    task.finish(Outcome::success());
    eventually("the task closes", || h.spans().len() == 1).await;
    let spans = h.spans();
    let root = spans.one("invoke_workflow t");
    assert_eq!(
        (root.text("outlay.total.status"), root.int("outlay.total.pending_receipts")),
        (Some("unpriced"), Some(1))
    );
    assert!(!root.has("outlay.total.usd"));

    let part = worker.outlay.join(&Incoming::from_trusted(&message).unwrap()).start();
    part.charge("x", Usd::from_cents(1));
    part.finish(Outcome::success());
    let receipt = part.receipt().to_string();
    assert_eq!(h.outlay.receive_receipt(&receipt), Ok(Received::Late));
    assert_eq!(h.outlay.receive_receipt(&receipt), Ok(Received::Again));
    assert_eq!(task.totals().cost().status(), CostStatus::Unpriced);
    let spans = h.spans();
    let late = spans.one("receipt queue");
    assert_eq!(late.double("outlay.total.remote_usd"), Some(0.01));
    assert_eq!(late.text("outlay.team"), Some("support"));
    assert_eq!(late.data().links.links[0].span_context.span_id(), spans.one("invoke_workflow t").id());
    assert!(!late.has("outlay.cost.picousd"), "the worker's span has the cost");
    assert!(late.value("outlay.late").is_some());
}

#[tokio::test]
async fn cancelled_remote_work_does_not_delay_the_close_of_its_task() {
    let h = Harness::new().await;
    for _ in 0..100 {
        let task = h.outlay.task("t").start();
        let works: Vec<_> = task.run_sync(|| (0..10).map(|_| outlay::remote("queue")).collect());
        for work in works {
            work.cancel();
        }
        task.finish(Outcome::success());
    }
    let spans = h.spans();
    assert_eq!(spans.len(), 100, "no task waits");
    assert!(spans.iter().all(|span| span.text("outlay.total.status") == Some("exact")));
}

#[tokio::test]
async fn an_unexpected_receipt_is_not_counted() {
    let (h, other) = (Harness::new().await, Harness::new().await);
    let task = other.outlay.task("t").start();
    let mut message = HashMap::new();
    let work = task.run_sync(|| outlay::remote("queue"));
    work.inject(&mut message);
    let part = h.outlay.join(&Incoming::from_trusted(&message).unwrap()).start();
    part.finish(Outcome::success());
    let receipt = part.receipt().to_string();
    assert_eq!(h.outlay.receive_receipt(&receipt), Err(ReceiveError::Unknown(work.id().unwrap())));
    // A handle rejects the receipt of other work.
    let another = task.run_sync(|| outlay::remote("queue"));
    assert_eq!(another.receive(&receipt), Err(ReceiveError::Unknown(work.id().unwrap())));
    assert_eq!(work.receive(&receipt), Ok(Received::Joined));
}
