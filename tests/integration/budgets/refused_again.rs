//! A call that a store has refused stays refused when the application retries its failed attempt.

use aws_sdk_bedrockruntime::Client;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::retry::ErrorKind;
use bedrock_sim::{Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay::budget::BudgetRule;
use outlay::{Outcome, Outlay, Usd};
use outlay_tests::{Harness, SharedBudgets, client_config, haiku};

use super::at_most;

/// Retries all errors.
#[derive(Debug)]
struct Always;

impl ClassifyRetry for Always {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            Some(Err(_)) => RetryAction::retryable_error(ErrorKind::TransientError),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Always"
    }
}

async fn shared() -> (Harness, SharedBudgets) {
    let store = SharedBudgets::default();
    let shared_store = store.clone();
    let rule = BudgetRule::new("fleet", Usd::from_cents(1));
    let h = Harness::with(|builder| builder.budget_store(shared_store).budget_rule(rule)).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(10, 10)));
    (h, store)
}

#[tokio::test]
async fn a_retry_classifier_cannot_send_a_call_that_the_store_refused() {
    let (h, store) = shared().await;
    let config = || client_config(&h.sim.url()).retry_classifier(Always);
    let waits = Client::from_conf(config().build()).metered(&h.outlay);
    let cannot_wait = Client::from_conf(config().interceptor(outlay::bedrock::interceptor(&h.outlay)).build());
    for client in [waits, cannot_wait] {
        let task = h.outlay.task("t").start();
        let error = task.try_run(haiku(&client).inference_config(at_most(100_000)).send()).await.unwrap_err();
        assert!(outlay::budget_exceeded(&error).is_some(), "{error:?}");
        assert!(h.sim.requests().is_empty(), "nothing was sent");
        assert_eq!(task.finish(Outcome::failure()).refusals().len(), 1, "the call is refused once");
    }
    assert_eq!((store.asks(), store.open()), ((1, 1), 0));
}

#[tokio::test]
async fn a_client_metered_without_a_store_asks_the_store_of_the_task_without_waiting() {
    let (h, store) = shared().await;
    let storeless = Outlay::builder().build();
    let client = Client::from_conf(client_config(&h.sim.url()).build()).metered(&storeless);
    let task = h.outlay.task("t").start();
    task.run(haiku(&client).inference_config(at_most(10)).send()).await.unwrap();
    assert_eq!(store.asks(), (0, 1));
    task.finish(Outcome::success());
}
