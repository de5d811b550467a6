//! Opaque model ids, resolved once by Bedrock's control plane, in the background.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_bedrock::config::{BehaviorVersion, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use bedrock_sim::{Reply, Tokens};
use outlay::bedrock::ControlPlane;
use outlay::{CostStatus, Outcome};
use outlay_tests::{HAIKU, Harness, converse, eventually};
use serde_json::{Value, json};

const PROFILE: &str = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
const THROUGHPUT: &str = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/xyz789";
const FOUNDATION: &str = "anthropic.claude-haiku-4-5-20251001-v1:0";

/// Returns a control plane with this answer, and its request count.
fn control_plane(status: u16, answer: Value) -> (ControlPlane, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    let http = infallible_client_fn(move |_request: http::Request<SdkBody>| {
        count.fetch_add(1, Ordering::SeqCst);
        http::Response::builder().status(status).body(SdkBody::from(answer.to_string())).unwrap()
    });
    let config = aws_sdk_bedrock::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .retry_config(aws_sdk_bedrock::config::retry::RetryConfig::disabled())
        .http_client(http)
        .build();
    (ControlPlane::new(aws_sdk_bedrock::Client::from_conf(config)), requests)
}

/// Returns the answer for a profile that routes to these regions.
fn profile(regions: &[&str]) -> Value {
    let arn = |region: &&str| json!({"modelArn": format!("arn:aws:bedrock:{region}::foundation-model/{FOUNDATION}")});
    json!({
        "inferenceProfileName": "p", "inferenceProfileArn": PROFILE, "inferenceProfileId": "abc123",
        "status": "ACTIVE", "type": "APPLICATION", "models": regions.iter().map(arn).collect::<Vec<_>>(),
    })
}

async fn ask(h: &Harness, model: &str) {
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
    converse(&h.client, model).send().await.unwrap();
}

#[tokio::test]
async fn a_profile_is_unpriced_until_it_is_resolved_and_a_report_can_reprice_earlier_calls() {
    let (resolver, requests) = control_plane(200, profile(&["us-east-1", "us-east-2", "us-west-2"]));
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    let task = h.outlay.task("t").start();
    // The runtime has one thread, so the background request cannot be answered before a call has settled, unless the
    // call waited for it.
    task.run(async {
        for _ in 0..3 {
            ask(&h, PROFILE).await;
        }
    })
    .await;
    eventually("the profile is known", || h.outlay.prices().lookup(&query(PROFILE)).is_some()).await;
    task.run(ask(&h, PROFILE)).await;
    let report = task.finish(Outcome::success());
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    assert!(report.totals().unpriced_calls() <= 3);
    let repriced = report.priced_by(&h.outlay.prices());
    let now = repriced.now();
    assert_eq!((now.total().to_string(), now.status()), ("$0.006600".to_owned(), CostStatus::Exact));
    let spans = h.spans();
    spans.assert_conserved();
    let calls = spans.named(&format!("chat {PROFILE}"));
    let last = calls.last().unwrap();
    assert_eq!(last.int("outlay.cost.picousd"), Some(1_650_000_000));
    assert_eq!(last.text("outlay.price.routing"), Some("us"));
    assert_eq!(last.text("gen_ai.request.model"), Some(PROFILE), "the span keeps the id of the profile");
}

fn query(model: &str) -> outlay_price::PriceQuery<'_> {
    outlay_price::PriceQuery::new(
        outlay::prices::ModelRef::parse(model).unwrap(),
        "2026-11-20T00:00:00Z".parse().unwrap(),
    )
}

#[tokio::test]
async fn resolved_ids_stay_resolved_when_the_prices_change() {
    let (resolver, requests) = control_plane(200, profile(&["", "us-east-1"]));
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h, PROFILE)).await;
    eventually("the profile is known", || h.outlay.prices().lookup(&query(PROFILE)).is_some()).await;
    let higher = format!("[[price]]\nmodel = \"global.{FOUNDATION}\"\ninput = \"2\"\noutput = \"10\"\n");
    h.outlay.set_prices(outlay::Prices::from_toml(&higher).unwrap());
    task.run(ask(&h, PROFILE)).await;
    let spans = h.spans();
    let last = spans.named(&format!("chat {PROFILE}"))[1];
    assert_eq!(last.int("outlay.cost.picousd"), Some(3_000_000_000));
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_call_to_provisioned_throughput_is_free() {
    let answer = json!({
        "modelUnits": 1, "desiredModelUnits": 1, "provisionedModelName": "n", "provisionedModelArn": THROUGHPUT,
        "modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{FOUNDATION}"),
        "desiredModelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{FOUNDATION}"),
        "foundationModelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{FOUNDATION}"),
        "status": "InService", "creationTime": "2026-11-20T12:00:00Z", "lastModifiedTime": "2026-11-20T12:00:00Z",
    });
    let (resolver, _) = control_plane(200, answer);
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h, THROUGHPUT)).await;
    eventually("the throughput is known", || h.outlay.prices().lookup(&query(THROUGHPUT)).is_some()).await;
    task.run(ask(&h, THROUGHPUT)).await;
    let spans = h.spans();
    let last = spans.named(&format!("chat {THROUGHPUT}"))[1];
    assert_eq!((last.int("outlay.cost.picousd"), last.text("outlay.cost.status")), (Some(0), Some("exact")));
    assert_eq!(last.text("outlay.price.tier"), Some("provisioned"));
}

#[tokio::test]
async fn a_refusal_by_the_control_plane_is_not_retried_at_once_and_fails_no_call() {
    let denied = json!({"message": "access denied"});
    let (resolver, requests) = control_plane(403, denied);
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h, PROFILE)).await;
    eventually("the control plane has been asked", || requests.load(Ordering::SeqCst) == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    task.run(ask(&h, PROFILE)).await;
    assert_eq!(requests.load(Ordering::SeqCst), 1, "not again within five minutes");
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().unpriced_calls(), report.totals().failed_calls()), (2, 0));
}

#[tokio::test]
async fn a_model_id_that_needs_no_resolution_is_never_requested() {
    let (resolver, requests) = control_plane(200, profile(&["us-east-1"]));
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    for model in [HAIKU, "vendor.unknown-model-v1:0"] {
        ask(&h, model).await;
    }
    let custom = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abc";
    ask(&h, custom).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[derive(Debug)]
struct Broken;

impl outlay::prices::ResolveModel for Broken {
    fn resolve(&self, _: outlay::prices::ModelRef<'_>, _: outlay::prices::ModelAnswer) {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_panicking_resolver_breaks_no_call() {
    let h = Harness::with(|builder| builder.model_resolver(Broken)).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h, PROFILE)).await;
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!((totals.calls(), totals.unpriced_calls()), (1, 1));
}
