//! The dollar budget of a task: it reserves the bound, settles at the actual cost and refuses before anything is sent.

use std::error::Error as _;

use aws_sdk_bedrockruntime::error::SdkError;
use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use bedrock_sim::{Reply, Tokens};
use outlay::budget::{Amount, RefusalReason};
use outlay::{Budget, CostStatus, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, converse, haiku};

mod bounds;
mod downgraded;
mod fleet;
mod refused_again;
mod rules;
mod shared;

fn at_most(tokens: i32) -> InferenceConfiguration {
    InferenceConfiguration::builder().max_tokens(tokens).build()
}

#[tokio::test]
async fn a_call_that_may_exceed_its_budget_is_refused_before_anything_is_sent() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Usd::from_cents(1)).start();
    // 100,000 output tokens at $5.50 per million cost 55 cents.
    let call = haiku(&h.client).inference_config(at_most(100_000)).send();
    let error = task.try_run(call).await.unwrap_err();

    assert!(matches!(error, SdkError::ConstructionFailure(_)), "{error:?}");
    let refusal = outlay::budget_exceeded(&error).expect("the refusal is in the error's source chain");
    assert_eq!(refusal.limit(), Usd::from_cents(1));
    assert_eq!(refusal.spent(), Usd::ZERO);
    assert!(matches!(refusal.reason(), RefusalReason::OverLimit { assumed_output: None, .. }));
    assert!(error.source().is_some());
    assert!(h.sim.requests().is_empty(), "nothing was sent");

    assert_eq!(task.refusals().len(), 1);
    let report = task.finish(Outcome::failure());
    assert_eq!(report.refusals().len(), 1);
    assert_eq!(report.totals().cost().usd(), Some(Usd::ZERO));
    assert_eq!(report.totals().cost().status(), CostStatus::Exact, "certainly nothing was sent");
    let spans = h.spans();
    spans.assert_conserved();
    let call = spans.one(&format!("chat {HAIKU}"));
    assert_eq!(call.text("error.type"), Some("budget_exceeded"));
    assert_eq!(call.int("outlay.call.attempts"), Some(0));
    let root = spans.one("invoke_workflow t");
    assert_eq!(root.double("outlay.budget.limit_usd"), Some(0.01));
    assert_eq!(root.value("outlay.budget.exceeded"), Some(&true.into()));
}

#[tokio::test]
async fn a_settled_call_releases_its_reservation() {
    let h = Harness::new().await;
    // Room for the bound of one open call, not of two. Ten settled calls are far below the limit.
    let task = h.outlay.task("t").budget(Usd::from_cents(2)).start();
    for _ in 0..10 {
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)));
        task.run(haiku(&h.client).inference_config(at_most(2_500)).send()).await.unwrap();
    }
    let report = task.finish(Outcome::success());
    let budget = report.budget().expect("the task has a budget");
    assert_eq!(budget.reserved, Usd::ZERO);
    assert_eq!(budget.spent.usd(), report.totals().cost().usd());
    assert_eq!(budget.refused, 0);
}

#[tokio::test]
async fn concurrent_calls_cannot_exceed_a_budget() {
    let h = Harness::new().await;
    h.sim.push_times(50, Reply::message().text("ok").usage(Tokens::new(100, 2_500)));
    let limit = Usd::from_cents(10);
    let task = h.outlay.task("t").budget(limit).start();
    let calls = (0..50).map(|_| {
        let call = haiku(&h.client).inference_config(at_most(2_500));
        Box::pin(task.run(async move { call.send().await.is_ok() }))
    });
    let mut sent = 0;
    let mut set = Vec::from_iter(calls);
    // Polled concurrently, so that all calls reserve before any of them settles.
    std::future::poll_fn(|cx| {
        set.retain_mut(|call| match call.as_mut().poll(cx) {
            std::task::Poll::Ready(ok) => {
                sent += u32::from(ok);
                false
            }
            std::task::Poll::Pending => true,
        });
        if set.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    let report = task.finish(Outcome::success());
    let budget = report.budget().unwrap();
    assert!(budget.spent.usd() <= Some(limit), "{} of {limit}", budget.spent);
    assert_eq!(budget.reserved, Usd::ZERO);
    assert_eq!(u64::from(sent) + budget.refused, 50);
    assert!((1..10).contains(&sent), "{sent} calls fit");
}

#[tokio::test]
async fn a_cancelled_call_releases_its_reservation() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Usd::from_cents(2)).start();
    for _ in 0..5 {
        // Dropped before it is polled.
        drop(task.run(haiku(&h.client).inference_config(at_most(2_500)).send()));
    }
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)));
    task.run(haiku(&h.client).inference_config(at_most(2_500)).send()).await.unwrap();
    let report = task.finish(Outcome::success());
    assert_eq!(report.budget().unwrap().reserved, Usd::ZERO);
    assert_eq!(report.totals().calls(), 1);
}

#[tokio::test]
async fn a_call_dropped_after_it_was_sent_is_charged_its_bound_and_releases_its_reservation() {
    let h = Harness::new().await;
    h.sim.push(Reply::hang());
    let task = h.outlay.task("t").budget(Usd::from_cents(20)).start();
    let mut call = Box::pin(task.run(haiku(&h.client).inference_config(at_most(2_500)).send()));
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), &mut call).await.is_err());
    assert_eq!(h.sim.requests().len(), 1, "the call was sent");
    drop(call);
    let report = task.finish(Outcome::failure());
    let budget = report.budget().unwrap();
    assert_eq!(budget.reserved, Usd::ZERO);
    assert_eq!(budget.spent.usd(), report.totals().cost().usd());
    assert_eq!(report.totals().cost().status(), CostStatus::Bounded);
}

#[tokio::test]
async fn a_call_without_max_tokens_reserves_the_assumed_output_and_the_refusal_states_it() {
    let h = Harness::new().await;
    let budget = Budget::new(Usd::from_cents(1)).assume_output(50_000);
    let task = h.outlay.task("t").budget(budget).start();
    let error = task.run(haiku(&h.client).send()).await.unwrap_err();
    let refusal = outlay::budget_exceeded(&error).unwrap();
    assert!(matches!(refusal.reason(), RefusalReason::OverLimit { assumed_output: Some(50_000), .. }));
    assert!(refusal.to_string().contains("50000 output tokens are assumed"), "{refusal}");
}

#[tokio::test]
async fn an_unpriced_call_is_refused_under_a_budget_unless_unpriced_calls_are_allowed() {
    let h = Harness::new().await;
    let unknown = "vendor.unknown-model-v1:0";
    let task = h.outlay.task("t").budget(Usd::from_dollars(1)).start();
    let error = task.run(converse(&h.client, unknown).send()).await.unwrap_err();
    assert_eq!(outlay::budget_exceeded(&error).unwrap().reason(), RefusalReason::Unpriced);
    assert!(h.sim.requests().is_empty());

    let task = h.outlay.task("t2").budget(Budget::new(Usd::from_dollars(1)).allow_unpriced()).start();
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)));
    task.run(converse(&h.client, unknown).send()).await.unwrap();
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().unpriced_calls(), 1);
    assert_eq!(report.totals().cost().usd(), None, "an unknown cost is never zero");
}

#[tokio::test]
async fn a_call_counts_against_the_budget_of_every_enclosing_task() {
    let h = Harness::new().await;
    let outer = h.outlay.task("outer").budget(Usd::from_cents(1)).start();
    let (error, refusals) = outer
        .run(async {
            let inner = h.outlay.task("inner").budget(Usd::from_dollars(100)).start();
            let error = inner.run(haiku(&h.client).inference_config(at_most(100_000)).send()).await.unwrap_err();
            (error, inner.finish(Outcome::failure()).refusals().len())
        })
        .await;
    assert_eq!(outlay::budget_exceeded(&error).unwrap().scope(), "outer");
    assert_eq!(refusals, 0, "the inner budget did not refuse");
    assert_eq!(outer.refusals().len(), 1);
}

#[tokio::test]
async fn an_external_charge_counts_against_the_budget() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Usd::from_cents(5)).start();
    task.charge("search", Usd::from_cents(5));
    let error = task.run(haiku(&h.client).inference_config(at_most(10)).send()).await.unwrap_err();
    assert_eq!(outlay::budget_exceeded(&error).unwrap().spent(), Usd::from_cents(5));
}

#[tokio::test]
async fn budgets_of_calls_turns_and_tokens_hold_beside_a_dollar_budget() {
    for (budget, calls) in [(Budget::calls(3), 3), (Budget::turns(2), 2), (Budget::tokens(4_000), 4)] {
        let h = Harness::new().await;
        let task = h.outlay.task("t").budget(Usd::from_dollars(10)).budget(budget).start();
        let mut refusal = None;
        for _ in 0..10 {
            h.sim.push(Reply::message().text("ok").usage(Tokens::new(900, 10)));
            let call = task.run(haiku(&h.client).inference_config(at_most(10)).send());
            if let Err(error) = call.await {
                refusal = outlay::budget_exceeded(&error).cloned();
                break;
            }
        }
        let refusal = refusal.expect("a call is refused in the end");
        assert_eq!(refusal.limit(), budget.limit(), "{refusal}");
        let report = task.finish(Outcome::success());
        assert_eq!((report.totals().calls(), report.totals().refusals()), (calls, 1), "{budget:?}");
        assert_eq!(report.budget().unwrap().limit, Usd::from_dollars(10), "the report shows the first budget");
        assert_eq!(report.refusals().len(), 1);
    }
}

#[tokio::test]
async fn an_agent_and_a_step_can_have_their_own_budgets() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let (first, second, third, outside) = task
        .run(async {
            let step = outlay::step("act", "draft").budget(Budget::calls(1));
            let (first, second, third) = step.run(async { (ask(&h).await, ask(&h).await, ask(&h).await) }).await;
            (first, second, third, ask(&h).await)
        })
        .await;
    assert!(first.is_none() && outside.is_none(), "the budget applies only inside the step");
    let second = second.expect("the step's second call is refused");
    assert_eq!((second.scope(), second.limit(), second.spent()), ("draft", Amount::Calls(1), Amount::Calls(1)));
    assert_eq!(third.expect("the third call is refused").spent(), Amount::Calls(1), "a refusal spends nothing");
    assert_eq!(task.refusals().len(), 2, "refusals by a step's budget are listed in its task");

    let agent = outlay::agent("researcher").budget(Usd::from_micros(1));
    let refused = task.run(agent.run(outlay::plan("p").run(ask(&h)))).await;
    assert_eq!(refused.expect("the agent's budget applies to its steps").scope(), "researcher");
}

/// Sends one call and returns its refusal, if any.
async fn ask(h: &Harness) -> Option<outlay::budget::BudgetExceeded> {
    let error = haiku(&h.client).inference_config(at_most(10)).send().await.err()?;
    Some(outlay::budget_exceeded(&error).expect("a refusal").clone())
}
