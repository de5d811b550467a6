//! Waiting for what is open, before a process ends.

use std::time::Duration;

use bedrock_sim::{Operation, Reply, Tokens};
use outlay::bedrock::DroppedStream;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Streamed, haiku};

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(30);

#[tokio::test]
async fn without_open_work_it_is_idle_at_once() {
    let h = Harness::new().await;
    assert_eq!(h.outlay.idle(Duration::ZERO).await, Ok(()));
    h.ask(HAIKU, 10, 5).await;
    h.outlay.task("t").start().finish(Outcome::success());
    assert_eq!(h.outlay.idle(Duration::ZERO).await, Ok(()));
}

#[tokio::test]
async fn it_waits_for_tasks_and_for_calls_outside_any_task() {
    let h = Harness::new().await;
    let tasks = [h.outlay.task("a").start(), h.outlay.task("b").start()];
    let error = h.outlay.idle(SHORT).await.unwrap_err();
    assert_eq!((error.tasks(), error.calls()), (2, 0));
    assert_eq!(error.to_string(), "after the timeout, 2 tasks and 0 calls outside any task are still open");
    h.sim.push(Reply::hang());
    let client = h.client.clone();
    let call = tokio::spawn(async move { haiku(&client).send().await });
    outlay_tests::eventually("the call is open", || h.outlay.unattributed().pending_calls() == 1).await;
    tasks.iter().for_each(|task| drop(task.finish(Outcome::success())));
    let error = h.outlay.idle(SHORT).await.unwrap_err();
    assert_eq!((error.tasks(), error.calls()), (0, 1));
    let (idle, ()) = tokio::join!(h.outlay.idle(LONG), async {
        tokio::time::sleep(SHORT).await;
        call.abort();
    });
    assert_eq!(idle, Ok(()));
}

#[tokio::test]
async fn it_waits_for_drains_and_receipts_of_finished_tasks() {
    let h = Harness::with(|builder| builder.on_dropped_stream(DroppedStream::Drain)).await;
    let task = h.outlay.task("t").start();
    h.sim.push(Reply::message().text("well").usage(Tokens::new(1_000, 100)).delay(SHORT));
    drop(task.run(Streamed::open(&h.client, Operation::ConverseStream, HAIKU)).await.unwrap());
    let work = task.run_sync(|| outlay::remote("queue"));
    task.finish(Outcome::success());
    assert!(h.outlay.idle(Duration::ZERO).await.is_err());
    let (idle, ()) = tokio::join!(h.outlay.idle(LONG), async {
        tokio::time::sleep(SHORT).await;
        work.cancel();
    });
    assert_eq!(idle, Ok(()));
    assert_eq!(h.spans().one("invoke_workflow t").text("outlay.total.status"), Some("exact"), "the drain has ended");
}

#[test]
fn it_needs_no_async_runtime_and_may_be_dropped() {
    let outlay = outlay::Outlay::builder().build();
    let task = outlay.task("t").start();
    task.charge("api", Usd::from_cents(1));
    let mut dropped = Box::pin(outlay.idle(LONG));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(dropped.as_mut().poll(&mut cx).is_pending());
    drop(dropped);
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| futures_util::FutureExt::now_or_never(outlay.idle(Duration::ZERO)));
        assert!(waiting.join().unwrap().unwrap().is_err());
        task.finish(Outcome::success());
    });
    assert!(futures_util::FutureExt::now_or_never(outlay.idle(LONG)).unwrap().is_ok());
}
