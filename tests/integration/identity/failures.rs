//! An STS that is slow, fails or is gone: no call breaks or waits for it, beyond what is said.

use std::time::Instant;

use bedrock_sim::StsFault;
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

/// What is far longer than a call takes.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test]
async fn an_sts_that_never_answers_or_is_gone_delays_no_call_that_only_asks_whose_it_is() {
    let sts = StsSim::start().await.unwrap();
    sts.always(StsAction::GetCallerIdentity, Some(StsFault::Hang));
    let h = asking(&sts, |builder| builder).await;
    let begun = Instant::now();
    for _ in 0..20 {
        haiku(&h.client).send().await.unwrap();
    }
    assert!(begun.elapsed() < SOON);
    eventually("it has been asked", || asked(&sts, StsAction::GetCallerIdentity) == 1).await;
    drop(sts);
    let gone = Principals::new(sts_client("http://127.0.0.1:9"));
    let h = Harness::with(|builder| builder.principals(gone)).await;
    answering(&h);
    haiku(&h.client).send().await.unwrap();
    assert!(!call_spans(&h.spans())[0].has("outlay.aws.principal"));
}

#[tokio::test]
async fn an_sts_that_fails_is_asked_again_after_a_while_and_told_of_once() {
    for fault in [
        StsFault::error(403, "AccessDenied", "explicit deny in a service control policy"),
        StsFault::error(400, "Throttling", "Rate exceeded"),
        StsFault::error(500, "InternalFailure", ""),
    ] {
        let (sts, clock) = (StsSim::start().await.unwrap(), HandClock::at_noon());
        let logged = Logged::default();
        let _subscriber = tracing::subscriber::set_default(logged.subscriber());
        sts.always(StsAction::GetCallerIdentity, Some(fault.clone()));
        let h = asking(&sts, |builder| builder.clock(clock.clone())).await;
        haiku(&h.client).send().await.unwrap();
        eventually("it is told", || logged.with("could not be found out").len() == 1).await;
        haiku(&h.client).send().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(asked(&sts, StsAction::GetCallerIdentity), 1, "{fault:?}: not at once");
        clock.advance(5);
        haiku(&h.client).send().await.unwrap();
        eventually("it is asked again", || asked(&sts, StsAction::GetCallerIdentity) == 2).await;
        sts.always(StsAction::GetCallerIdentity, None);
        clock.advance(300);
        haiku(&h.client).send().await.unwrap();
        eventually("it is asked again", || asked(&sts, StsAction::GetCallerIdentity) == 3).await;
        assert_eq!(logged.with("could not be found out").len(), 1, "{fault:?}");
        eventually("it is known", || asked(&sts, StsAction::GetCallerIdentity) == 3).await;
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_has_its_principal_all_the_same() {
    let sts = StsSim::start().await.unwrap();
    let h = asking(&sts, |builder| builder).await;
    h.sim.push(Reply::hang());
    let task = h.outlay.task("t").start();
    let cancelled = task.run(tokio::time::timeout(Duration::from_millis(300), haiku(&h.client).send())).await;
    assert!(cancelled.is_err());
    let spans = h.spans();
    assert!(call_spans(&spans)[0].has("outlay.aws.principal"), "STS has answered while it hung");
}

#[test]
fn a_question_that_its_runtime_never_gets_to_is_asked_again_by_another() {
    let simulators = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clock = HandClock::at_noon();
    let (sts, h) = simulators.block_on(async {
        let sts = StsSim::start().await.unwrap();
        sts.push(StsAction::GetCallerIdentity, StsFault::Hang);
        let h = asking(&sts, |builder| builder.clock(clock.clone())).await;
        (sts, h)
    });
    for _ in 0..2 {
        // As `#[tokio::main]` programs do that run for one call.
        let application = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        application.block_on(haiku(&h.client).send()).unwrap();
        drop(application);
        clock.advance(60);
    }
    simulators.block_on(async {
        haiku(&h.client).send().await.unwrap();
        eventually("it is answered", || asked(&sts, StsAction::GetCallerIdentity) >= 1).await;
    });
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_falls_back_and_says_so_once_until_it_can() {
    for fault in [
        StsFault::error(403, "AccessDenied", "not authorized to perform: sts:AssumeRole on resource: r"),
        StsFault::error(400, "Throttling", "Rate exceeded"),
        StsFault::error(503, "ServiceUnavailable", ""),
        StsFault::error(403, "ExpiredToken", "The security token included in the request is expired"),
    ] {
        let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
        answering(&h);
        let logged = Logged::default();
        let _subscriber = tracing::subscriber::set_default(logged.subscriber());
        sts.always(StsAction::AssumeRole, Some(fault.clone()));
        let client = signed(&h, &identities(&sts), &clock);
        let task = h.outlay.task("tickets").start();
        for _ in 0..3 {
            task.run(haiku(&client).send()).await.unwrap();
        }
        assert_eq!(keys(&h.sim), [BASE; 3], "{fault:?}");
        assert_eq!(asked(&sts, StsAction::AssumeRole), 1, "{fault:?}: not again at once");
        let told = logged.with("could not be assumed");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(TICKETS) && !told[0].contains(BASE), "{told:?}");
        sts.always(StsAction::AssumeRole, None);
        clock.advance(5);
        task.run(haiku(&client).send()).await.unwrap();
        let spans = h.spans();
        let said: Vec<_> = call_spans(&spans).iter().map(|span| span.text("outlay.aws.identity").unwrap()).collect();
        assert_eq!(said, ["fallback", "fallback", "fallback", "assumed"], "{fault:?}");
        assert!(!call_spans(&spans)[0].has("outlay.aws.principal"), "nobody has asked");
    }
}

#[tokio::test]
async fn a_fallback_has_the_principal_of_the_clients_own_credentials() {
    let (sts, clock) = (StsSim::start().await.unwrap(), HandClock::at_noon());
    sts.always(StsAction::AssumeRole, Some(StsFault::error(403, "AccessDenied", "no")));
    let h = asking(&sts, |builder| builder).await;
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    let known = || async {
        task.run(haiku(&client).send()).await.unwrap();
        let spans = h.spans();
        let last = *call_spans(&spans).last().unwrap();
        assert_eq!(last.text("outlay.aws.identity"), Some("fallback"));
        last.text("outlay.aws.principal").map(str::to_owned)
    };
    let begun = Instant::now();
    let principal = loop {
        if let Some(principal) = known().await {
            break principal;
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(principal, format!("arn:aws:iam::123456789012:user/{BASE}"));
}

#[tokio::test]
async fn a_call_with_a_time_out_of_its_own_is_not_lost_to_an_sts_that_hangs() {
    use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
    for set in
        [TimeoutConfig::builder().operation_timeout(SOON), TimeoutConfig::builder().operation_attempt_timeout(SOON)]
    {
        let (sts, h) = (StsSim::start().await.unwrap(), Harness::new().await);
        answering(&h);
        sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
        let config = client_config(&h.sim.url()).timeout_config(set.build()).build();
        let client = identities(&sts).sign(Client::from_conf(config)).metered(&h.outlay);
        let task = h.outlay.task("tickets").start();
        for _ in 0..2 {
            task.run(haiku(&client).send()).await.unwrap();
        }
        assert_eq!(keys(&h.sim), [BASE; 2]);
        assert_eq!(asked(&sts, StsAction::AssumeRole), 1);
    }
}

#[tokio::test]
async fn an_sts_that_throttles_is_left_alone_by_all_workflows_and_a_denied_role_stops_no_other() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    let call = async |workflow: &str| {
        h.outlay.task("t").workflow(workflow).start().run(haiku(&client).send()).await.unwrap();
        keys(&h.sim).pop().unwrap()
    };
    sts.push(StsAction::AssumeRole, StsFault::error(400, "Throttling", "Rate exceeded"));
    assert_eq!([call("tickets").await, call("a").await, call("b").await], [BASE; 3]);
    assert_eq!(asked(&sts, StsAction::AssumeRole), 1);
    clock.advance(5);
    sts.push(StsAction::AssumeRole, StsFault::error(403, "AccessDenied", "no"));
    assert_eq!([call("tickets").await, call("a").await], [BASE, "ASIASIM000000001"]);
}
