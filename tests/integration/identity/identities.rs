//! A role for each workflow.

use aws_credential_types::provider::{ProvideCredentials, future};
use bedrock_sim::StsFault;
use futures_util::future::join_all;
use outlay::{Outcome, Outlay};
use outlay_tests::{call_spans, haiku};

use super::*;

/// Returns the call spans of a task.
fn calls_of_task<'a>(spans: &'a outlay_tests::Spans, task: &str) -> Vec<&'a outlay_tests::Span> {
    let mut calls = call_spans(spans);
    calls.retain(|span| span.text("outlay.task.name") == Some(task));
    calls
}

#[tokio::test]
async fn each_workflow_signs_as_its_role_in_a_session_with_its_name_and_tags() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let identities = identities(&sts).role("orders", ORDERS).tags(["team", "cost_center", "tenant", "owner"]);
    let client = signed(&h, &identities, &clock);
    let tickets = h.outlay.task("resolve").workflow("tickets").team("support").dimension("tenant", "acme").start();
    let orders = h.outlay.task("orders").team("sales").cost_center("cc-1").start();
    // The concurrent calls on one client send one request for each role.
    let (a, b) = tokio::join!(
        tickets.run(join_all((0..10).map(|_| haiku(&client).send()))),
        orders.run(join_all((0..10).map(|_| haiku(&client).send()))),
    );
    assert!(a.iter().chain(&b).all(Result::is_ok));
    let requests = sts.requests_for(StsAction::AssumeRole);
    assert_eq!((requests.len(), sts.requests().len()), (2, 2), "one request for each role, and none for the signer");
    let request_for = |role: &str| requests.iter().find(|request| request.parameter("RoleArn") == Some(role)).unwrap();
    assert_eq!(request_for(TICKETS).parameter("RoleSessionName"), Some("tickets"));
    assert_eq!(request_for(TICKETS).tags(), [("team", "support"), ("tenant", "acme")]);
    assert_eq!(request_for(ORDERS).parameter("RoleSessionName"), Some("orders"));
    assert_eq!(request_for(ORDERS).tags(), [("team", "sales"), ("cost_center", "cc-1")]);
    let mut signing_keys = access_keys(&h.sim);
    signing_keys.sort_unstable();
    signing_keys.dedup();
    assert_eq!(signing_keys, ["ASIASIM000000001", "ASIASIM000000002"]);

    let spans = h.spans();
    for (task, role, session) in [("resolve", "tickets", "tickets"), ("orders", "orders", "orders")] {
        let calls = calls_of_task(&spans, task);
        assert_eq!(calls.len(), 10);
        for call in calls {
            let role = format!("arn:aws:iam::123456789012:role/{role}");
            assert_eq!(call.text("outlay.aws.principal"), Some(&*role), "the signer is known from the first call on");
            assert_eq!(call.text("outlay.aws.session"), Some(session));
            assert_eq!(call.text("cloud.account.id"), Some("123456789012"));
            assert_eq!(call.text("outlay.aws.identity"), Some("assumed"));
        }
    }
    let metrics = h.metrics();
    let labelled = metrics.iter().filter(|p| p.name == "outlay.cost" && p.value > 0.0);
    assert!(labelled.map(|p| p.attribute("outlay.aws.principal")).all(|principal| principal.is_some()));
    for task in [tickets, orders] {
        task.finish(Outcome::success());
    }
    h.spans().assert_conserved();
}

#[tokio::test]
async fn unattributed_calls_and_workflows_without_a_role_sign_with_the_client_credentials() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts), &clock);
    haiku(&client).send().await.unwrap();
    h.outlay.task("t").workflow("another").start().run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim), [BASE, BASE]);
    assert!(sts.requests().is_empty());
    let spans = h.spans();
    assert!(call_spans(&spans).iter().all(|span| !span.has("outlay.aws.identity")));
    // A default role does not apply to unattributed calls.
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    haiku(&client).send().await.unwrap();
    h.outlay.task("t").workflow("another").start().run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim)[2..], [BASE, "ASIASIM000000001"]);
    assert_eq!(sts.requests()[0].parameter("RoleSessionName"), Some("another"));
}

#[tokio::test]
async fn an_unmetered_client_signs_by_the_scope_and_a_disabled_outlay_changes_no_signer() {
    let (sts, h) = (StsSim::start().await.unwrap(), Harness::new().await);
    answer_all(&h);
    let bare = identities(&sts).sign(h.bare_client());
    h.outlay.task("tickets").start().run(haiku(&bare).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim), ["ASIASIM000000001"]);
    let disabled = Outlay::builder().disabled().build();
    let task = disabled.task("tickets").start();
    let client = bare.metered(&disabled);
    let _entered = task.enter();
    outlay::in_scope(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim)[1..], [BASE]);
}

#[tokio::test]
async fn the_client_credentials_are_still_cached() {
    #[derive(Debug, Default)]
    struct CountingProvider(Arc<AtomicU64>);
    impl ProvideCredentials for CountingProvider {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.0.fetch_add(1, Ordering::SeqCst);
            future::ProvideCredentials::ready(Ok(Credentials::new(BASE, "secret", None, None, "test")))
        }
    }
    let (sts, h) = (StsSim::start().await.unwrap(), Harness::new().await);
    answer_all(&h);
    let requests = Arc::new(AtomicU64::new(0));
    let config = client_config(&h.sim.url()).credentials_provider(CountingProvider(requests.clone())).build();
    let client = identities(&sts).sign(Client::from_conf(config)).metered(&h.outlay);
    let task = h.outlay.task("tickets").start();
    for _ in 0..5 {
        task.run(haiku(&client).send()).await.unwrap();
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0, "a role is not assumed with the client credentials");
    for _ in 0..5 {
        haiku(&client).send().await.unwrap();
    }
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn credentials_of_a_config_override_are_kept() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts), &clock);
    let override_ = aws_sdk_bedrockruntime::Config::builder()
        .credentials_provider(Credentials::new("AKIDOWN", "secret", None, None, "test"));
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).customize().config_override(override_).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim), ["AKIDOWN"]);
}

#[tokio::test]
async fn any_workflow_name_and_dimension_is_made_valid_for_sts() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let keys = ["team", "owner", "product", "tenant", "aws.x"];
    let client = signed(&h, &identities(&sts).default_role(ORDERS).tags(keys), &clock);
    for hostile in [
        "x",
        "Grüße an alle 世界!",
        "../../etc/passwd\0",
        "a&Action=GetCallerIdentity&x=<y>",
        "\u{202e}\u{0939}\u{093f}",
    ] {
        let task = h.outlay.task(hostile).workflow(&hostile.repeat(60)).team(hostile).owner(&"ß&".repeat(300));
        let task = task.product("<&>\"'").dimension("tenant", hostile).dimension("aws.x", "y").start();
        task.run(haiku(&client).send()).await.unwrap();
    }
    let spans = h.spans();
    let identities: Vec<_> = call_spans(&spans).iter().map(|span| span.text("outlay.aws.identity")).collect();
    assert_eq!(identities, [Some("assumed"); 5]);
    let values = |key: &str| -> Vec<_> {
        let value = |request: &bedrock_sim::StsRequest| {
            let tags = request.tags();
            tags.iter().find(|tag| tag.0 == key).unwrap().1.to_owned()
        };
        sts.requests().iter().map(value).collect()
    };
    // Valid in the first request, not omitted after a refusal.
    assert_eq!(values("tenant")[0..2], ["x", "Grüße an alle 世界_"]);
    assert_eq!(values("tenant")[3..], ["a_Action=GetCallerIdentity_x=_y_", "_ह_"]);
    assert_eq!(values("product"), ["_____"; 5]);
    assert!(sts.requests().iter().all(|request| request.action == StsAction::AssumeRole));
}

#[tokio::test]
async fn a_web_identity_needs_no_credentials_and_its_token_file_is_read_for_each_session() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let path = std::env::temp_dir().join(format!("outlay-token-{}", std::process::id()));
    std::fs::write(&path, "token-one\n").unwrap();
    let client = signed(&h, &identities(&sts).tags(["team"]).web_identity_token_file(&path), &clock);
    let task = h.outlay.task("tickets").team("support").start();
    task.run(haiku(&client).send()).await.unwrap();
    std::fs::write(&path, "token-two").unwrap();
    clock.advance(3_600);
    task.run(haiku(&client).send()).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    clock.advance(3_600);
    task.run(haiku(&client).send()).await.unwrap();
    let requests = sts.requests();
    let tokens: Vec<_> = requests.iter().map(|request| request.parameter("WebIdentityToken").unwrap()).collect();
    assert_eq!(tokens, ["token-one", "token-two"]);
    assert!(requests.iter().all(|request| request.access_key_id.is_none() && request.tags().is_empty()));
    assert_eq!(access_keys(&h.sim), ["ASIASIM000000001", "ASIASIM000000002", BASE]);
    let spans = h.spans();
    assert_eq!(call_spans(&spans)[2].text("outlay.aws.identity"), Some("fallback"));
}

#[tokio::test]
async fn a_retried_attempt_keeps_its_identity() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts), &clock);
    h.sim.push(Reply::throttled());
    h.outlay.task("tickets").start().run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim), ["ASIASIM000000001"; 2]);
    let spans = h.spans();
    assert_eq!(call_spans(&spans)[0].text("outlay.aws.session"), Some("tickets"));
}

#[tokio::test]
async fn refused_tags_are_omitted_and_the_role_is_still_assumed() {
    for fault in [
        StsFault::error(403, "AccessDenied", "User: u is not authorized to perform: sts:TagSession on resource: r"),
        StsFault::error(400, "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are ..."),
        StsFault::error(400, "PackedPolicyTooLarge", "Packed size of session tags consumes 120% of allotted space."),
    ] {
        let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
        answer_all(&h);
        let log = Log::default();
        let _subscriber = tracing::subscriber::set_default(log.subscriber());
        sts.push(StsAction::AssumeRole, fault.clone());
        let client = signed(&h, &identities(&sts).tags(["team"]), &clock);
        let task = h.outlay.task("tickets").team("support").start();
        task.run(haiku(&client).send()).await.unwrap();
        let tags: Vec<_> = sts.requests().iter().map(|request| request.tags().len()).collect();
        assert_eq!(tags, [1, 0], "{fault:?}");
        assert_eq!(access_keys(&h.sim), ["ASIASIM000000001"], "{fault:?}");
        assert_eq!(log.lines_with("without session tags").len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn with_too_many_workflows_a_session_in_use_is_kept_and_one_warning_is_logged() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let log = Log::default();
    let _subscriber = tracing::subscriber::set_default(log.subscriber());
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    let call = async |task: &str| h.outlay.task(task).start().run(haiku(&client).send()).await.unwrap();
    for n in 0..1_010 {
        call(&format!("ticket-{n}")).await;
        if n % 100 == 0 {
            call("tickets").await;
        }
    }
    call("tickets").await;
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 1_011);
    assert_eq!(log.lines_with("more workflow sessions than the cache holds").len(), 1);
}

#[tokio::test]
async fn the_validation_of_the_client_identity_cache_still_runs() {
    use aws_sdk_bedrockruntime::config::{ConfigBag, RuntimeComponents};
    use aws_smithy_runtime_api::box_error::BoxError;
    use aws_smithy_runtime_api::client::identity::{IdentityFuture, ResolveCachedIdentity, SharedIdentityResolver};
    #[derive(Debug)]
    struct InvalidCache;
    impl ResolveCachedIdentity for InvalidCache {
        fn resolve_cached_identity<'a>(
            &'a self,
            _: SharedIdentityResolver,
            _: &'a RuntimeComponents,
            _: &'a ConfigBag,
        ) -> IdentityFuture<'a> {
            IdentityFuture::ready(Err("the cache must not be used".into()))
        }

        fn validate_final_config(&self, _: &RuntimeComponents, _: &ConfigBag) -> Result<(), BoxError> {
            Err("invalid cache".into())
        }
    }
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    let client = signed_with(&h, &identities(&sts), &clock, |config| config.identity_cache(InvalidCache));
    let error = haiku(&client).send().await.unwrap_err();
    assert!(format!("{error:?}").contains("invalid cache"), "{error:?}");
}

#[tokio::test]
async fn the_simulator_refuses_tags_as_sts_does() {
    use aws_sdk_sts::error::ProvideErrorMetadata as _;
    let sts = StsSim::start().await.unwrap();
    let client = sts_client(&sts.url());
    let code = async |tags: &[(&str, &str)]| {
        let tag =
            |(key, value): &(&str, &str)| aws_sdk_sts::types::Tag::builder().key(*key).value(*value).build().unwrap();
        let request = client.assume_role().role_arn(TICKETS).role_session_name("tickets");
        let answer = request.set_tags(Some(tags.iter().map(tag).collect())).send().await;
        answer.err().and_then(|error| error.code().map(str::to_owned))
    };
    assert_eq!(code(&[("team", "Grüße"), ("owner", "")]).await, None);
    assert_eq!(code(&[("Straße", "a"), ("STRAßE", "b")]).await.as_deref(), Some("InvalidParameterValue"));
    for invalid in ["\u{0939}\u{093f}", "ⓐ", "\t"] {
        assert_eq!(code(&[("team", invalid)]).await.as_deref(), Some("ValidationError"), "{invalid:?}");
    }
}
