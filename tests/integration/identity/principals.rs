//! The signer of each call, on spans and on `outlay.cost` once it is known.

use std::sync::atomic::AtomicBool;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_bedrockruntime::config::Token;
use futures_util::future::join_all;
use outlay_tests::{HAIKU, Span, Spans, call_spans, eventually, haiku};

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/agents";

fn signer(span: &Span) -> (Option<&str>, Option<&str>, Option<&str>) {
    (span.text("outlay.aws.principal"), span.text("outlay.aws.session"), span.text("cloud.account.id"))
}

/// Makes calls until a call span has a principal. That span is the last one.
async fn until_known(h: &Harness, client: &Client) -> Spans {
    for _ in 0..1_000 {
        haiku(client).send().await.unwrap();
        let spans = h.spans();
        if call_spans(&spans).last().unwrap().has("outlay.aws.principal") {
            return spans;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the principal never became known");
}

#[tokio::test]
async fn concurrent_first_calls_ask_once_and_later_calls_have_principal_session_and_account() {
    let sts = StsSim::start().await.unwrap();
    sts.know(BASE, "arn:aws:sts::123456789012:assumed-role/agents/run-7@host");
    let h = with_principals(&sts, |builder| builder).await;
    let task = h.outlay.task("t").start();
    task.run(join_all((0..20).map(|_| haiku(&h.client).send()))).await;
    let spans = task.run(until_known(&h, &h.client)).await;
    let last = *call_spans(&spans).last().unwrap();
    assert_eq!(signer(last), (Some(ROLE), Some("run-7@host"), Some("123456789012")));
    assert!(!last.has("outlay.aws.identity"), "the call has no assumed identity");
    let requests = sts.requests();
    assert_eq!(requests.len(), 1, "one request for one access key");
    assert_eq!(requests[0].action, StsAction::GetCallerIdentity);
    assert_eq!(requests[0].access_key_id.as_deref(), Some(BASE), "signed with the credentials of the call");

    // From then on the metric has the principal. It has no session, because there are many sessions.
    let metrics = h.metrics();
    let cost = |principal: Option<&str>| -> f64 {
        let cost = metrics.iter().filter(|point| point.name == "outlay.cost");
        cost.filter(|point| point.attribute("outlay.aws.principal") == principal).map(|point| point.value).sum()
    };
    let known = call_spans(&spans).iter().filter(|span| span.has("outlay.aws.principal")).count();
    let call = 0.00165;
    assert!((cost(Some(ROLE)) - call * known as f64).abs() < 1e-9, "{} of {known} calls", cost(Some(ROLE)));
    let all = task.totals().cost().usd().unwrap().to_f64();
    assert!((cost(Some(ROLE)) + cost(None) - all).abs() < 1e-9);
    assert!(metrics.iter().all(|point| point.attribute("outlay.aws.session").is_none()));
    task.finish(outlay::Outcome::success());
    h.spans().assert_conserved();
}

#[tokio::test]
async fn a_series_starts_with_the_known_principal() {
    let sts = StsSim::start().await.unwrap();
    let h = with_principals(&sts, |builder| builder).await;
    until_known(&h, &h.client).await;
    h.sim.push(Reply::hang());
    let client = h.client.clone();
    let task = h.outlay.task("another").start();
    let open = task.run_sync(|| tokio::spawn(outlay::in_scope(async move { haiku(&client).send().await.is_ok() })));
    let has_series = || {
        let of_task = |point: &&outlay_tests::MetricPoint| {
            point.name == "outlay.cost" && point.attribute("outlay.task.name") == Some("another")
        };
        let user = format!("arn:aws:iam::123456789012:user/{BASE}");
        let metrics = h.metrics();
        let mut series = metrics.iter().filter(of_task);
        series.any(|p| p.value == 0.0 && p.attribute("outlay.aws.principal") == Some(&user))
    };
    eventually("the series exists", has_series).await;
    open.abort();
}

#[tokio::test]
async fn a_series_starts_when_its_first_call_is_sent_and_only_with_its_own_principal() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts).role("orders", ORDERS), &clock);
    h.outlay.task("tickets").start().run(haiku(&client).send()).await.unwrap();
    let of_task = |metrics: &[outlay_tests::MetricPoint], task: &str| -> Vec<_> {
        let of_task =
            metrics.iter().filter(|p| p.name == "outlay.cost" && p.attribute("outlay.task.name") == Some(task));
        of_task.map(|p| (p.value, p.attribute("outlay.aws.principal").map(str::to_owned))).collect()
    };
    for (task, principal) in [("orders", Some("arn:aws:iam::123456789012:role/orders")), ("another", None)] {
        h.sim.push(Reply::hang());
        let earlier = h.sim.requests().len();
        let task_of_call = h.outlay.task(task).start();
        let mut call = std::pin::pin!(task_of_call.run(haiku(&client).send()));
        tokio::select! {
            _ = &mut call => panic!("the simulator answered"),
            _ = h.sim.wait_for(earlier + 1) => {}
        }
        let series = of_task(&h.metrics(), task);
        let series: Vec<_> = series.iter().map(|(value, principal)| (*value, principal.as_deref())).collect();
        assert_eq!(series, [(0.0, principal); 2], "{task}: series of input and output");
    }
}

#[tokio::test]
async fn principals_of_all_kinds_and_partitions_are_read_from_sts() {
    for (arn, principal, session, account) in [
        ("arn:aws:iam::210987654321:user/dep/ana", "arn:aws:iam::210987654321:user/dep/ana", None, "210987654321"),
        ("arn:aws:sts::1:federated-user/bob", "arn:aws:sts::1:federated-user/bob", None, "1"),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root", None, "1"),
        ("arn:aws-us-gov:sts::1:assumed-role/r/eks-web", "arn:aws-us-gov:iam::1:role/r", Some("eks-web"), "1"),
        ("arn:aws-cn:sts::1:assumed-role/r/s", "arn:aws-cn:iam::1:role/r", Some("s"), "1"),
    ] {
        let sts = StsSim::start().await.unwrap();
        sts.know(BASE, arn);
        let h = with_principals(&sts, |builder| builder).await;
        let spans = until_known(&h, &h.client).await;
        let last = *call_spans(&spans).last().unwrap();
        assert_eq!(signer(last), (Some(principal), session, Some(account)), "{arn}");
    }
}

#[tokio::test]
async fn a_bedrock_api_key_has_no_principal_and_sts_is_not_asked() {
    let sts = StsSim::start().await.unwrap();
    let h = with_principals(&sts, |builder| builder).await;
    let config = client_config(&h.sim.url()).token_provider(Token::new("bedrock-api-key-secret", None));
    let scheme = aws_smithy_runtime_api::client::auth::AuthSchemeId::from("httpBearerAuth");
    let client = Client::from_conf(config.auth_scheme_preference([scheme]).build());
    // Also with identities, because there are no credentials for them to replace.
    let client = identities(&sts).default_role(TICKETS).sign(client).metered(&h.outlay);
    let task = h.outlay.task("t").start();
    for _ in 0..3 {
        task.run(haiku(&client).send()).await.unwrap();
    }
    let requests = h.sim.requests();
    assert!(requests.iter().all(|r| r.headers["authorization"].to_str().unwrap().starts_with("Bearer ")));
    assert!(sts.requests().is_empty());
    let spans = h.spans();
    assert!(call_spans(&spans).iter().all(|span| signer(span) == (None, None, None)));
}

/// A provider that returns other credentials once its flag is set.
#[derive(Debug)]
struct Rotating(Arc<AtomicBool>);

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let key = if self.0.load(Ordering::SeqCst) { "AKIDNEW" } else { "AKIDOLD" };
        future::ProvideCredentials::ready(Ok(Credentials::new(key, "secret", None, None, "test")))
    }
}

#[tokio::test]
async fn credentials_rotated_during_a_run_are_never_confused() {
    let sts = StsSim::start().await.unwrap();
    let h = with_principals(&sts, |builder| builder).await;
    let rotated = Arc::new(AtomicBool::new(false));
    let client = uncached(&h, Rotating(rotated.clone()));
    let task = h.outlay.task("t").start();
    task.run(until_known(&h, &client)).await;
    rotated.store(true, Ordering::SeqCst);
    task.run(haiku(&client).send()).await.unwrap();
    let between = h.spans().len();
    task.run(until_known(&h, &client)).await;
    let (spans, keys) = (h.spans(), access_keys(&h.sim));
    for (span, key) in call_spans(&spans).iter().zip(&keys) {
        if let Some(principal) = span.text("outlay.aws.principal") {
            assert_eq!(principal, format!("arn:aws:iam::123456789012:user/{key}"));
        }
    }
    assert!(between < spans.len());
    assert_eq!(request_count(&sts, StsAction::GetCallerIdentity), 2);
}

/// A provider that returns new credentials each time.
#[derive(Debug, Default)]
struct Fresh(AtomicU64);

impl ProvideCredentials for Fresh {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let key = format!("ASIA{}", self.0.fetch_add(1, Ordering::SeqCst));
        future::ProvideCredentials::ready(Ok(Credentials::new(key, "secret", None, None, "test")))
    }
}

/// Returns a client that asks its provider for each call.
fn uncached(h: &Harness, provider: impl ProvideCredentials + 'static) -> Client {
    let config = client_config(&h.sim.url()).credentials_provider(provider);
    let config = config.identity_cache(aws_sdk_bedrockruntime::config::IdentityCache::no_cache());
    Client::from_conf(config.build()).metered(&h.outlay)
}

#[tokio::test]
async fn a_provider_with_new_credentials_each_time_is_soon_asked_only_by_calls() {
    let sts = StsSim::start().await.unwrap();
    let h = with_principals(&sts, |builder| builder).await;
    let provider = Arc::new(Fresh::default());
    let client = uncached(&h, SharedCredentialsProvider::from(provider.clone() as Arc<dyn ProvideCredentials>));
    for _ in 0..50 {
        haiku(&client).send().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let provider_requests = provider.0.load(Ordering::SeqCst);
    assert!((50..=60).contains(&provider_requests), "{provider_requests}: only calls ask the provider");
    assert!(sts.requests().is_empty(), "no credentials belong to a call");
}

#[tokio::test]
async fn no_part_of_a_credential_is_exported_or_logged() {
    let sts = StsSim::start().await.unwrap();
    sts.know(BASE, "arn:aws:iam::123456789012:user/ana");
    let quoting = bedrock_sim::StsFault::error(400, "IncompleteSignature", "Credential=AKIDEXAMPLE/20261120 secret");
    sts.push(StsAction::GetCallerIdentity, quoting);
    let log = Log::default();
    let _subscriber = tracing::subscriber::set_default(log.subscriber());
    let clock = ManualClock::at_noon();
    let h = with_principals(&sts, |builder| builder.clock(clock.clone())).await;
    h.ask(HAIKU, 1, 1).await;
    eventually("the failure is logged", || !log.lines_with("could not be found out").is_empty()).await;
    clock.advance(3_600);
    until_known(&h, &h.client).await;
    assert_eq!(log.lines_with("IncompleteSignature").len(), 1);
    let all = format!("{:?} {:?} {log:?}", h.spans(), h.metrics(), log = log.0.lock().unwrap());
    for part in [BASE, "secret", "AWS4-HMAC", "Signature="] {
        assert!(!all.contains(part), "{part}");
    }
    assert!(!format!("{:?}", Principals::new(sts_client(&sts.url()))).contains(BASE));
}

#[tokio::test]
async fn a_client_with_new_credentials_each_time_affects_no_other_and_is_retried_later() {
    let (sts, clock) = (StsSim::start().await.unwrap(), ManualClock::at_noon());
    let h = with_principals(&sts, |builder| builder.clock(clock.clone())).await;
    let provider = Arc::new(Fresh::default());
    let fresh = uncached(&h, SharedCredentialsProvider::from(provider.clone() as Arc<dyn ProvideCredentials>));
    for _ in 0..20 {
        haiku(&fresh).send().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    until_known(&h, &uncached(&h, Rotating(Arc::default()))).await;
    assert_eq!(request_count(&sts, StsAction::GetCallerIdentity), 1);
    let before = provider.0.load(Ordering::SeqCst);
    clock.advance(300);
    haiku(&fresh).send().await.unwrap();
    eventually("the provider is asked again", || provider.0.load(Ordering::SeqCst) == before + 2).await;
}

#[tokio::test]
async fn the_principal_of_the_client_credentials_is_resolved_outside_the_entered_scope() {
    let (sts, clock) = (StsSim::start().await.unwrap(), ManualClock::at_noon());
    let h = with_principals(&sts, |builder| builder).await;
    let client = signed(&h, &identities(&sts), &clock);
    let tickets = h.outlay.task("tickets").start();
    let another = h.outlay.task("another").start();
    // Entered for everything that this thread polls.
    let _entered = tickets.enter();
    another.run(haiku(&client).send()).await.unwrap();
    eventually("STS is asked", || request_count(&sts, StsAction::GetCallerIdentity) == 1).await;
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 0);
    assert_eq!(access_keys(&h.sim), [BASE]);
}

#[tokio::test]
async fn a_lookup_beyond_the_concurrency_limit_is_made_by_the_next_call() {
    let (sts, clock) = (StsSim::start().await.unwrap(), ManualClock::at_noon());
    sts.always(StsAction::GetCallerIdentity, Some(bedrock_sim::StsFault::Delay(Duration::from_millis(100))));
    let h = with_principals(&sts, |builder| builder.clock(clock.clone())).await;
    let client = |n: usize| {
        let config = client_config(&h.sim.url());
        let config = config.credentials_provider(Credentials::new(format!("AKID{n}"), "secret", None, None, "test"));
        Client::from_conf(config.build()).metered(&h.outlay)
    };
    let clients: Vec<_> = (0..20).map(client).collect();
    for known in [8, 16, 20] {
        join_all(clients.iter().map(|client| haiku(client).send())).await;
        eventually("the lookups are made", || request_count(&sts, StsAction::GetCallerIdentity) == known).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(request_count(&sts, StsAction::GetCallerIdentity), 20);
}
