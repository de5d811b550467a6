//! Start and end times of spans. `Harness::spans` checks in every test that each span ends after its start.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_bedrockruntime::types::{AsyncInvokeOutputDataConfig, AsyncInvokeS3OutputDataConfig};
use aws_smithy_types::{Document, Number};
use bedrock_sim::Reply;
use outlay::otel::AttemptSpans;
use outlay::propagation::Incoming;
use outlay::{Outcome, Usd};
use outlay_ledger::{Clock, SystemClock};
use outlay_tests::{Harness, Spans, eventually, haiku};
use serde_json::json;
use tracing::instrument::WithSubscriber as _;

/// A clock that stands still.
#[derive(Debug)]
struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}

/// A clock that goes back by a second with each reading.
#[derive(Debug, Default)]
struct BackwardClock(AtomicU64);

impl Clock for BackwardClock {
    fn now(&self) -> SystemTime {
        let seconds = 1_795_000_000 - self.0.fetch_add(1, Ordering::Relaxed);
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}

/// Writes a span of each kind.
async fn all_kinds_of_spans(h: &Harness) -> Spans {
    let task = h.outlay.task("t").start();
    let mut message = HashMap::new();
    let (arn, work) = task
        .run(outlay::agent("a").run(outlay::plan("p").run(async {
            h.sim.push(Reply::throttled());
            haiku(&h.client).send().await.unwrap();
            outlay::charge("search", Usd::from_cents(1));
            let work = outlay::remote("queue");
            work.inject(&mut message);
            (start_job(h).await, work)
        })))
        .await;
    work.wait();
    task.finish(Outcome::success());
    eventually("the task closes", || !h.spans().named("invoke_workflow t").is_empty()).await;

    // What comes after the task has closed.
    h.outlay.set_outcome(task.id(), Outcome::failure());
    h.sim.push(Reply::json(json!({"invocationArn": arn, "modelArn": "m", "status": "Failed",
        "submitTime": "2026-11-20T12:00:00Z",
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/prefix"}}})));
    h.client.get_async_invoke().invocation_arn(&arn).send().await.unwrap();
    let worker = Harness::new().await;
    let part = worker.outlay.join(&Incoming::from_trusted(&message).unwrap()).start();
    part.finish(Outcome::success());
    let _ = h.outlay.receive_receipt(&part.receipt().to_string());
    h.spans()
}

async fn start_job(h: &Harness) -> String {
    let input = [("inputType", Document::from("video")), ("lengthSec", Document::Number(Number::PosInt(10)))];
    let input = input.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let output = AsyncInvokeS3OutputDataConfig::builder().s3_uri("s3://bucket/prefix").build().unwrap();
    let job = h.client.start_async_invoke().model_id("twelvelabs.marengo-embed-3-0-v1:0");
    let job = job.model_input(Document::Object(input));
    let job = job.output_data_config(AsyncInvokeOutputDataConfig::S3OutputDataConfig(output));
    job.send().await.unwrap().invocation_arn
}

#[tokio::test]
async fn each_span_ends_after_its_start_whatever_the_clock_says() {
    for set in [
        |b: outlay::OutlayBuilder| b.clock(StoppedClock),
        |b: outlay::OutlayBuilder| b.clock(BackwardClock::default()),
        |b: outlay::OutlayBuilder| b,
    ] {
        for filter in ["info", "off"] {
            let h =
                Harness::with(|b| set(b.attempt_spans(AttemptSpans::All).late_limit(Duration::from_millis(20)))).await;
            let spans = all_kinds_of_spans(&h).with_subscriber(h.subscriber(filter)).await;
            for kind in [
                "invoke_workflow t",
                "invoke_agent a",
                "plan p",
                "chat",
                "attempt",
                "charge search",
                "charge async-invoke",
                "outcome t",
                "receipt queue",
            ] {
                assert!(!spans.starting(kind).is_empty(), "no span `{kind}` among {:?}", spans.names());
            }
        }
    }
}

#[tokio::test]
async fn a_span_of_what_takes_no_time_is_one_nanosecond_long() {
    let h = Harness::with(|b| b.clock(StoppedClock)).await;
    let task = h.outlay.task("t").start();
    task.charge("search", Usd::from_cents(1));
    task.finish(Outcome::success());
    for span in h.spans().iter() {
        let length = span.data().end_time.duration_since(span.data().start_time).unwrap();
        assert_eq!(length, Duration::from_nanos(1), "{}", span.name());
    }
}
