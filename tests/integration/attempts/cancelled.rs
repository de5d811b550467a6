//! Call futures dropped in each phase. Their spans end, and the phase determines how they settle.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use bedrock_sim::{Operation, Reply};
use outlay::Outcome;
use outlay_tests::{HAIKU, HELLO_TOKENS, Harness, Streamed, call_spans, haiku, user};

use super::{answer, attempts, client};

/// Long enough for a request to reach the simulator, and shorter than any answer of these tests takes.
const TIME_TO_SEND: Duration = Duration::from_millis(80);

/// Polls a future for [`TIME_TO_SEND`], then drops it.
async fn poll_and_drop(future: impl Future) {
    assert!(tokio::time::timeout(TIME_TO_SEND, future).await.is_err(), "the future completed too early");
}

#[tokio::test]
async fn a_call_that_is_never_polled_is_not_counted() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(async { drop(haiku(&h.client).send()) }).await;
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (0, 0));
    assert_eq!(h.spans().len(), 1);
}

#[tokio::test]
async fn a_call_dropped_after_its_first_poll_leaves_nothing_open() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        let mut call = pin!(haiku(&h.client).send());
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
    })
    .await;
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().pending_calls(), 0);
    assert!(report.totals().calls() <= 1);
    assert!(report.totals().cost().usd().is_some());
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(call_spans(&spans).len() as u64, report.totals().calls());
}

#[tokio::test]
async fn a_call_dropped_while_it_awaits_its_answer_is_bounded() {
    for operation in [Operation::Converse, Operation::ConverseStream] {
        let h = Harness::new().await;
        h.sim.push(Reply::hang());
        let task = h.outlay.task("t").start();
        task.run(async {
            match operation {
                Operation::Converse => poll_and_drop(haiku(&h.client).send()).await,
                _ => poll_and_drop(Streamed::open(&h.client, operation, HAIKU)).await,
            }
        })
        .await;
        let report = task.finish(Outcome::success());
        assert_eq!((report.totals().pending_calls(), report.totals().failed_calls()), (0, 1), "{operation}");
        let spans = h.spans();
        spans.assert_conserved();
        let call = call_spans(&spans)[0];
        let bound = HELLO_TOKENS * 1_100_000 + 4_096 * 5_500_000;
        assert_eq!(call.int("outlay.cost.picousd"), Some(bound), "{operation}");
        assert_eq!(call.text("outlay.cost.status"), Some("bounded"), "{operation}");
        assert_eq!(call.text("error.type"), Some("cancelled"), "{operation}");
        assert_eq!(attempts(&spans, call).len(), 1, "{operation}");
    }
}

#[tokio::test]
async fn a_bound_uses_the_max_tokens_of_the_call() {
    let h = Harness::new().await;
    h.sim.push(Reply::hang());
    let task = h.outlay.task("t").start();
    let config = aws_sdk_bedrockruntime::types::InferenceConfiguration::builder().max_tokens(10).build();
    let call = h.client.converse().model_id(HAIKU).messages(user("hello")).inference_config(config);
    task.run(poll_and_drop(call.send())).await;
    let spans = h.spans();
    assert_eq!(call_spans(&spans)[0].int("outlay.cost.picousd"), Some(HELLO_TOKENS * 1_100_000 + 10 * 5_500_000));
}

#[tokio::test]
async fn a_call_dropped_between_attempts_costs_its_earlier_attempts() {
    for (reply, status, free) in [(Reply::throttled(), "exact", true), (Reply::reset(), "bounded", false)] {
        let h = Harness::new().await;
        let slow = RetryConfig::standard()
            .with_initial_backoff(Duration::from_secs(60))
            .with_max_backoff(Duration::from_secs(60));
        let client = client(&h, |config| config.retry_config(slow));
        h.sim.push(reply);
        let task = h.outlay.task("t").start();
        let result = task.run(tokio::time::timeout(TIME_TO_SEND, haiku(&client).send())).await;
        if result.is_ok() {
            // The backoff is random and may be zero.
            continue;
        }
        let report = task.finish(Outcome::success());
        assert_eq!(report.totals().pending_calls(), 0);
        let spans = h.spans();
        let call = call_spans(&spans)[0];
        assert_eq!(call.text("outlay.cost.status"), Some(status));
        assert_eq!(call.int("outlay.cost.picousd") == Some(0), free);
        assert_eq!(call.text("error.type"), Some("cancelled"));
        assert_eq!(attempts(&spans, call).len(), 1);
    }
}

#[tokio::test]
async fn a_stream_dropped_after_its_headers_is_bounded_and_not_failed() {
    for operation in [Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
        let h = Harness::new().await;
        h.sim.push(answer().first_byte_delay(Duration::from_secs(30)));
        let task = h.outlay.task("t").start();
        task.run(async { drop(Streamed::open(&h.client, operation, HAIKU).await.unwrap()) }).await;
        let report = task.finish(Outcome::success());
        assert_eq!((report.totals().pending_calls(), report.totals().failed_calls()), (0, 0), "{operation}");
        let spans = h.spans();
        assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"), "{operation}");
    }
}

#[tokio::test]
async fn a_call_dropped_while_it_awaits_its_body_is_bounded() {
    let h = Harness::new().await;
    h.sim.push(answer().first_byte_delay(Duration::from_secs(30)));
    let task = h.outlay.task("t").start();
    task.run(poll_and_drop(haiku(&h.client).send())).await;
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().pending_calls(), report.totals().failed_calls()), (0, 1));
    let spans = h.spans();
    let call = call_spans(&spans)[0];
    assert_eq!(call.text("outlay.cost.status"), Some("bounded"));
    assert_eq!(attempts(&spans, call)[0].int("http.response.status_code"), Some(200));
}

#[tokio::test]
async fn a_cancelled_tree_ends_all_its_spans() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::hang());
    let task = h.outlay.task("t").start();
    task.run(poll_and_drop(outlay::agent("a").run(async {
        outlay::plan("p").run(outlay::tool("x").run(haiku(&h.client).send())).await.unwrap();
    })))
    .await;
    let live = task.totals();
    assert_eq!(live.pending_calls(), 0);
    let report = task.finish(Outcome::abandoned());
    assert_eq!(report.totals().cost(), live.cost());
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.len(), 6, "{:?}", spans.names());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_task_leaves_nothing_open() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::hang());
    let task = h.outlay.task("t").start();
    let spawned: Vec<_> = task.run_sync(|| {
        let spawn = |_| {
            let client = h.client.clone();
            tokio::spawn(outlay::in_scope(outlay::tool("x").run(async move { haiku(&client).send().await.is_ok() })))
        };
        (0..8).map(spawn).collect()
    });
    tokio::time::sleep(TIME_TO_SEND).await;
    for handle in &spawned {
        handle.abort();
    }
    for handle in spawned {
        assert!(handle.await.unwrap_err().is_cancelled());
    }
    let report = task.finish(Outcome::abandoned());
    assert_eq!(report.totals().pending_calls(), 0);
    assert_eq!(report.totals().calls(), 8);
    h.spans().assert_conserved();
}

#[tokio::test]
async fn a_runtime_that_shuts_down_leaves_nothing_open() {
    let h = Harness::new().await;
    h.sim.otherwise(|_| Reply::hang());
    let task = h.outlay.task("t").start();
    let client = h.client.clone();
    let task = std::sync::Arc::new(task);
    let inner = task.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            inner.run_sync(|| drop(tokio::spawn(outlay::in_scope(async move { haiku(&client).send().await.is_ok() }))));
            tokio::time::sleep(TIME_TO_SEND).await;
        });
    })
    .join()
    .unwrap();
    let report = task.finish(Outcome::abandoned());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (1, 0));
    h.spans().assert_conserved();
}
