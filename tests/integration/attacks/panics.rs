//! Code that panics inside a scope.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bedrock_sim::{Operation, Reply, Tokens};
use futures_util::FutureExt as _;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Streamed, haiku};

#[tokio::test]
async fn a_panic_in_a_future_ends_its_scopes_and_keeps_their_cost() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let run = task.run(outlay::agent("a").run(outlay::tool("x").run(async {
        h.ask(HAIKU, 1_000, 0).await;
        panic!("on purpose");
    })));
    let caught = AssertUnwindSafe(run).catch_unwind().await;
    assert!(caught.is_err());
    // The thread's scope is restored.
    h.ask(HAIKU, 7, 0).await;
    assert_eq!(h.outlay.unattributed().calls(), 1);
    let report = task.finish(Outcome::failure());
    assert_eq!(report.totals().cost().usd(), Some(Usd::from_picos(1_000 * 1_100_000)));
    let spans = h.spans();
    assert_eq!(spans.len(), 5, "{:?}", spans.names());
    spans.assert_conserved();
}

#[tokio::test]
async fn a_panic_in_a_closure_ends_its_scope() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let run = || {
        outlay::agent("a").run_sync(|| {
            outlay::charge("search", Usd::from_cents(1));
            panic!("on purpose");
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(|| task.run_sync(run))).is_err());
    outlay::charge("outside", Usd::ZERO);
    assert_eq!(task.finish(Outcome::failure()).totals().cost().usd(), Some(Usd::from_cents(1)));
    h.spans().one("invoke_agent a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_spawned_task_leaves_nothing_open() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::message().usage(Tokens::new(1_000, 0)));
    let task = h.outlay.task("t").start();
    let handles: Vec<_> = task.run_sync(|| {
        let spawn = |_| {
            let client = h.client.clone();
            tokio::spawn(outlay::in_scope(outlay::tool("x").run(async move {
                haiku(&client).send().await.unwrap();
                let mut stream = Streamed::open(&client, Operation::ConverseStream, HAIKU).await.unwrap();
                stream.read(usize::MAX).await;
                panic!("on purpose");
            })))
        };
        (0..8).map(spawn).collect()
    });
    for handle in handles {
        assert!(handle.await.unwrap_err().is_panic());
    }
    let totals = task.finish(Outcome::failure()).totals().clone();
    assert_eq!((totals.calls(), totals.pending_calls()), (16, 0));
    assert_eq!(totals.cost().usd(), Some(Usd::from_picos(16 * 1_000 * 1_100_000)));
    assert_eq!(totals.failed_calls(), 16, "the task's outcome is a failure");
    h.spans().assert_conserved();
}

#[tokio::test]
async fn a_panic_between_stream_events_settles_the_stream() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let run = task.run(async {
        let mut stream = Streamed::open(&h.client, Operation::ConverseStream, HAIKU).await.unwrap();
        stream.read(1).await;
        panic!("on purpose");
    });
    assert!(AssertUnwindSafe(run).catch_unwind().await.is_err());
    assert_eq!((task.totals().calls(), task.totals().pending_calls()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_polled_on_different_threads_stays_the_same_scope() {
    let h = Harness::new().await;
    let task = std::sync::Arc::new(h.outlay.task("t").start());
    h.sim.otherwise(|_| Reply::message().usage(Tokens::new(1_000, 0)));
    let (client, inner) = (h.client.clone(), task.clone());
    let mut scope = Box::pin(async move {
        inner
            .run(outlay::agent("a").run(async {
                for _ in 0..20 {
                    haiku(&client).send().await.unwrap();
                    outlay::charge("search", Usd::from_micros(1));
                    tokio::task::yield_now().await;
                }
            }))
            .await;
    });
    // Each poll runs on its own thread.
    loop {
        let handle = tokio::runtime::Handle::current();
        let (returned, done) = std::thread::spawn(move || {
            let _runtime = handle.enter();
            let done = futures_util::future::poll_immediate(scope.as_mut());
            let done = handle.block_on(done).is_some();
            (scope, done)
        })
        .join()
        .unwrap();
        scope = returned;
        if done {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    drop(scope);
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!(totals.calls(), 20);
    assert_eq!(totals.cost().usd(), Some(Usd::from_picos(20 * (1_000 * 1_100_000 + 1_000_000))));
    assert_eq!(h.outlay.unattributed().calls(), 0);
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_agent a").int("outlay.total.calls"), Some(20));
}
