//! Ways to meter a client, and the model, region and tier that a call is priced by.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::{ConfigBag, Intercept, Region, RuntimeComponents};
use aws_sdk_bedrockruntime::error::BoxError;
use aws_sdk_bedrockruntime::operation::converse::ConverseInput;
use aws_sdk_bedrockruntime::types::{ServiceTier, ServiceTierType};
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextMut;
use bedrock_sim::{Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Outlay};
use outlay_tests::{HAIKU, Harness, SONNET, client_config, converse, haiku};

fn reply() -> Reply {
    Reply::message().text("ok").usage(Tokens::new(1_000, 100)).into()
}

#[tokio::test]
async fn a_client_metered_twice_counts_a_call_once() {
    let h = Harness::new().await;
    let twice = h.client.clone().metered(&h.outlay).metered(&h.outlay);
    h.sim.push(reply());
    let task = h.outlay.task("t").start();
    task.run(haiku(&twice).send()).await.unwrap();
    task.finish(Outcome::success());
    let spans = h.spans();
    assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(1_650_000_000));
    assert_eq!(spans.one(&format!("chat {HAIKU}")).int("outlay.call.attempts"), Some(1));
}

#[tokio::test]
async fn a_configuration_and_a_single_operation_can_be_metered() {
    let h = Harness::new().await;
    let by_config = Client::from_conf(client_config(&h.sim.url()).metered(&h.outlay).build());
    h.sim.push(reply());
    haiku(&by_config).send().await.unwrap();
    assert_eq!(h.outlay.unattributed().calls(), 1);

    h.sim.push(reply());
    haiku(&h.bare_client()).customize().metered(&h.outlay).send().await.unwrap();
    assert_eq!(h.outlay.unattributed().calls(), 2);

    h.sim.push(reply());
    haiku(&by_config).customize().metered(&h.outlay).send().await.unwrap();
    assert_eq!(h.outlay.unattributed().calls(), 3, "a call metered by both counts once");
}

#[tokio::test]
async fn an_override_with_the_client_configuration_counts_a_call_once() {
    let h = Harness::new().await;
    h.sim.push(Reply::throttled());
    h.sim.push(reply());
    let override_ = h.client.config().to_builder();
    haiku(&h.client).customize().config_override(override_).send().await.unwrap();
    assert_eq!(h.outlay.unattributed().calls(), 1);
    assert_eq!(h.outlay.unattributed().attempts(), 2);
    assert_eq!(h.outlay.unattributed().cost().to_string(), "$0.001650 exact");
}

#[tokio::test]
async fn a_disabled_outlay_leaves_the_client_unchanged() {
    let h = Harness::new().await;
    let client = h.bare_client().metered(&Outlay::builder().disabled().build());
    h.sim.push(reply());
    haiku(&client).send().await.unwrap();
    assert!(h.spans().is_empty());
    assert_eq!(client.config().interceptors().count(), h.bare_client().config().interceptors().count());
}

/// An interceptor that sends every request to another model, as a routing layer does.
#[derive(Debug)]
struct RouteTo(&'static str);

impl Intercept for RouteTo {
    fn name(&self) -> &'static str {
        "RouteTo"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(input) = context.input_mut().downcast_mut::<ConverseInput>() {
            input.model_id = Some(self.0.to_owned());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_call_is_priced_by_the_model_that_is_sent() {
    let h = Harness::new().await;
    h.sim.push(reply());
    converse(&h.client, SONNET).customize().interceptor(RouteTo(HAIKU)).send().await.unwrap();
    let spans = h.spans();
    let call = spans.one(&format!("chat {HAIKU}"));
    assert_eq!(call.text("gen_ai.request.model"), Some(HAIKU));
    assert_eq!(call.int("outlay.cost.picousd"), Some(1_650_000_000));
}

#[tokio::test]
async fn a_call_has_the_region_that_is_called() {
    let h = Harness::new().await;
    h.sim.push(reply());
    let override_ = aws_sdk_bedrockruntime::Config::builder().region(Region::new("eu-west-1"));
    haiku(&h.client).customize().config_override(override_).send().await.unwrap();
    assert_eq!(h.spans().one(&format!("chat {HAIKU}")).text("cloud.region"), Some("eu-west-1"));
}

#[tokio::test]
async fn a_call_is_priced_by_the_tier_that_served_it() {
    let h = Harness::new().await;
    let model = "us.amazon.nova-2-lite-v1:0";
    h.sim.push(Reply::message().usage(Tokens::new(1_000_000, 0)).service_tier("flex"));
    let requested = ServiceTier::builder().r#type(ServiceTierType::Priority).build().unwrap();
    converse(&h.client, model).service_tier(requested).send().await.unwrap();
    let spans = h.spans();
    let call = spans.one(&format!("chat {model}"));
    assert_eq!(call.text("outlay.price.tier"), Some("flex"));
}

#[tokio::test]
async fn a_model_without_a_price_is_unpriced_and_never_free() {
    let h = Harness::new().await;
    let unknown = "vendor.unknown-model-v1:0";
    h.sim.push(reply());
    let task = h.outlay.task("t").start();
    task.run(converse(&h.client, unknown).send()).await.unwrap();
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().usd(), None);
    assert_eq!(report.totals().unpriced_calls(), 1);
    let spans = h.spans();
    let call = spans.one(&format!("chat {unknown}"));
    assert_eq!(call.text("outlay.cost.status"), Some("unpriced"));
    assert!(!call.has("outlay.cost.usd") && !call.has("outlay.cost.picousd"));
    assert_eq!(call.int("gen_ai.usage.input_tokens"), Some(1_000));
    let root = spans.one("invoke_workflow t");
    assert!(!root.has("outlay.total.usd") && !root.has("outlay.total.picousd"));
    assert_eq!(root.text("outlay.total.status"), Some("unpriced"));
}

#[tokio::test]
async fn earlier_calls_keep_their_cost_when_the_prices_change() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    let higher = format!("version = \"own\"\n[[price]]\nmodel = \"{HAIKU}\"\ninput = \"2.20\"\noutput = \"11\"\n");
    h.outlay.set_prices(outlay::Prices::from_toml(&higher).unwrap());
    assert_eq!(task.totals().cost().to_string(), "$0.001650 exact");
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    assert_eq!(task.finish(Outcome::success()).totals().cost().to_string(), "$0.004950 exact");
}

#[tokio::test]
async fn an_application_profile_is_unpriced_until_it_is_mapped_to_a_model() {
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(arn, 1_000, 100)).await;
    assert_eq!(task.totals().cost().usd(), None);
    let mapped = format!("version = \"own\"\n[[alias]]\nfrom = \"{arn}\"\nto = \"{HAIKU}\"\n");
    h.outlay.set_prices(outlay::Prices::from_toml(&mapped).unwrap());
    task.run(h.ask(arn, 1_000, 100)).await;
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().to_string(), "$0.001650 unpriced");
    assert_eq!(report.totals().unpriced_calls(), 1);
}

#[tokio::test]
async fn a_manually_recorded_call_is_priced_and_attributed() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run_sync(|| {
        outlay::plan("p").run_sync(|| {
            let usage = outlay::Usage::new().with_uncached_input(1_000).with_output(100);
            outlay::call(HAIKU).usage(usage).request_id("r-1").record();
        });
    });
    task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.one("plan p").int("outlay.total.picousd"), Some(1_650_000_000));
    assert_eq!(spans.one(&format!("chat {HAIKU}")).text("aws.request_id"), Some("r-1"));
}
