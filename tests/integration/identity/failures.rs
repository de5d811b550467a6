//! An STS that is slow, fails or is unreachable. It breaks no call and delays none beyond the stated limits.

use std::time::Instant;

use bedrock_sim::StsFault;
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

/// A duration far longer than a call takes.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_hanging_or_unreachable_sts_delays_no_call_that_only_looks_up_its_signer() {
    let sts = StsSim::start().await.unwrap();
    sts.always(StsAction::GetCallerIdentity, Some(StsFault::Hang));
    let h = with_principals(&sts, |builder| builder).await;
    let started = Instant::now();
    for _ in 0..20 {
        haiku(&h.client).send().await.unwrap();
    }
    assert!(started.elapsed() < SOON);
    eventually("STS has been asked", || request_count(&sts, StsAction::GetCallerIdentity) == 1).await;
    drop(sts);
    let unreachable = Principals::new(sts_client("http://127.0.0.1:9"));
    let h = Harness::with(|builder| builder.principals(unreachable)).await;
    answer_all(&h);
    haiku(&h.client).send().await.unwrap();
    assert!(!call_spans(&h.spans())[0].has("outlay.aws.principal"));
}

#[tokio::test]
async fn a_failing_sts_is_asked_again_after_a_delay_and_logged_once() {
    for fault in [
        StsFault::error(403, "AccessDenied", "explicit deny in a service control policy"),
        StsFault::error(400, "Throttling", "Rate exceeded"),
        StsFault::error(500, "InternalFailure", ""),
    ] {
        let (sts, clock) = (StsSim::start().await.unwrap(), ManualClock::at_noon());
        let log = Log::default();
        let _subscriber = tracing::subscriber::set_default(log.subscriber());
        sts.always(StsAction::GetCallerIdentity, Some(fault.clone()));
        let h = with_principals(&sts, |builder| builder.clock(clock.clone())).await;
        haiku(&h.client).send().await.unwrap();
        eventually("the failure is logged", || log.lines_with("could not be found out").len() == 1).await;
        haiku(&h.client).send().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(request_count(&sts, StsAction::GetCallerIdentity), 1, "{fault:?}: not retried at once");
        clock.advance(5);
        haiku(&h.client).send().await.unwrap();
        eventually("STS is asked again", || request_count(&sts, StsAction::GetCallerIdentity) == 2).await;
        sts.always(StsAction::GetCallerIdentity, None);
        clock.advance(300);
        haiku(&h.client).send().await.unwrap();
        eventually("STS is asked again", || request_count(&sts, StsAction::GetCallerIdentity) == 3).await;
        assert_eq!(log.lines_with("could not be found out").len(), 1, "{fault:?}");
        eventually("the signer is known", || request_count(&sts, StsAction::GetCallerIdentity) == 3).await;
    }
}

#[tokio::test]
async fn a_cancelled_call_has_its_principal() {
    let sts = StsSim::start().await.unwrap();
    let h = with_principals(&sts, |builder| builder).await;
    h.sim.push(Reply::hang());
    let task = h.outlay.task("t").start();
    let cancelled = task.run(tokio::time::timeout(Duration::from_millis(300), haiku(&h.client).send())).await;
    assert!(cancelled.is_err());
    let spans = h.spans();
    assert!(call_spans(&spans)[0].has("outlay.aws.principal"), "STS answered while the call hung");
}

#[test]
fn a_request_lost_with_its_runtime_is_sent_again_by_another_runtime() {
    let simulators = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clock = ManualClock::at_noon();
    let (sts, h) = simulators.block_on(async {
        let sts = StsSim::start().await.unwrap();
        sts.push(StsAction::GetCallerIdentity, StsFault::Hang);
        let h = with_principals(&sts, |builder| builder.clock(clock.clone())).await;
        (sts, h)
    });
    for _ in 0..2 {
        // Like a `#[tokio::main]` program that makes one call.
        let application = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        application.block_on(haiku(&h.client).send()).unwrap();
        drop(application);
        clock.advance(60);
    }
    simulators.block_on(async {
        haiku(&h.client).send().await.unwrap();
        eventually("STS is asked", || request_count(&sts, StsAction::GetCallerIdentity) >= 1).await;
    });
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_falls_back_and_is_logged_once() {
    for fault in [
        StsFault::error(403, "AccessDenied", "not authorized to perform: sts:AssumeRole on resource: r"),
        StsFault::error(400, "Throttling", "Rate exceeded"),
        StsFault::error(503, "ServiceUnavailable", ""),
        StsFault::error(403, "ExpiredToken", "The security token included in the request is expired"),
    ] {
        let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
        answer_all(&h);
        let log = Log::default();
        let _subscriber = tracing::subscriber::set_default(log.subscriber());
        sts.always(StsAction::AssumeRole, Some(fault.clone()));
        let client = signed(&h, &identities(&sts), &clock);
        let task = h.outlay.task("tickets").start();
        for _ in 0..3 {
            task.run(haiku(&client).send()).await.unwrap();
        }
        assert_eq!(access_keys(&h.sim), [BASE; 3], "{fault:?}");
        assert_eq!(request_count(&sts, StsAction::AssumeRole), 1, "{fault:?}: not retried at once");
        let lines = log.lines_with("could not be assumed");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(TICKETS) && !lines[0].contains(BASE), "{lines:?}");
        sts.always(StsAction::AssumeRole, None);
        clock.advance(5);
        task.run(haiku(&client).send()).await.unwrap();
        let spans = h.spans();
        let identities: Vec<_> =
            call_spans(&spans).iter().map(|span| span.text("outlay.aws.identity").unwrap()).collect();
        assert_eq!(identities, ["fallback", "fallback", "fallback", "assumed"], "{fault:?}");
        assert!(!call_spans(&spans)[0].has("outlay.aws.principal"), "the harness resolves no principals");
    }
}

#[tokio::test]
async fn a_fallback_has_the_principal_of_the_client_credentials() {
    let (sts, clock) = (StsSim::start().await.unwrap(), ManualClock::at_noon());
    sts.always(StsAction::AssumeRole, Some(StsFault::error(403, "AccessDenied", "no")));
    let h = with_principals(&sts, |builder| builder).await;
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    let principal_of_call = || async {
        task.run(haiku(&client).send()).await.unwrap();
        let spans = h.spans();
        let last = *call_spans(&spans).last().unwrap();
        assert_eq!(last.text("outlay.aws.identity"), Some("fallback"));
        last.text("outlay.aws.principal").map(str::to_owned)
    };
    let started = Instant::now();
    let principal = loop {
        if let Some(principal) = principal_of_call().await {
            break principal;
        }
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(principal, format!("arn:aws:iam::123456789012:user/{BASE}"));
}

#[tokio::test]
async fn a_hanging_sts_does_not_use_up_the_timeout_of_a_call() {
    use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
    for set in
        [TimeoutConfig::builder().operation_timeout(SOON), TimeoutConfig::builder().operation_attempt_timeout(SOON)]
    {
        let (sts, h) = (StsSim::start().await.unwrap(), Harness::new().await);
        answer_all(&h);
        sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
        let config = client_config(&h.sim.url()).timeout_config(set.build()).build();
        let client = identities(&sts).sign(Client::from_conf(config)).metered(&h.outlay);
        let task = h.outlay.task("tickets").start();
        for _ in 0..2 {
            task.run(haiku(&client).send()).await.unwrap();
        }
        assert_eq!(access_keys(&h.sim), [BASE; 2]);
        assert_eq!(request_count(&sts, StsAction::AssumeRole), 1);
    }
}

#[tokio::test]
async fn a_throttling_sts_is_spared_by_all_workflows_and_a_denied_role_affects_no_other() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    let call = async |workflow: &str| {
        h.outlay.task("t").workflow(workflow).start().run(haiku(&client).send()).await.unwrap();
        access_keys(&h.sim).pop().unwrap()
    };
    sts.push(StsAction::AssumeRole, StsFault::error(400, "Throttling", "Rate exceeded"));
    assert_eq!([call("tickets").await, call("a").await, call("b").await], [BASE; 3]);
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 1);
    clock.advance(5);
    sts.push(StsAction::AssumeRole, StsFault::error(403, "AccessDenied", "no"));
    assert_eq!([call("tickets").await, call("a").await], [BASE, "ASIASIM000000001"]);
}
