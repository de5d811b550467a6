//! The price of a call follows the tier, latency mode and model that served it, not the requested ones.

use aws_sdk_bedrockruntime::types::{PerformanceConfigLatency, PerformanceConfiguration, ServiceTier, ServiceTierType};
use bedrock_sim::{Operation, Reply, Tokens};
use outlay::{CostStatus, Outcome};
use outlay_tests::{HAIKU, Harness, call_spans, converse, invoke};
use serde_json::json;

use super::{observe, picos, status};

/// A model with a price on several tiers.
const GPT: &str = "openai.gpt-oss-120b-1:0";

fn answer() -> bedrock_sim::Message {
    Reply::message().usage(Tokens::new(1_000_000, 0))
}

#[tokio::test]
async fn a_call_is_priced_by_the_served_tier_not_the_requested_one() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let tier = |tier| ServiceTier::builder().r#type(tier).build().unwrap();
    task.run(async {
        h.sim.push(answer().service_tier("default"));
        converse(&h.client, GPT).service_tier(tier(ServiceTierType::Flex)).send().await.unwrap();
        h.sim.push(answer().service_tier("flex"));
        converse(&h.client, GPT).service_tier(tier(ServiceTierType::Priority)).send().await.unwrap();
        // If the answer names no tier, the requested tier counts.
        h.sim.push(answer());
        converse(&h.client, GPT).service_tier(tier(ServiceTierType::Flex)).send().await.unwrap();
        h.sim.push(answer().service_tier("default"));
        invoke(&h.client, GPT).service_tier(ServiceTierType::Flex).send().await.unwrap();
        h.sim.push(answer().service_tier("flex"));
        invoke(&h.client, GPT).send().await.unwrap();
    })
    .await;
    task.finish(Outcome::success());
    let spans = h.spans();
    let tiers: Vec<_> = call_spans(&spans).iter().map(|c| c.text("outlay.price.tier").map(str::to_owned)).collect();
    let expected = ["default", "flex", "flex", "default", "flex"].map(|tier| Some(tier.to_owned()));
    assert_eq!(tiers, expected);
    let costs: Vec<_> = call_spans(&spans).iter().map(|c| picos(c)).collect();
    assert!(costs[0] > costs[1], "{costs:?}");
    assert_eq!((costs[0], costs[1]), (costs[3], costs[2]));
}

#[tokio::test]
async fn the_served_tier_is_read_from_the_answer_of_each_operation() {
    for operation in Operation::TURNS {
        let found =
            observe(operation, GPT, answer().service_tier("flex"), |c| c.text("outlay.price.tier").map(str::to_owned));
        assert_eq!(found.await.as_deref(), Some("flex"), "{operation}");
    }
}

#[tokio::test]
async fn an_unknown_tier_or_latency_is_unpriced_and_never_the_default() {
    for operation in Operation::TURNS {
        for reply in [answer().service_tier("turbo"), answer().latency_mode("warp")] {
            let found = observe(operation, HAIKU, reply, |c| (picos(c), status(c))).await;
            assert_eq!(found, (None, "unpriced".to_owned()), "{operation}");
        }
    }
}

#[tokio::test]
async fn a_tier_without_a_price_for_this_model_is_unpriced() {
    let h = Harness::new().await;
    h.sim.push(answer().service_tier("priority"));
    let task = h.outlay.task("t").start();
    task.run(converse(&h.client, HAIKU).send()).await.unwrap();
    let totals = task.totals();
    assert_eq!((totals.cost().usd(), totals.cost().status()), (None, CostStatus::Unpriced));
    assert_eq!(totals.unpriced_calls(), 1);
}

#[tokio::test]
async fn a_call_is_priced_by_the_served_latency_not_the_requested_one() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let optimized = PerformanceConfiguration::builder().latency(PerformanceConfigLatency::Optimized).build();
    task.run(async {
        // This model has no price for the optimized mode. Requesting that mode must not make the call unpriced.
        h.sim.push(answer().latency_mode("standard"));
        converse(&h.client, HAIKU).performance_config(optimized.clone()).send().await.unwrap();
        h.sim.push(answer().latency_mode("optimized"));
        converse(&h.client, HAIKU).send().await.unwrap();
    })
    .await;
    let spans = h.spans();
    let found: Vec<_> = call_spans(&spans).iter().map(|c| status(c)).collect();
    assert_eq!(found, ["exact", "unpriced"]);
}

#[tokio::test]
async fn a_prompt_router_call_is_priced_as_the_invoked_model() {
    let router = "arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1";
    let invoked =
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0";
    for operation in [Operation::Converse, Operation::ConverseStream] {
        let reply = answer().trace(json!({"promptRouter": {"invokedModelId": invoked}}));
        let found = observe(operation, router, reply, |c| {
            (
                picos(c),
                status(c),
                c.text("gen_ai.request.model").map(str::to_owned),
                c.text("gen_ai.response.model").map(str::to_owned),
            )
        })
        .await;
        let expected = (Some(1_100_000_000_000), "exact".to_owned(), Some(router.to_owned()), Some(invoked.to_owned()));
        assert_eq!(found, expected, "{operation}");
        // Without the trace the model is unknown.
        let found = observe(operation, router, answer(), |c| (picos(c), status(c))).await;
        assert_eq!(found, (None, "unpriced".to_owned()), "{operation}");
    }
}
