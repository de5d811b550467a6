//! `on_dropped_stream(Drain)`: the unread rest of a stream is read in the background, within limits.

use std::time::Duration;

use bedrock_sim::{Fault, Reply};
use outlay::Outcome;
use outlay::bedrock::DroppedStream;
use outlay_tests::{HAIKU, Harness, Streamed, call_spans, eventually};
use tokio::sync::Mutex;

use super::{ANSWER_COST, STREAMS, answer, settled_once};

const PACE: Duration = Duration::from_millis(10);
/// The limits of the library.
const MAX_DRAINS: usize = 64;
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// Serializes these tests, because the limit on concurrent drains applies to the whole process.
static SERIAL: Mutex<()> = Mutex::const_new(());

async fn draining_harness() -> Harness {
    Harness::with(|builder| builder.on_dropped_stream(DroppedStream::Drain)).await
}

#[tokio::test]
async fn a_drain_finds_the_exact_cost_after_an_early_drop() {
    let _serial = SERIAL.lock().await;
    for operation in STREAMS {
        for read in [0, 1, 4, 6] {
            let case = format!("{operation}, dropped after {read}");
            let h = draining_harness().await;
            h.sim.push(answer().pace(PACE));
            let task = h.outlay.task("t").start();
            task.run(async {
                let mut stream = Streamed::open(&h.client, operation, HAIKU).await.unwrap();
                stream.read(read).await;
            })
            .await;
            assert_eq!(task.totals().pending_calls(), 1, "{case}: the drain continues");
            let (spans, _) = settled_once(&case, &h, &task).await;
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("outlay.cost.status"), Some("exact"), "{case}");
            assert_eq!(call.int("outlay.cost.picousd"), Some(ANSWER_COST), "{case}");
        }
    }
}

#[tokio::test]
async fn a_drain_of_a_breaking_stream_is_bounded() {
    let _serial = SERIAL.lock().await;
    for operation in STREAMS {
        for fault in [Fault::TruncateAfterFrames(4), Fault::CorruptFrame(4), Fault::ResetAt(4)] {
            let case = format!("{operation} {fault:?}");
            let h = draining_harness().await;
            h.sim.push(answer().pace(PACE).fault(fault));
            let task = h.outlay.task("t").start();
            let mut stream = task.run(Streamed::open(&h.client, operation, HAIKU)).await.unwrap();
            stream.read(1).await;
            drop(stream);
            let (spans, _) = settled_once(&case, &h, &task).await;
            assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"), "{case}");
        }
    }
}

#[tokio::test]
async fn a_task_finished_during_a_drain_waits_for_it() {
    let _serial = SERIAL.lock().await;
    let h = draining_harness().await;
    h.sim.push(answer().pace(PACE));
    let task = h.outlay.task("t").start();
    drop(task.run(Streamed::open(&h.client, STREAMS[0], HAIKU)).await.unwrap());
    assert_eq!(task.finish(Outcome::success()).totals().pending_calls(), 1);
    eventually("the task's span ends", || h.spans().len() == 2).await;
    assert_eq!(h.spans().one("invoke_workflow t").int("outlay.total.picousd"), Some(ANSWER_COST));
}

#[tokio::test]
async fn a_stream_dropped_outside_a_runtime_is_bounded() {
    let _serial = SERIAL.lock().await;
    for operation in STREAMS {
        let h = draining_harness().await;
        h.sim.push(answer().pace(PACE));
        let task = h.outlay.task("t").start();
        let stream = task.run(Streamed::open(&h.client, operation, HAIKU)).await.unwrap();
        std::thread::spawn(move || drop(stream)).join().unwrap();
        assert_eq!(task.totals().pending_calls(), 0, "the call settles at once");
        let (spans, _) = settled_once("no runtime", &h, &task).await;
        assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"));
    }
}

#[test]
fn a_drain_that_its_runtime_never_starts_is_bounded_and_not_lost() {
    // The simulator has its own runtime, which outlives that of the application.
    let simulator = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _serial = SERIAL.blocking_lock();
    for operation in STREAMS {
        let h = simulator.block_on(draining_harness());
        h.sim.push(answer().pace(Duration::from_millis(50)));
        let task = h.outlay.task("t").start();
        let application = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        application.block_on(task.run(async {
            let mut stream = Streamed::open(&h.client, operation, HAIKU).await.unwrap();
            stream.read(1).await;
            drop(stream);
        }));
        drop(application);
        let report = task.finish(Outcome::success());
        assert_eq!(report.totals().pending_calls(), 0, "{operation}");
        assert_eq!(report.totals().calls(), 1, "{operation}: the call is in the ledger");
        let spans = h.spans();
        assert_eq!(call_spans(&spans).len(), 1, "{operation}: the call has its span");
        assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"), "{operation}");
    }
}

#[test]
fn a_drain_interrupted_by_runtime_shutdown_is_bounded() {
    let simulator = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _serial = SERIAL.blocking_lock();
    let h = simulator.block_on(draining_harness());
    h.sim.push(answer().fault(Fault::StallAt(3)));
    let task = h.outlay.task("t").start();
    let application = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    application.block_on(async {
        drop(task.run(Streamed::open(&h.client, STREAMS[0], HAIKU)).await.unwrap());
        tokio::time::sleep(Duration::from_millis(30)).await;
    });
    assert_eq!(task.totals().pending_calls(), 1);
    drop(application);
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().pending_calls(), report.totals().calls()), (0, 1));
    assert_eq!(call_spans(&h.spans())[0].text("outlay.cost.status"), Some("bounded"));
}

#[tokio::test]
async fn a_stalled_drain_is_bounded_at_its_time_limit() {
    let _serial = SERIAL.lock().await;
    let h = draining_harness().await;
    h.sim.push(answer().fault(Fault::StallAt(3)));
    let task = h.outlay.task("t").start();
    let mut stream = task.run(Streamed::open(&h.client, STREAMS[0], HAIKU)).await.unwrap();
    stream.read(1).await;
    tokio::time::pause();
    drop(stream);
    tokio::time::sleep(DRAIN_TIME / 2).await;
    assert_eq!(task.totals().pending_calls(), 1, "half its time has passed");
    tokio::time::sleep(DRAIN_TIME).await;
    assert_eq!(task.totals().pending_calls(), 0, "its time has passed");
    tokio::time::resume();
    let (spans, _) = settled_once("stalled", &h, &task).await;
    assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"));
}

#[tokio::test]
async fn drains_beyond_the_limit_are_bounded_immediately() {
    let _serial = SERIAL.lock().await;
    let streams = MAX_DRAINS + 6;
    let h = draining_harness().await;
    h.sim.otherwise(|_| Reply::from(answer()).fault(Fault::StallAt(1)));
    let task = h.outlay.task("t").start();
    let mut open = Vec::new();
    for _ in 0..streams {
        open.push(task.run(Streamed::open(&h.client, STREAMS[0], HAIKU)).await.unwrap());
    }
    assert_eq!(task.totals().pending_calls(), streams as u64);
    drop(open);
    assert_eq!(task.totals().pending_calls(), MAX_DRAINS as u64);
    // Dropping the simulator breaks the connections and ends the drains.
    let Harness { sim, .. } = h;
    drop(sim);
    eventually("all calls have settled", || task.totals().pending_calls() == 0).await;
    assert_eq!(task.totals().calls(), streams as u64);
    assert_eq!(task.totals().cost().status(), outlay::CostStatus::Bounded);
}
