//! What opaque model ids stand for, asked of Bedrock's control plane: away from the call, once.

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

/// A control plane that answers so, and how often it was asked.
fn control_plane(status: u16, answer: Value) -> (ControlPlane, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
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
    (ControlPlane::new(aws_sdk_bedrock::Client::from_conf(config)), asked)
}

/// Of a profile that routes to these regions.
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
async fn a_profile_is_unpriced_until_it_is_known_and_a_report_can_price_the_past() {
    let (resolver, asked) = control_plane(200, profile(&["us-east-1", "us-east-2", "us-west-2"]));
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    let task = h.outlay.task("t").start();
    // The runtime has one thread: what is asked in the background cannot be answered before this call has settled
    // unless it waited for it.
    task.run(async {
        for _ in 0..3 {
            ask(&h, PROFILE).await;
        }
    })
    .await;
    eventually("the profile is known", || h.outlay.prices().lookup(&query(PROFILE)).is_some()).await;
    task.run(ask(&h, PROFILE)).await;
    let report = task.finish(Outcome::success());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
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
    assert_eq!(last.text("gen_ai.request.model"), Some(PROFILE), "asked for by its own name");
}

fn query(model: &str) -> outlay_price::PriceQuery<'_> {
    outlay_price::PriceQuery::new(outlay::ModelRef::parse(model).unwrap(), "2026-11-20T00:00:00Z".parse().unwrap())
}

#[tokio::test]
async fn what_has_been_found_out_stays_known_when_the_prices_change() {
    let (resolver, asked) = control_plane(200, profile(&["", "us-east-1"]));
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h, PROFILE)).await;
    eventually("the profile is known", || h.outlay.prices().lookup(&query(PROFILE)).is_some()).await;
    let dearer = format!("[[price]]\nmodel = \"global.{FOUNDATION}\"\ninput = \"2\"\noutput = \"10\"\n");
    h.outlay.set_prices(outlay::Prices::from_toml(&dearer).unwrap());
    task.run(ask(&h, PROFILE)).await;
    let spans = h.spans();
    let last = spans.named(&format!("chat {PROFILE}"))[1];
    assert_eq!(last.int("outlay.cost.picousd"), Some(3_000_000_000));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn provisioned_throughput_costs_nothing_by_the_call() {
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
async fn a_control_plane_that_refuses_is_asked_again_later_and_no_call_suffers() {
    let denied = json!({"message": "not for you"});
    let (resolver, asked) = control_plane(403, denied);
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h, PROFILE)).await;
    eventually("it has been asked", || asked.load(Ordering::SeqCst) == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    task.run(ask(&h, PROFILE)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "not again within five minutes");
    let report = task.finish(Outcome::success());
    assert_eq!((report.totals().unpriced_calls(), report.totals().failed_calls()), (2, 0));
}

#[tokio::test]
async fn a_model_that_names_itself_is_never_asked_for() {
    let (resolver, asked) = control_plane(200, profile(&["us-east-1"]));
    let h = Harness::with(|builder| builder.model_resolver(resolver)).await;
    for model in [HAIKU, "vendor.model-of-tomorrow-v1:0"] {
        ask(&h, model).await;
    }
    let custom = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abc";
    ask(&h, custom).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[derive(Debug)]
struct Broken;

impl outlay::ResolveModel for Broken {
    fn resolve(&self, _: outlay::ModelRef<'_>, _: outlay::ModelAnswer) {
        panic!("a resolver of the application")
    }
}

#[tokio::test]
async fn a_resolver_that_panics_breaks_no_call() {
    let h = Harness::with(|builder| builder.model_resolver(Broken)).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h, PROFILE)).await;
    let totals = task.finish(Outcome::success()).totals().clone();
    assert_eq!((totals.calls(), totals.unpriced_calls()), (1, 1));
}
