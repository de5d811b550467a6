//! Propagation through any carrier, such as a queue message.

use std::collections::HashMap;

use opentelemetry::baggage::{BaggageExt as _, KeyValueMetadata};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use outlay::propagation::{ExtractError, Incoming, ReceiveError, Received};
use outlay::{CostStatus, Outcome, Usd};
use outlay_tests::{HAIKU, Harness};

use super::with_remote_work;

#[tokio::test]
async fn a_message_carries_the_caller_and_the_answer_carries_the_cost() {
    let (h, worker) = (Harness::with(|builder| builder.propagate(["cost_center"])).await, Harness::new().await);
    let task = h.outlay.task("resolve-ticket").cost_center("cc-1").conversation("c-1").start();
    let mut message = HashMap::new();
    let work = task.run_sync(|| {
        outlay::agent("triage").run_sync(|| outlay::tool("ask").run_sync(|| outlay::remote("research-queue")))
    });
    work.inject(&mut message);

    let incoming = Incoming::from_trusted(&message).unwrap();
    assert_eq!(incoming.caller().task_id(), task.id());
    assert_eq!(&**incoming.caller().task_name(), "resolve-ticket");
    assert_eq!(&*incoming.caller().agent_in_scope().unwrap().1, "triage");
    assert!(incoming.caller().step_id().is_some());
    assert_eq!(incoming.caller().remote_id(), work.id());
    let research = worker.outlay.task("research").asked_by(&incoming).start();
    research.run(worker.ask(HAIKU, 1_000, 100)).await;
    assert!(!research.receipt().is_final());
    assert_eq!(work.receive(&research.receipt().to_string()), Ok(Received::Pending));
    research.finish(Outcome::success());
    let receipt = research.receipt().to_string();

    // The handle is gone when the answer arrives.
    work.wait();
    assert_eq!(task.totals().pending_receipts(), 1);
    assert_eq!(h.outlay.receive_receipt(&receipt), Ok(Received::Joined));
    assert_eq!(h.outlay.receive_receipt(&receipt), Ok(Received::Again));
    task.finish(Outcome::success());
    assert_eq!(h.outlay.receive_receipt(&receipt), Ok(Received::Again), "even after the task has closed");
    let spans = h.spans().and(worker.spans());
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_workflow resolve-ticket").int("outlay.total.picousd"), Some(1_650_000_000));
    assert_eq!(
        spans.one("execute_tool ask").int("outlay.total.picousd"),
        Some(1_650_000_000),
        "the step has waited for the receipt"
    );
    let research = spans.one("invoke_workflow research");
    assert_eq!(spans.parent(research).unwrap().name(), "execute_tool ask");
    assert_eq!(research.text("outlay.cost_center"), Some("cc-1"));
}

#[tokio::test]
async fn each_run_of_a_message_delivered_twice_is_counted_once() {
    let (h, worker) = (Harness::new().await, Harness::new().await);
    let (task, work, message) = with_remote_work(&h);
    let incoming = Incoming::from_trusted(&message).unwrap();
    for _ in 0..2 {
        let run = worker.outlay.task("work").asked_by(&incoming).start();
        run.charge("x", Usd::from_cents(1));
        run.finish(Outcome::success());
    }
    let receipts = worker.outlay.receipts(work.id().unwrap());
    assert_eq!(receipts.len(), 2);
    for receipt in receipts.iter().chain(&receipts) {
        h.outlay.receive_receipt(&receipt.to_string()).unwrap();
    }
    assert_eq!(task.totals().cost().usd(), Some(Usd::from_cents(2)));
}

#[tokio::test]
async fn a_joined_task_has_no_span_and_no_outcome() {
    let (h, worker) = (Harness::new().await, Harness::new().await);
    let task = h.outlay.task("t").start();
    let mut message = HashMap::new();
    let work = task.run_sync(|| outlay::agent("a").run_sync(|| outlay::remote("queue")));
    work.inject(&mut message);
    let part = worker.outlay.join(&Incoming::from_trusted(&message).unwrap()).start();
    assert_eq!(part.id(), task.id());
    part.run(worker.ask(HAIKU, 1_000, 100)).await;
    part.finish(Outcome::failure());
    assert_eq!(work.receive(&part.receipt().to_string()), Ok(Received::Joined));
    task.finish(Outcome::success());
    let spans = worker.spans();
    assert_eq!(spans.len(), 1);
    let call = spans.one(&format!("chat {HAIKU}"));
    assert_eq!(call.text("outlay.agent.name"), Some("a"), "the call is in the caller's agent");
    assert_eq!(h.spans().one("invoke_workflow t").text("outlay.outcome.kind"), Some("success"));
    // A part of a task cannot set the outcome of the task.
    assert!(!worker.outlay.set_outcome(task.id(), Outcome::failure()));
}

#[tokio::test]
async fn remote_work_can_ask_for_further_remote_work() {
    let (a, b, c) = (Harness::new().await, Harness::new().await, Harness::new().await);
    let task = a.outlay.task("a").start();
    let (mut to_b, mut to_c) = (HashMap::new(), HashMap::new());
    let work_in_b = task.run_sync(|| outlay::remote("b"));
    work_in_b.inject(&mut to_b);
    let task_b = b.outlay.task("b").asked_by(&Incoming::from_trusted(&to_b).unwrap()).start();
    task_b.charge("x", Usd::from_cents(1));
    let work_in_c = task_b.run_sync(|| outlay::remote("c"));
    work_in_c.inject(&mut to_c);
    let task_c = c.outlay.task("c").asked_by(&Incoming::from_trusted(&to_c).unwrap()).start();
    task_c.charge("y", Usd::from_cents(2));
    task_c.finish(Outcome::success());
    work_in_c.receive(&task_c.receipt().to_string()).unwrap();
    task_b.finish(Outcome::success());
    work_in_b.receive(&task_b.receipt().to_string()).unwrap();
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().usd(), Some(Usd::from_cents(3)));
    assert_eq!(report.totals().remote(), Usd::from_cents(3));
    let spans = a.spans().and(b.spans()).and(c.spans());
    spans.assert_conserved();
    assert_eq!(spans.below(spans.one("invoke_workflow a")).len(), 4);
}

#[tokio::test]
async fn the_baggage_of_the_application_is_propagated() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let member = KeyValueMetadata::new("user", "ana b", "m");
    let _attached = Context::current().with_baggage([member]).attach();
    let mut message = HashMap::new();
    let work = task.run_sync(|| outlay::remote("queue"));
    work.inject(&mut message);
    work.cancel();
    assert!(message["baggage"].ends_with(",user=ana%20b;m"), "{}", message["baggage"]);
    let _ = KeyValue::new("x", 1);
    assert!(message["traceparent"].contains(&task_trace(&h, task).to_string()));
}

fn task_trace(h: &Harness, task: outlay::Task) -> opentelemetry::TraceId {
    task.finish(Outcome::success());
    let _ = Context::new().span();
    h.spans().one("invoke_workflow t").data().span_context.trace_id()
}

#[tokio::test]
async fn outside_any_task_nothing_is_propagated_or_awaited() {
    let h = Harness::new().await;
    let work = outlay::remote("queue");
    let mut message = HashMap::new();
    work.inject(&mut message);
    assert!(message.is_empty());
    assert_eq!(work.receive("x"), Err(ReceiveError::NotAsked));
    assert_eq!(Incoming::from_trusted(&message).unwrap_err(), ExtractError::NoTask);
    drop(work);
    assert_eq!(h.outlay.unattributed().cost().status(), CostStatus::Exact);
}

#[tokio::test]
async fn a_dropped_handle_leaves_the_total_unknown_until_the_receipt_arrives() {
    let (h, worker) = (Harness::new().await, Harness::new().await);
    let (task, work, message) = with_remote_work(&h);
    drop(work);
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().usd()), (1, None));
    let part = worker.outlay.join(&Incoming::from_trusted(&message).unwrap()).start();
    part.charge("x", Usd::from_cents(1));
    part.finish(Outcome::success());
    h.outlay.receive_receipt(&part.receipt().to_string()).unwrap();
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().usd()), (0, Some(Usd::from_cents(1))));
}

#[tokio::test]
async fn each_known_run_of_the_same_work_is_awaited() {
    let (h, worker) = (Harness::new().await, Harness::new().await);
    let (task, work, message) = with_remote_work(&h);
    let incoming = Incoming::from_trusted(&message).unwrap();
    let runs = [1, 2].map(|cents| {
        let run = worker.outlay.task("work").asked_by(&incoming).start();
        run.charge("x", Usd::from_cents(cents));
        run
    });
    runs[0].finish(Outcome::success());
    assert_eq!(work.receive(&runs[0].receipt().to_string()), Ok(Received::Joined));
    assert_eq!(work.receive(&runs[1].receipt().to_string()), Ok(Received::Pending));
    assert_eq!(task.totals().pending_receipts(), 1);
    runs[1].finish(Outcome::success());
    assert_eq!(work.receive(&runs[1].receipt().to_string()), Ok(Received::Joined));
    assert_eq!((task.totals().pending_receipts(), task.totals().cost().usd()), (0, Some(Usd::from_cents(3))));
}

#[tokio::test]
async fn nested_runs_of_the_same_work_are_in_the_outer_receipt() {
    let (h, worker) = (Harness::new().await, Harness::new().await);
    let (task, work, message) = with_remote_work(&h);
    let incoming = Incoming::from_trusted(&message).unwrap();
    let outer = worker.outlay.task("outer").asked_by(&incoming).start();
    outer.run_sync(|| {
        let sub = worker.outlay.task("sub").start();
        sub.run_sync(|| {
            let research = worker.outlay.task("research").asked_by(&incoming).start();
            research.charge("x", Usd::from_cents(1));
            research.finish(Outcome::success());
        });
        sub.finish(Outcome::success());
    });
    outer.finish(Outcome::success());
    assert_eq!(work.receive(&outer.receipt().to_string()), Ok(Received::Joined));
    assert_eq!(task.totals().cost().usd(), Some(Usd::from_cents(1)));
    task.finish(Outcome::success());
    let spans = h.spans().and(worker.spans());
    spans.assert_conserved();
    assert_eq!(spans.parent(spans.one("invoke_workflow research")).unwrap().name(), "invoke_workflow sub");
}

#[tokio::test]
async fn a_spawned_agent_holds_back_the_receipt_before_it_has_started() {
    let (h, worker) = (Harness::new().await, Harness::new().await);
    let (task, work, message) = with_remote_work(&h);
    let remote_task = worker.outlay.task("work").asked_by(&Incoming::from_trusted(&message).unwrap()).start();
    let agent = remote_task.run_sync(|| outlay::agent("later").run(async { outlay::charge("x", Usd::from_cents(1)) }));
    remote_task.finish(Outcome::success());
    assert!(!remote_task.receipt().is_final(), "the agent has not run");
    tokio::spawn(agent).await.unwrap();
    assert!(remote_task.receipt().is_final());
    work.receive(&remote_task.receipt().to_string()).unwrap();
    assert_eq!(task.totals().cost().usd(), Some(Usd::from_cents(1)));
}
