//! Budgets that a store keeps for several processes. Each call asks the store once, before anything is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Config, IdentityCache, Region, Token};
use aws_sdk_bedrockruntime::error::SdkError;
use bedrock_sim::{Operation, Reply, Tokens};
use outlay::bedrock::Metered as _;
use outlay::budget::{Amount, BudgetRule, Downgrade, Period, RefusalReason};
use outlay::{Budget, Outcome, Usd};
use outlay_ledger::{Held, StoreAnswer};
use outlay_tests::{HAIKU, Harness, SharedBudgets, call_spans, client_config, eventually, haiku, invoke, read_stream};

use super::at_most;

/// The cost of 10 input and 10 output tokens, in pico-dollars.
const COST: i128 = 10 * 1_100_000 + 10 * 5_500_000;

async fn shared(rule: BudgetRule) -> (Harness, SharedBudgets) {
    shared_with(rule, |builder| builder).await
}

async fn shared_with(
    rule: BudgetRule,
    set: impl FnOnce(outlay::OutlayBuilder) -> outlay::OutlayBuilder,
) -> (Harness, SharedBudgets) {
    let store = SharedBudgets::default();
    let shared_store = store.clone();
    let h = Harness::with(|builder| set(builder.budget_store(shared_store).budget_rule(rule))).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(10, 10)));
    (h, store)
}

fn one_dollar_rule() -> BudgetRule {
    BudgetRule::new("team", Usd::from_dollars(1)).per("team").every(Period::Day)
}

#[tokio::test]
async fn a_refusal_by_the_store_is_in_the_error_and_nothing_is_sent() {
    let (h, store) = shared(BudgetRule::new("fleet", Usd::from_cents(1))).await;
    let task = h.outlay.task("t").start();
    let error = task.try_run(haiku(&h.client).inference_config(at_most(100_000)).send()).await.unwrap_err();

    assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    let refusal = outlay::budget_exceeded(&error).expect("the refusal is in the error's source chain");
    assert_eq!((refusal.scope(), refusal.limit()), ("fleet", Amount::Usd(Usd::from_cents(1))));
    assert!(matches!(refusal.reason(), RefusalReason::OverLimit { assumed_output: None, .. }));
    assert!(h.sim.requests().is_empty(), "nothing was sent");
    assert_eq!((store.asks(), store.settled()), ((1, 0), vec![]));

    let report = task.finish(Outcome::failure());
    assert_eq!((report.refusals().len(), report.totals().cost().usd()), (1, Some(Usd::ZERO)));
    let spans = h.spans();
    spans.assert_conserved();
    let call = spans.one(&format!("chat {HAIKU}"));
    assert_eq!(call.text("error.type"), Some("budget_exceeded"));
    assert_eq!((call.int("outlay.call.attempts"), call.text("outlay.budget.store")), (Some(0), Some("ok")));
    let metrics = h.metrics();
    let refused = metrics.iter().find(|point| point.name == "outlay.budget.refused").unwrap();
    assert_eq!((refused.attribute("outlay.budget.name"), refused.value), (Some("fleet"), 1.0));
}

#[tokio::test]
async fn a_call_of_any_operation_asks_the_store_once_even_if_it_is_retried() {
    let (h, store) = shared(one_dollar_rule()).await;
    h.sim.push(Reply::throttled());
    h.sim.push(Reply::throttled());
    let task = h.outlay.task("t").start();
    task.run(haiku(&h.client).send()).await.unwrap();
    assert_eq!((h.sim.requests().len(), store.asks()), (3, (1, 0)));
    task.run(invoke(&h.client, HAIKU).send()).await.unwrap();
    for operation in [Operation::ConverseStream, Operation::InvokeModelWithResponseStream] {
        assert_eq!(task.run(read_stream(&h.client, operation, HAIKU)).await.error, None);
    }
    assert_eq!((store.asks(), store.open()), ((4, 0), 0));
    assert_eq!(store.settled(), [(Held::Reserved, COST); 4]);
    task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    assert!(call_spans(&spans).iter().all(|call| call.text("outlay.budget.store") == Some("ok")));
}

#[tokio::test]
async fn a_call_that_the_store_could_not_check_is_marked_or_refused() {
    let (h, store) = shared(one_dollar_rule()).await;
    let task = h.outlay.task("t").start();
    store.answer_with(Some(StoreAnswer::Unchecked));
    task.run(haiku(&h.client).send()).await.unwrap();
    store.answer_with(Some(StoreAnswer::Unavailable(0)));
    let error = task.run(haiku(&h.client).send()).await.unwrap_err();
    let refusal = outlay::budget_exceeded(&error).unwrap();
    assert_eq!(refusal.reason(), RefusalReason::StoreUnavailable);
    assert_eq!(store.settled(), [(Held::Unchecked, COST), (Held::Unknown, 0)], "a possible reservation is released");
    task.finish(Outcome::success());
    let spans = h.spans();
    let marks: Vec<_> = call_spans(&spans).iter().map(|call| call.text("outlay.budget.store")).collect();
    assert_eq!(marks, [Some("down"); 2]);
    let metrics = h.metrics();
    let unchecked = metrics.iter().find(|point| point.name == "outlay.budget.unchecked").unwrap();
    assert_eq!(unchecked.value, 1.0);
}

#[tokio::test]
async fn unsigned_and_bearer_token_clients_wait_for_the_store() {
    let (h, store) = shared(one_dollar_rule()).await;
    let config = || client_config(&h.sim.url());
    let keyless = Config::builder()
        .behavior_version(aws_sdk_bedrockruntime::config::BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(h.sim.url())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .allow_no_auth();
    let bearer = config().token_provider(Token::new("token", None)).auth_scheme_preference(["httpBearerAuth".into()]);
    for config in [keyless, bearer, config().identity_cache(IdentityCache::no_cache()), config()] {
        let before = store.asks().0;
        haiku(&Client::from_conf(config.build()).metered(&h.outlay)).send().await.unwrap();
        assert_eq!(store.asks(), (before + 1, 0));
    }
    // Metering works on a configuration builder as on a client.
    haiku(&Client::from_conf(config().metered(&h.outlay).build())).send().await.unwrap();
    assert_eq!(store.asks(), (5, 0));
    haiku(&h.client.clone().metered(&h.outlay)).send().await.unwrap();
    assert_eq!(store.asks(), (6, 0), "a client metered twice asks once");
}

#[tokio::test]
async fn a_config_override_waits_for_the_store_unless_it_changes_the_identity() {
    let (h, store) = shared(one_dollar_rule()).await;
    let region = Config::builder().region(Region::new("eu-west-1"));
    haiku(&h.client).customize().config_override(region).send().await.unwrap();
    assert_eq!(store.asks(), (1, 0));
    let other = || Config::builder().credentials_provider(Credentials::for_tests());
    haiku(&h.client).customize().config_override(other()).send().await.unwrap();
    assert_eq!(store.asks(), (1, 1), "it asks the store without waiting");
    let same_cache = other().identity_cache(h.client.config().identity_cache().unwrap());
    haiku(&h.client).customize().config_override(same_cache).send().await.unwrap();
    assert_eq!(store.asks(), (2, 1), "with the client's identity cache it waits");
    haiku(&h.bare_client()).customize().metered(&h.outlay).send().await.unwrap();
    assert_eq!(store.asks(), (2, 2));

    store.answer_with(Some(StoreAnswer::Unavailable(0)));
    let requests = h.sim.requests().len();
    let error = haiku(&h.client).customize().config_override(other()).send().await.unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure(_)) && outlay::budget_exceeded(&error).is_some(), "{error:?}");
    assert_eq!(h.sim.requests().len(), requests);
}

/// A credentials provider that counts its requests.
#[derive(Clone, Debug, Default)]
struct CountingProvider(Arc<AtomicUsize>);

impl ProvideCredentials for CountingProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.fetch_add(1, Ordering::SeqCst);
        future::ProvideCredentials::ready(Ok(Credentials::for_tests()))
    }
}

#[tokio::test]
async fn a_store_does_not_change_how_identities_are_cached() {
    let (h, store) = shared(one_dollar_rule()).await;
    let provider = CountingProvider::default();
    for (cache, expected) in [(None, 1), (Some(IdentityCache::lazy().build()), 1), (Some(IdentityCache::no_cache()), 5)]
    {
        provider.0.store(0, Ordering::SeqCst);
        let mut config = client_config(&h.sim.url()).credentials_provider(provider.clone());
        if let Some(cache) = cache {
            config.set_identity_cache(cache);
        }
        let client = Client::from_conf(config.build()).metered(&h.outlay);
        for _ in 0..5 {
            haiku(&client).send().await.unwrap();
        }
        assert_eq!(provider.0.load(Ordering::SeqCst), expected);
    }
    assert_eq!(store.asks(), (15, 0));
    // Without a store the client has no identity cache of ours.
    assert!(Harness::new().await.client.config().identity_cache().is_none());
}

#[tokio::test]
async fn a_call_dropped_while_it_waits_for_the_store_releases_its_reservation() {
    let (h, store) = shared(one_dollar_rule()).await;
    store.delay(Duration::from_secs(60));
    let task = h.outlay.task("t").start();
    let mut call = Box::pin(task.run(haiku(&h.client).send()));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut call).await.is_err());
    drop(call);
    assert_eq!((store.asks(), store.settled()), ((1, 0), vec![(Held::Unknown, 0)]));
    let report = task.finish(Outcome::failure());
    assert_eq!(report.totals().cost().to_string(), "$0.000000 exact", "nothing was sent");

    // An attempt that times out is retried and asks again.
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(50)).build();
    let client = Client::from_conf(client_config(&h.sim.url()).timeout_config(timeouts).build()).metered(&h.outlay);
    let call = tokio::spawn(haiku(&client).send());
    eventually("the retry asks the store", || store.asks().0 >= 3).await;
    store.delay(Duration::ZERO);
    // The third attempt is the last one.
    if call.await.unwrap().is_ok() {
        assert_eq!(*store.settled().last().unwrap(), (Held::Reserved, COST));
    }
    assert_eq!(store.open(), 0);
    assert_eq!(h.sim.requests().len(), store.settled().iter().filter(|(_, spent)| *spent > 0).count());
}

#[tokio::test(flavor = "current_thread")]
async fn calls_wait_for_the_store_concurrently_and_block_nothing_else() {
    let (h, store) = shared(one_dollar_rule()).await;
    store.delay(Duration::from_millis(100));
    let mut calls = Vec::new();
    for _ in 0..50 {
        calls.push(tokio::spawn(haiku(&h.client).inference_config(at_most(10)).send()));
    }
    eventually("all calls wait at the same time", || store.asks().0 == 50).await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(store.settled().len(), 50);
}

#[tokio::test]
async fn a_call_against_a_budget_known_to_be_full_is_downgraded_before_it_asks_the_store() {
    let rule = BudgetRule::new("fleet", Usd::from_micros(2_000));
    let decide = |_: &_| Some(Downgrade::to_max_tokens(20));
    let (h, store) = shared_with(rule, |builder| builder.on_refusal(decide)).await;
    let task = h.outlay.task("t").start();
    // The store refuses the first call, too late to downgrade it.
    let error = task.run(haiku(&h.client).inference_config(at_most(1_000)).send()).await.unwrap_err();
    assert!(outlay::budget_exceeded(&error).is_some());
    task.run(haiku(&h.client).inference_config(at_most(1_000)).send()).await.unwrap();
    assert_eq!(store.asks(), (2, 0));
    assert_eq!(h.sim.requests()[0].json()["inferenceConfig"]["maxTokens"], 20);
}

#[tokio::test]
async fn a_broken_answer_settles_at_the_same_bound_in_the_store_and_in_the_ledger() {
    let (h, store) = shared(BudgetRule::new("fleet", Usd::from_dollars(1))).await;
    h.sim.push_times(3, Reply::reset_after_headers());
    let task = h.outlay.task("t").budget(Budget::new(Usd::from_dollars(1))).start();
    let _ = task.run(haiku(&h.client).inference_config(at_most(100)).send()).await;
    let spent = task.finish(Outcome::failure()).budget().unwrap().spent;
    let settled = store.settled();
    assert_eq!((settled.len(), settled[0].0), (1, Held::Reserved));
    assert_eq!(Amount::Usd(Usd::from_picos(settled[0].1)), spent);
}

#[tokio::test]
async fn a_call_signed_as_the_role_of_its_workflow_waits_for_the_store() {
    let (h, store) = shared(one_dollar_rule()).await;
    let sts = bedrock_sim::StsSim::start().await.unwrap();
    let identities = outlay::bedrock::Identities::new(crate::identity::sts_client(&sts.url()))
        .role("t", "arn:aws:iam::123456789012:role/tickets");
    let bare = Client::from_conf(client_config(&h.sim.url()).build());
    let task = h.outlay.task("t").start();
    // In either order of signing and metering.
    let clients = [identities.sign(bare.clone()).metered(&h.outlay), identities.sign(bare.metered(&h.outlay))];
    for (n, client) in clients.iter().enumerate() {
        task.run(haiku(client).send()).await.unwrap();
        assert_eq!(store.asks(), (n + 1, 0), "asked once, and waited for");
    }
    task.finish(Outcome::success());
    let spans = h.spans();
    for call in call_spans(&spans) {
        assert_eq!((call.text("outlay.aws.identity"), call.text("outlay.budget.store")), (Some("assumed"), Some("ok")));
    }
    assert_eq!(store.settled(), vec![(Held::Reserved, COST); 2]);
}
