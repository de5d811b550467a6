//! Stalled streams, with the timeouts of the SDK and of the application.

use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Builder, StalledStreamProtectionConfig};
use bedrock_sim::{Fault, Reply};
use outlay::bedrock::Metered as _;
use outlay_tests::{HAIKU, Harness, Streamed, call_spans, client_config, read_stream};

use super::{ANSWER_COST, STREAMS, answer, settled_once};

const SHORT: Duration = Duration::from_millis(150);

fn client(h: &Harness, set: impl FnOnce(Builder) -> Builder) -> Client {
    Client::from_conf(set(client_config(&h.sim.url())).build()).metered(&h.outlay)
}

fn timeouts(set: impl FnOnce(&mut aws_sdk_bedrockruntime::config::timeout::TimeoutConfigBuilder)) -> TimeoutConfig {
    let mut builder = TimeoutConfig::builder();
    set(&mut builder);
    builder.build()
}

#[tokio::test]
async fn a_stalled_stream_is_bounded_when_the_application_drops_it() {
    for operation in STREAMS {
        for frames in [0, 3] {
            let case = format!("{operation}, stalled at {frames}");
            let h = Harness::new().await;
            h.sim.push(answer().fault(Fault::StallAt(frames)));
            let task = h.outlay.task("t").start();
            let timed_read = task.run(async {
                let mut stream = Streamed::open(&h.client, operation, HAIKU).await.unwrap();
                tokio::time::timeout(SHORT, stream.read(usize::MAX)).await
            });
            let read = timed_read.await;
            assert!(read.is_err(), "{case}: {read:?}");
            let (spans, _) = settled_once(&case, &h, &task).await;
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("outlay.cost.status"), Some("bounded"), "{case}");
            assert!(call.int("outlay.cost.picousd").unwrap() >= ANSWER_COST, "{case}");
        }
    }
}

/// The SDK protects complete answers against a stall, but not event streams.
#[tokio::test]
async fn stalled_stream_protection_leaves_an_event_stream_open_and_its_call_pending() {
    for operation in STREAMS {
        let h = Harness::new().await;
        let protection = StalledStreamProtectionConfig::enabled().grace_period(SHORT / 3).build();
        let client = client(&h, |config| config.stalled_stream_protection(protection));
        h.sim.push(answer().fault(Fault::StallAt(3)));
        let task = h.outlay.task("t").start();
        let mut stream = task.run(Streamed::open(&client, operation, HAIKU)).await.unwrap();
        assert!(tokio::time::timeout(SHORT * 2, stream.read(usize::MAX)).await.is_err(), "{operation}");
        assert_eq!(task.totals().pending_calls(), 1, "{operation}");
        drop(stream);
        let (spans, _) = settled_once("stalled", &h, &task).await;
        assert_eq!(call_spans(&spans)[0].text("outlay.cost.status"), Some("bounded"), "{operation}");
    }
}

#[tokio::test]
async fn a_stream_with_late_headers_is_bounded_after_each_sdk_timeout() {
    let configs = [
        ("read", timeouts(|t| _ = t.set_read_timeout(Some(SHORT)))),
        ("attempt", timeouts(|t| _ = t.set_operation_attempt_timeout(Some(SHORT)))),
        ("operation", timeouts(|t| _ = t.set_operation_timeout(Some(SHORT)))),
    ];
    for operation in STREAMS {
        for (name, timeout) in &configs {
            let case = format!("{operation}, {name} timeout");
            let h = Harness::new().await;
            let retry = aws_sdk_bedrockruntime::config::retry::RetryConfig::disabled();
            let client = client(&h, |config| config.timeout_config(timeout.clone()).retry_config(retry));
            h.sim.push(Reply::hang());
            let task = h.outlay.task("t").start();
            let read = task.run(read_stream(&client, operation, HAIKU)).await;
            assert!(read.error.is_some(), "{case}");
            let (spans, totals) = settled_once(&case, &h, &task).await;
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("outlay.cost.status"), Some("bounded"), "{case}");
            assert!(call.int("outlay.cost.picousd").unwrap() > 0, "{case}");
            assert!(call.is_error(), "{case}");
            assert_eq!(totals.failed_calls(), 1, "{case}");
        }
    }
}

#[tokio::test]
async fn a_started_stream_may_outlast_the_attempt_timeout() {
    for operation in STREAMS {
        let h = Harness::new().await;
        let timeout = timeouts(|t| _ = t.set_operation_attempt_timeout(Some(SHORT)).set_read_timeout(Some(SHORT)));
        let client = client(&h, |config| config.timeout_config(timeout));
        h.sim.push(answer().pace(Duration::from_millis(60)));
        let task = h.outlay.task("t").start();
        let read = task.run(read_stream(&client, operation, HAIKU)).await;
        assert_eq!(read.error, None);
        let (spans, _) = settled_once("slow", &h, &task).await;
        assert_eq!(call_spans(&spans)[0].int("outlay.cost.picousd"), Some(ANSWER_COST));
    }
}
