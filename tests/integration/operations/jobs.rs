//! Async jobs. They are charged when they start and corrected once, when their status is requested.

use aws_sdk_bedrockruntime::operation::start_async_invoke::builders::StartAsyncInvokeFluentBuilder;
use aws_sdk_bedrockruntime::types::{AsyncInvokeOutputDataConfig, AsyncInvokeS3OutputDataConfig};
use aws_smithy_types::{Document, Number};
use bedrock_sim::Reply;
use outlay::{Outcome, Usd};
use outlay_tests::{Harness, call_spans};
use serde_json::json;

use super::{cost, finished};

const MARENGO: &str = "twelvelabs.marengo-embed-3-0-v1:0";
/// The price of ten seconds of video at $0.0007 per second, in pico-dollars.
const TEN_SECONDS: i64 = 7_000_000_000;

fn start(h: &Harness, model: &str, token: &str) -> StartAsyncInvokeFluentBuilder {
    let input = [("inputType", Document::from("video")), ("lengthSec", Document::Number(Number::PosInt(10)))];
    let input = input.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let output = AsyncInvokeS3OutputDataConfig::builder().s3_uri("s3://bucket/prefix").build().unwrap();
    h.client
        .start_async_invoke()
        .model_id(model)
        .client_request_token(token)
        .model_input(Document::Object(input))
        .output_data_config(AsyncInvokeOutputDataConfig::S3OutputDataConfig(output))
}

fn status_of(arn: &str, status: &str) -> Reply {
    let time = "2026-11-20T12:00:00Z";
    let output = json!({"s3OutputDataConfig": {"s3Uri": "s3://bucket/prefix"}});
    Reply::json(json!({"invocationArn": arn, "modelArn": "m", "status": status, "submitTime": time,
        "outputDataConfig": output}))
}

#[tokio::test]
async fn a_job_is_charged_when_it_starts_as_estimated() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(start(&h, MARENGO, "a").send()).await.unwrap();
    let spans = finished(&h, &task);
    assert_eq!(cost(spans.one(&format!("embeddings {MARENGO}"))), (Some(TEN_SECONDS), "estimated"));
}

#[tokio::test]
async fn the_charge_of_a_failed_job_is_reversed_once_as_a_late_charge() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").team("media").start();
    let arn = task.run(start(&h, MARENGO, "a").send()).await.unwrap().invocation_arn;
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().to_string(), "$0.007000 estimated");

    for status in ["InProgress", "Failed", "Failed", "Completed"] {
        h.sim.push(status_of(&arn, status));
        h.client.get_async_invoke().invocation_arn(&arn).send().await.unwrap();
    }
    let spans = h.spans();
    spans.assert_conserved();
    let correction = spans.one("charge async-invoke");
    assert_eq!(cost(correction), (Some(-TEN_SECONDS), "estimated"));
    assert_eq!(correction.value("outlay.late"), Some(&true.into()));
    assert_eq!(correction.text("outlay.task.name"), Some("t"));
    assert_eq!(correction.text("outlay.team"), Some("media"));
    let root = spans.one("invoke_workflow t");
    assert_eq!(correction.data().links.links[0].span_context.span_id(), root.id());
    assert_eq!(root.int("outlay.total.picousd"), Some(TEN_SECONDS), "the closed total does not change");
}

#[tokio::test]
async fn a_completed_job_keeps_its_charge() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let arn = task.run(start(&h, MARENGO, "a").send()).await.unwrap().invocation_arn;
    task.finish(Outcome::success());
    h.client.get_async_invoke().invocation_arn(&arn).send().await.unwrap();
    assert_eq!(cost(h.spans().one("charge async-invoke")), (Some(0), "estimated"));
}

#[tokio::test]
async fn a_job_started_several_times_with_one_token_is_charged_once() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(async {
        for _ in 0..3 {
            start(&h, MARENGO, "same").send().await.unwrap();
        }
        start(&h, MARENGO, "another").send().await.unwrap();
    })
    .await;
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().usd(), Some(Usd::from_picos(i128::from(2 * TEN_SECONDS))));
    h.spans().assert_conserved();
}

#[tokio::test]
async fn a_retried_job_start_is_charged_once() {
    let h = Harness::new().await;
    h.sim.push(Reply::reset());
    let task = h.outlay.task("t").start();
    task.run(start(&h, MARENGO, "a").send()).await.unwrap();
    let spans = finished(&h, &task);
    let call = call_spans(&spans)[0];
    assert_eq!(call.int("outlay.call.attempts"), Some(2));
    assert_eq!(cost(call), (Some(TEN_SECONDS), "estimated"));
}

#[tokio::test]
async fn an_unanswered_job_start_is_bounded() {
    let h = Harness::new().await;
    h.sim.push(Reply::hang());
    let task = h.outlay.task("t").start();
    task.run(async {
        let call = start(&h, MARENGO, "a").send();
        tokio::select! {
            _ = call => panic!("the simulator answered"),
            _ = h.sim.wait_for(1) => {}
        }
    })
    .await;
    let spans = finished(&h, &task);
    assert_eq!(cost(call_spans(&spans)[0]), (Some(TEN_SECONDS), "bounded"));
}

#[tokio::test]
async fn a_job_without_a_price_or_of_another_process_changes_no_total() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(start(&h, "vendor.unknown-video-v1:0", "a").send()).await.unwrap();
    let spans = finished(&h, &task);
    assert_eq!(cost(call_spans(&spans)[0]), (None, "unpriced"));

    // What was charged is not known, and neither is the correction.
    let arn = task.run(start(&h, "vendor.unknown-video-v1:0", "b").send()).await.unwrap().invocation_arn;
    h.sim.push(status_of(&arn, "Failed"));
    h.client.get_async_invoke().invocation_arn(&arn).send().await.unwrap();
    assert_eq!(cost(h.spans().one("charge async-invoke")), (None, "unpriced"));

    let unknown = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/elsewhere";
    h.sim.push(status_of(unknown, "Failed"));
    h.client.get_async_invoke().invocation_arn(unknown).send().await.unwrap();
    assert_eq!(h.spans().named("charge async-invoke").len(), 1);
}

#[tokio::test]
async fn a_video_model_without_a_public_price_is_charged_per_second_by_a_price_file() {
    let h = Harness::new().await;
    let text = "[[price]]\nmodel = \"amazon.nova-reel-v1:1\"\nunits = { output_video_second = \"0.08\" }";
    h.outlay.set_prices(outlay::Prices::from_toml(text).unwrap());
    let duration = [("durationSeconds".to_owned(), Document::Number(Number::PosInt(6)))];
    let input = [("videoGenerationConfig".to_owned(), Document::Object(duration.into_iter().collect()))];
    let task = h.outlay.task("t").start();
    let call = start(&h, "amazon.nova-reel-v1:1", "a").model_input(Document::Object(input.into_iter().collect()));
    task.run(call.send()).await.unwrap();
    let spans = finished(&h, &task);
    assert_eq!(cost(call_spans(&spans)[0]), (Some(480_000_000_000), "estimated"));
}
