//! What is told, counted and kept of calls that were refused, or never sent.

use bedrock_sim::{Reply, Tokens};
use outlay::{Budget, BudgetRule, Outcome, Period, Usage, Usd};
use outlay_tests::{HAIKU, Harness, Warnings, converse, haiku};

/// A model without a price is refused first; that the budget is spent is told all the same.
#[tokio::test]
async fn the_second_reason_of_a_budget_is_warned_of() {
    let h = Harness::new().await;
    let warnings = Warnings::default();
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    let task = h.outlay.task("t").budget(Usd::from_cents(1)).start();
    task.run(converse(&h.client, "acme.unknown-model-v1:0").send()).await.unwrap_err();
    task.charge("x", Usd::from_cents(1));
    for _ in 0..3 {
        task.run(haiku(&h.client).send()).await.unwrap_err();
    }
    assert_eq!(warnings.count_with("the limit is $0.010000, with $0.010000 spent"), 1, "{warnings:?}");
    assert_eq!(warnings.count_with("has no price, so the limit"), 1);
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("haiku-4-5 ×3") || report.contains("haiku-4-5 x3"), "{report}");
}

/// They have been sent, by whoever made them.
#[tokio::test]
async fn failed_calls_that_were_recorded_spend_a_budget_of_calls() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Budget::calls(2)).start();
    task.run_sync(|| {
        for _ in 0..2 {
            outlay::call(HAIKU).usage(Usage::new().with_uncached_input(1)).failed("timeout").record();
        }
    });
    let error = task.run(haiku(&h.client).send()).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some(), "{error:?}");
}

/// Nothing went out, and so a budget of calls has as much left as before.
#[tokio::test]
async fn a_call_that_finds_no_server_spends_no_call() {
    let h = Harness::new().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nowhere = outlay_tests::client_config(&format!("http://{free}")).build();
    let client = outlay::bedrock::Metered::metered(aws_sdk_bedrockruntime::Client::from_conf(nowhere), &h.outlay);
    let task = h.outlay.task("t").budget(Budget::calls(1)).start();
    for _ in 0..3 {
        let error = task.run(haiku(&client).send()).await.unwrap_err();
        assert!(outlay::budget_exceeded(&error).is_none(), "{error:?}");
    }
    task.run(h.ask(HAIKU, 1, 1)).await;
}

#[tokio::test]
async fn all_refusals_are_counted_in_the_report_however_many() {
    let rule = BudgetRule::new("day", Budget::calls(0)).every(Period::Day);
    let h = Harness::with(|builder| builder.budget_rule(rule)).await;
    let task = h.outlay.task("t").start();
    for _ in 0..150 {
        task.run(haiku(&h.client).send()).await.unwrap_err();
    }
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("150 calls by the budget"), "{report}");
}

/// A loop that goes on against a stop leaves room for the calls that are made.
#[tokio::test]
async fn refused_calls_push_no_other_out_of_the_report() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    h.outlay.stop(task.id(), "wait");
    for _ in 0..1_000 {
        task.run(haiku(&h.client).send()).await.unwrap_err();
    }
    h.outlay.resume(task.id());
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 5)));
    task.run(haiku(&h.client).send()).await.unwrap();
    let report = task.finish(Outcome::success());
    let again = report.priced_by(&h.outlay.prices());
    assert_eq!((again.calls.len(), again.elided), (1, 0), "those that were refused have no price");
    assert_eq!((report.totals().calls(), report.totals().refusals()), (1, 1_000));
}

#[tokio::test]
async fn the_report_says_which_budget_refused() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Budget::calls(0)).start();
    task.run(haiku(&h.client).send()).await.unwrap_err();
    let agent = outlay::agent("a").budget(Usd::from_cents(1));
    let in_agent = async { agent.run(haiku(&h.client).send()).await };
    task.run(in_agent).await.unwrap_err();
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("2 calls by budgets"), "{report}");
    assert!(report.contains("by t ") && report.contains("by a ") && report.contains("$0.01"), "{report}");
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped outside a panic");
    }
}

#[tokio::test]
async fn what_a_callback_panics_with_does_not_panic_again() {
    let h = Harness::with(|builder| builder.on_refusal(|_| std::panic::panic_any(PanicsWhenDropped))).await;
    let task = h.outlay.task("t").budget(Budget::calls(0)).start();
    let error = task.run(haiku(&h.client).send()).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some());
}
