//! Streams that the application drops, keeps unread, or keeps past the end of their step and task.

use std::time::Duration;

use bedrock_sim::{Operation, Reply};
use outlay::Outcome;
use outlay_tests::{HAIKU, Harness, Streamed, call_spans, eventually};

use super::{ANSWER_COST, STREAMS, answer, settled_once};

/// The delay between frames. Frames arrive one by one, so that the application has read all that have arrived.
const PACE: Duration = Duration::from_millis(10);

async fn open(h: &Harness, operation: Operation) -> Streamed {
    h.sim.push(answer().pace(PACE));
    Streamed::open(&h.client, operation, HAIKU).await.expect("the simulator answers")
}

/// The number of events read before the drop, and the status as ConverseStream and as InvokeModelWithResponseStream.
const DROPS: [(usize, &str, &str); 9] = [
    (0, "bounded", "bounded"),
    (1, "bounded", "bounded"),
    (3, "bounded", "bounded"),
    (5, "bounded", "bounded"),
    // messageStop; content_block_stop
    (6, "estimated", "bounded"),
    // metadata; message_delta, which has the final usage
    (7, "exact", "exact"),
    (8, "exact", "exact"),
    (9, "exact", "exact"),
    (usize::MAX, "exact", "exact"),
];

#[tokio::test]
async fn a_dropped_stream_is_bounded_then_estimated_then_exact() {
    for (read, converse, invoke) in DROPS {
        for (operation, status) in STREAMS.into_iter().zip([converse, invoke]) {
            let case = format!("{operation}, dropped after {read}");
            let h = Harness::new().await;
            let task = h.outlay.task("t").start();
            task.run(async {
                let mut stream = open(&h, operation).await;
                assert_eq!(stream.read(read).await.error, None, "{case}");
            })
            .await;
            let (spans, totals) = settled_once(&case, &h, &task).await;
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("outlay.cost.status"), Some(status), "{case}");
            let picos = call.int("outlay.cost.picousd").unwrap();
            match status {
                "exact" => assert_eq!(picos, ANSWER_COST, "{case}"),
                "bounded" => assert!(picos >= ANSWER_COST, "{case}: {picos}"),
                _ => assert!(picos > 0, "{case}: {picos}"),
            }
            // A dropped stream is not a failed call.
            assert!(!call.is_error(), "{case}");
            assert_eq!(totals.failed_calls(), 0, "{case}");
        }
    }
}

/// Without counts the estimate uses the text received: about one token per four bytes.
#[tokio::test]
async fn an_estimate_matches_the_text_received_for_any_delta_size() {
    for operation in STREAMS {
        for size in [4, 20, 200] {
            let case = format!("{operation}, {size} characters in each delta");
            let h = Harness::new().await;
            // 4,000 characters. Nova's chunks state the usage after the stop event.
            let model = if operation == Operation::ConverseStream { HAIKU } else { "us.amazon.nova-lite-v1:0" };
            let text =
                Reply::message().text("word ".repeat(800)).deltas(size).without_usage().without_invocation_metrics();
            h.sim.push(text);
            let task = h.outlay.task("t").start();
            task.run(outlay_tests::read_stream(&h.client, operation, model)).await;
            let (spans, _) = settled_once(&case, &h, &task).await;
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("outlay.cost.status"), Some("estimated"), "{case}");
            let output = call.int("gen_ai.usage.output_tokens").unwrap();
            assert!((500..=2_000).contains(&output), "{case}: {output} tokens for 4,000 characters");
        }
    }
}

#[tokio::test]
async fn a_stream_dropped_after_one_event_of_a_single_chunk_is_exact_or_bounded() {
    for operation in STREAMS {
        let h = Harness::new().await;
        h.sim.push(answer());
        let task = h.outlay.task("t").start();
        let mut stream = task.run(Streamed::open(&h.client, operation, HAIKU)).await.unwrap();
        // All frames arrive in one chunk, which is read for the first frame.
        stream.read(1).await;
        drop(stream);
        let (spans, _) = settled_once("one chunk", &h, &task).await;
        let status = call_spans(&spans)[0].text("outlay.cost.status").map(str::to_owned);
        assert!(matches!(status.as_deref(), Some("exact" | "bounded")), "{status:?}");
    }
}

#[tokio::test]
async fn an_unpolled_stream_stays_pending_until_it_is_dropped() {
    for operation in STREAMS {
        let h = Harness::new().await;
        let task = h.outlay.task("t").start();
        let stream = task.run(open(&h, operation)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(task.totals().pending_calls(), 1);
        assert!(h.spans().is_empty());
        drop(stream);
        assert_eq!(task.totals().pending_calls(), 0);
        let (spans, _) = settled_once("never polled", &h, &task).await;
        assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"));
    }
}

#[tokio::test]
async fn a_stream_that_outlives_its_step_and_task_is_in_the_totals_of_both() {
    for operation in STREAMS {
        let h = Harness::new().await;
        let task = h.outlay.task("t").start();
        let mut stream = task.run(outlay::step("act", "answer").run(open(&h, operation))).await;
        assert!(h.spans().is_empty(), "the step waits for its stream");
        let report = task.finish(Outcome::success());
        assert_eq!(report.totals().pending_calls(), 1, "`finish` reports the pending call");
        assert_eq!(report.totals().calls(), 0);
        drop(task);
        assert!(h.spans().is_empty(), "the task waits for its stream");

        assert_eq!(stream.read(usize::MAX).await.error, None);
        drop(stream);
        eventually("the task's span ends", || h.spans().len() == 3).await;
        let spans = h.spans();
        spans.assert_conserved();
        for name in ["act answer", "invoke_workflow t"] {
            assert_eq!(spans.one(name).int("outlay.total.picousd"), Some(ANSWER_COST), "{name}");
            assert_eq!(spans.one(name).int("outlay.total.calls"), Some(1), "{name}");
            assert!(!spans.one(name).has("outlay.total.pending_calls"), "{name}");
        }
        let (step, root) = (spans.one("act answer"), spans.one("invoke_workflow t"));
        assert_eq!(spans.parent(call_spans(&spans)[0]).unwrap().id(), step.id());
        assert!(step.data().end_time <= root.data().end_time);
        assert!(call_spans(&spans)[0].data().end_time <= step.data().end_time);
    }
}

#[tokio::test]
async fn a_stream_past_the_late_limit_is_late_and_pending_in_its_task() {
    for operation in STREAMS {
        let h = Harness::with(|b| b.late_limit(Duration::from_millis(40))).await;
        let task = h.outlay.task("t").start();
        let mut stream = task.run(outlay::step("act", "answer").run(open(&h, operation))).await;
        task.finish(Outcome::success());
        eventually("the task closes without its call", || h.spans().len() == 2).await;
        let root_total = task.totals();
        assert_eq!(root_total.pending_calls(), 1);
        assert_eq!(root_total.cost().status(), outlay::CostStatus::Unpriced);
        assert_eq!(root_total.cost().usd(), None, "an unknown cost is never zero");

        stream.read(usize::MAX).await;
        drop(stream);
        eventually("the late call has its span", || h.spans().len() == 3).await;
        let spans = h.spans();
        spans.assert_conserved();
        let root = spans.one("invoke_workflow t");
        assert_eq!(root.int("outlay.total.pending_calls"), Some(1));
        assert_eq!(root.text("outlay.total.status"), Some("unpriced"));
        assert!(!root.has("outlay.total.picousd"), "an unknown cost is never zero");
        let call = call_spans(&spans)[0];
        assert_eq!(call.int("outlay.cost.picousd"), Some(ANSWER_COST));
        assert!(call.has("outlay.late"));
        assert_eq!(call.data().links.iter().count(), 1, "the span is linked to its task");
        assert_eq!(task.totals(), root_total, "a closed total does not change");
    }
}

#[tokio::test]
async fn a_stream_read_in_another_task_counts_in_the_task_that_opened_it() {
    let h = Harness::new().await;
    let opener = h.outlay.task("opener").start();
    let reader = h.outlay.task("reader").start();
    let mut stream = opener.run(open(&h, Operation::ConverseStream)).await;
    reader.run(async { stream.read(usize::MAX).await }).await;
    drop(stream);
    assert_eq!(opener.totals().calls(), 1);
    assert_eq!(reader.totals().calls(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_moved_between_threads_settles_once() {
    for operation in STREAMS {
        let h = Harness::new().await;
        let task = h.outlay.task("t").start();
        let mut stream = task.run(open(&h, operation)).await;
        let stream = tokio::spawn(async move {
            stream.read(2).await;
            stream
        });
        let stream = stream.await.unwrap();
        std::thread::spawn(move || drop(stream)).join().unwrap();
        let (spans, _) = settled_once("moved", &h, &task).await;
        assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"));
    }
}
