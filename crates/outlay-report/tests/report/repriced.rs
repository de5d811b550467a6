//! Repricing of a task by another price table.

use outlay_ledger::{CallRecord, StepKind};
use outlay_price::{Charge, CostStatus, GuardrailUse, Latency, Prices, Tier, Unit, UnitCount, Usage, Usd};
use outlay_report::Repriced;

use crate::fixture::{Fixture, HAIKU, call, report};

const PROFILE: &str = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";

fn settled(model: &str, input: u64) -> CallRecord {
    let mut call = call(model, Usage::new().with_uncached_input(input));
    call.priced_as.tier = Some(Tier::Default);
    call.priced_as.latency = Some(Latency::Standard);
    call
}

fn repriced(calls: Vec<CallRecord>) -> Repriced {
    let fixture = Fixture::new();
    let task = fixture.task("t");
    let step = task.step(StepKind::Plan, "p");
    for call in calls {
        fixture.call(&step, 10, call);
    }
    step.finish();
    task.finish();
    let learned = Prices::bundled().with_alias(PROFILE, HAIKU).expect("a model");
    report(&task).priced_by(&learned)
}

fn usd(text: &str) -> Usd {
    text.parse().expect("an amount")
}

#[test]
fn a_model_that_was_unknown_is_priced_by_a_newer_table() {
    let repriced = repriced(vec![settled(PROFILE, 1_000_000), settled(HAIKU, 1_000_000)]);
    assert_eq!((repriced.charged().total(), repriced.charged().status()), (usd("1.1"), CostStatus::Unpriced));
    assert_eq!((repriced.now().total(), repriced.now().status()), (usd("2.2"), CostStatus::Exact));
    assert_eq!(&*repriced.calls[0].model, PROFILE);
}

#[test]
fn a_call_with_unknown_usage_keeps_its_charge() {
    let mut dropped = settled(HAIKU, 0);
    dropped.counted = None;
    dropped.charge = Charge::external(usd("0.5")).with_status(CostStatus::Bounded);
    let mut odd_tier = settled(HAIKU, 1_000);
    odd_tier.priced_as.tier = None;
    odd_tier.charge = Charge::unpriced();
    let repriced = repriced(vec![dropped, odd_tier]);
    assert_eq!((repriced.now().total(), repriced.now().status()), (usd("0.5"), CostStatus::Unpriced));
}

#[test]
fn a_refused_call_is_free_and_a_guardrail_needs_no_model() {
    let mut refused = settled("vendor.unheard-of", 0);
    refused.charge = Charge::free();
    let mut guardrail = settled("gr-1", 0);
    guardrail.charge = Charge::free();
    guardrail.guardrail =
        GuardrailUse::Counted(UnitCount::new(Unit::GuardrailUnit, 2).with_word("topicPolicyUnits").into());
    let repriced = repriced(vec![refused, guardrail]);
    assert_eq!((repriced.now().total(), repriced.now().status()), (usd("0.0003"), CostStatus::Exact));
}

#[test]
fn an_estimate_stays_an_estimate() {
    let mut estimated = settled(HAIKU, 1_000_000);
    estimated.counted = Some(CostStatus::Estimated);
    assert_eq!(repriced(vec![estimated]).now().status(), CostStatus::Estimated);
}
