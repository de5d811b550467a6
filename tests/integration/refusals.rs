//! Warnings, counts and reports of calls that were refused or never sent.

use bedrock_sim::{Reply, Tokens};
use outlay::budget::{BudgetRule, Period};
use outlay::{Budget, Outcome, Usage, Usd};
use outlay_tests::{HAIKU, Harness, Warnings, converse, haiku};

/// A model without a price is refused first. The later refusal by the spent budget is still logged.
#[tokio::test]
async fn each_refusal_reason_of_a_budget_gives_a_warning() {
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

/// Recorded calls have been sent by other means.
#[tokio::test]
async fn recorded_failed_calls_count_against_a_call_budget() {
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

/// Nothing was sent, so the budget is unchanged.
#[tokio::test]
async fn a_refused_connection_does_not_count_against_a_call_budget() {
    let h = Harness::new().await;
    let free_address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let config = outlay_tests::client_config(&format!("http://{free_address}")).build();
    let client = outlay::bedrock::Metered::metered(aws_sdk_bedrockruntime::Client::from_conf(config), &h.outlay);
    let task = h.outlay.task("t").budget(Budget::calls(1)).start();
    for _ in 0..3 {
        let error = task.run(haiku(&client).send()).await.unwrap_err();
        assert!(outlay::budget_exceeded(&error).is_none(), "{error:?}");
    }
    task.run(h.ask(HAIKU, 1, 1)).await;
}

#[tokio::test]
async fn the_report_counts_any_number_of_refusals() {
    let rule = BudgetRule::new("day", Budget::calls(0)).every(Period::Day);
    let h = Harness::with(|builder| builder.budget_rule(rule)).await;
    let task = h.outlay.task("t").start();
    for _ in 0..150 {
        task.run(haiku(&h.client).send()).await.unwrap_err();
    }
    let report = task.finish(Outcome::success()).to_string();
    assert!(report.contains("150 calls by the budget"), "{report}");
}

/// A loop that continues despite a stop leaves room in the report for the calls that are made.
#[tokio::test]
async fn refused_calls_displace_no_other_calls_in_the_report() {
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
    let repriced = report.priced_by(&h.outlay.prices());
    assert_eq!((repriced.calls.len(), repriced.elided), (1, 0), "refused calls have no price");
    assert_eq!((report.totals().calls(), report.totals().refusals()), (1, 1_000));
}

#[tokio::test]
async fn the_report_names_the_refusing_budgets() {
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
async fn the_payload_of_a_callback_panic_does_not_panic_again() {
    let h = Harness::with(|builder| builder.on_refusal(|_| std::panic::panic_any(PanicsWhenDropped))).await;
    let task = h.outlay.task("t").budget(Budget::calls(0)).start();
    let error = task.run(haiku(&h.client).send()).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some());
}
