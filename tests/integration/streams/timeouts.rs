//! Streams that stall, under the SDK's own time limits and the application's.

use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Builder, StalledStreamProtectionConfig};
use bedrock_sim::{Fault, Reply};
use outlay::bedrock::Metered as _;
use outlay_tests::{HAIKU, Harness, Streamed, call_spans, client_config, stream_whole};

use super::{STREAMS, WHOLE, answer, settled_once};

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
async fn a_stream_that_stalls_is_bounded_when_the_application_gives_it_up() {
    for operation in STREAMS {
        for frames in [0, 3] {
            let case = format!("{operation}, stalled at {frames}");
            let h = Harness::new().await;
            h.sim.push(answer().fault(Fault::StallAt(frames)));
            let task = h.outlay.task("t").start();
            let asked = task.run(async {
                let mut stream = Streamed::open(&h.client, operation, HAIKU).await.unwrap();
                tokio::time::timeout(SHORT, stream.read(usize::MAX)).await
            });
            let got = asked.await;
            assert!(got.is_err(), "{case}: {got:?}");
            let (spans, _) = settled_once(&case, &h, &task).await;
            let call = call_spans(&spans)[0];
            assert_eq!(call.text("outlay.cost.status"), Some("bounded"), "{case}");
            assert!(call.int("outlay.cost.picousd").unwrap() >= WHOLE, "{case}");
        }
    }
}

/// The SDK protects whole answers against a stall, but no event stream.
#[tokio::test]
async fn the_sdk_s_stalled_stream_protection_leaves_an_event_stream_open_and_its_call_pending() {
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
async fn a_stream_whose_head_is_late_is_bounded_by_each_of_the_sdk_s_timeouts() {
    let limits = [
        ("read", timeouts(|t| _ = t.set_read_timeout(Some(SHORT)))),
        ("attempt", timeouts(|t| _ = t.set_operation_attempt_timeout(Some(SHORT)))),
        ("operation", timeouts(|t| _ = t.set_operation_timeout(Some(SHORT)))),
    ];
    for operation in STREAMS {
        for (name, limit) in &limits {
            let case = format!("{operation}, {name} timeout");
            let h = Harness::new().await;
            let retry = aws_sdk_bedrockruntime::config::retry::RetryConfig::disabled();
            let client = client(&h, |config| config.timeout_config(limit.clone()).retry_config(retry));
            h.sim.push(Reply::hang());
            let task = h.outlay.task("t").start();
            let got = task.run(stream_whole(&client, operation, HAIKU)).await;
            assert!(got.error.is_some(), "{case}");
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
async fn a_stream_that_is_slower_than_an_attempt_may_be_goes_on_once_it_has_begun() {
    for operation in STREAMS {
        let h = Harness::new().await;
        let limit = timeouts(|t| _ = t.set_operation_attempt_timeout(Some(SHORT)).set_read_timeout(Some(SHORT)));
        let client = client(&h, |config| config.timeout_config(limit));
        h.sim.push(answer().pace(Duration::from_millis(60)));
        let task = h.outlay.task("t").start();
        let got = task.run(stream_whole(&client, operation, HAIKU)).await;
        assert_eq!(got.error, None);
        let (spans, _) = settled_once("slow", &h, &task).await;
        assert_eq!(call_spans(&spans)[0].int("outlay.cost.picousd"), Some(WHOLE));
    }
}
