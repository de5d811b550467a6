//! Very deeply nested scopes.

use std::pin::Pin;
use std::sync::Arc;

use outlay::{Outcome, Usd};
use outlay_tests::Harness;
use tokio::sync::{Notify, mpsc};

const DEPTH: usize = 5_000;

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs an agent that delegates its work to another agent and waits for `end`.
fn delegate(remaining: usize, done: mpsc::UnboundedSender<()>, end: Arc<Notify>) -> Boxed {
    Box::pin(outlay::agent("hop").run(async move {
        let ended = end.clone();
        if remaining == 0 {
            outlay::charge("api", Usd::from_micros(1));
            let _ = done.send(());
        } else {
            tokio::spawn(delegate(remaining - 1, done, end));
        }
        ended.notified().await;
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_of_spawned_agents_is_totalled_listed_and_reported() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let (done, mut last) = mpsc::unbounded_channel();
    let end = Arc::new(Notify::new());
    task.run(async {
        tokio::spawn(delegate(DEPTH, done, end.clone()));
        last.recv().await
    })
    .await;
    // The stack of a worker thread has 2 MiB.
    let outlay = h.outlay.clone();
    let work = tokio::spawn(async move {
        assert_eq!(task.totals().exact(), Usd::from_micros(1));
        assert_eq!(outlay.open_tasks()[0].totals.exact(), Usd::from_micros(1));
        let report = task.finish(Outcome::success());
        assert_eq!(report.totals().exact(), Usd::from_micros(1));
        report.to_string()
    });
    let text = work.await.unwrap();
    assert!(text.contains("hop") && text.lines().count() < 400, "{text}");
    end.notify_waiters();
}
