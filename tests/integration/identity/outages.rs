//! An STS that does not answer or answers late: which calls ask it and which wait for it.

use std::pin::pin;
use std::time::Instant;

use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use bedrock_sim::StsFault;
use futures_util::future::join_all;
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

/// A sleep implementation that sleeps a tenth of each duration.
#[derive(Debug)]
struct FastSleep;

impl AsyncSleep for FastSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration / 10))
    }
}

/// The timeout of an impatient application. A call takes a fraction of it.
const IMPATIENT_TIMEOUT: Duration = Duration::from_millis(150);

async fn setup() -> (StsSim, Harness, ManualClock) {
    let setup = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&setup.1);
    setup
}

/// Makes one concurrent call in each of `workflows` workflows.
async fn call_concurrently(h: &Harness, client: &Client, workflows: usize) {
    let call = async |n: usize| {
        h.outlay.task("t").workflow(&format!("w{n}")).start().run(haiku(client).send()).await.unwrap();
    };
    join_all((0..workflows).map(call)).await;
}

#[tokio::test]
async fn calls_cancelled_while_sts_hangs_do_not_stop_later_calls_from_falling_back() {
    let (sts, h, clock) = setup().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
    let client = signed_with(&h, &identities(&sts), &clock, |config| config.sleep_impl(FastSleep));
    let task = h.outlay.task("tickets").start();
    let log = Log::default();
    let _subscriber = tracing::subscriber::set_default(log.subscriber());
    let impatient = || task.run(tokio::time::timeout(IMPATIENT_TIMEOUT, haiku(&client).send()));
    assert!(impatient().await.is_err(), "the call waits for STS");
    eventually("the failure is logged", || log.lines_with("could not be assumed").len() == 1).await;
    impatient().await.unwrap().unwrap();
    clock.advance(5);
    impatient().await.unwrap().unwrap();
    eventually("STS is asked again, and no call waits", || request_count(&sts, StsAction::AssumeRole) == 2).await;
    impatient().await.unwrap().unwrap();
    assert_eq!(access_keys(&h.sim), [BASE; 3]);
    // The role is used again without intervention.
    tokio::time::sleep(Duration::from_millis(700)).await;
    sts.always(StsAction::AssumeRole, None);
    clock.advance(10);
    task.run(haiku(&client).send()).await.unwrap();
    eventually("STS is asked again", || request_count(&sts, StsAction::AssumeRole) == 3).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim).last().unwrap(), "ASIASIM000000001");
    let report = task.finish(outlay::Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (6, 0));
    assert_eq!(report.totals().cost().to_string(), "$0.008250 exact", "a call that was never sent costs nothing");
}

#[tokio::test]
async fn a_cancelled_or_stalled_first_call_leaves_its_request_to_the_other_calls() {
    let (sts, h, clock) = setup().await;
    sts.push(StsAction::AssumeRole, StsFault::Delay(Duration::from_millis(300)));
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    let mut stalled = pin!(task.run(haiku(&client).send()));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut stalled).await.is_err());
    let cancelled = task.run(tokio::time::timeout(Duration::from_millis(50), haiku(&client).send())).await;
    assert!(cancelled.is_err());
    let started = Instant::now();
    task.run(haiku(&client).send()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    stalled.await.unwrap();
    assert_eq!(access_keys(&h.sim), ["ASIASIM000000001"; 2]);
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 1);
}

#[tokio::test]
async fn an_impatient_call_falls_back_and_is_not_counted_as_an_outage() {
    let (sts, h, clock) = setup().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Delay(Duration::from_millis(400))));
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(600)).build();
    let client = signed_with(&h, &identities(&sts), &clock, |config| config.timeout_config(timeouts));
    let task = h.outlay.task("tickets").start();
    let log = Log::default();
    let _subscriber = tracing::subscriber::set_default(log.subscriber());
    for answer in task.run(join_all((0..10).map(|_| haiku(&client).send()))).await {
        answer.unwrap();
    }
    assert_eq!(access_keys(&h.sim), [BASE; 10], "the calls wait for half of their 600 ms");
    tokio::time::sleep(Duration::from_millis(400)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim).last().unwrap(), "ASIASIM000000001", "the next call uses the late answer");
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 1);
    assert!(log.lines_with("could not be assumed").is_empty());
    let spans = h.spans();
    assert_eq!(call_spans(&spans)[0].text("outlay.aws.identity"), Some("fallback"));
}

#[tokio::test]
async fn a_call_waits_for_sts_up_to_the_configured_timeout() {
    let (sts, h, clock) = setup().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
    let client = signed(&h, &identities(&sts).timeout(Duration::from_millis(200)), &clock);
    let started = Instant::now();
    h.outlay.task("tickets").start().run(haiku(&client).send()).await.unwrap();
    assert!((Duration::from_millis(200)..Duration::from_secs(2)).contains(&started.elapsed()));
    assert_eq!(access_keys(&h.sim), [BASE]);
}

#[tokio::test]
async fn in_an_outage_only_one_call_waits() {
    let (sts, h, clock) = setup().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
    let identities = identities(&sts).default_role(ORDERS);
    let client = signed_with(&h, &identities, &clock, |config| config.sleep_impl(FastSleep));
    let started = Instant::now();
    for workflow in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        h.outlay.task("t").workflow(workflow).start().run(haiku(&client).send()).await.unwrap();
    }
    assert!((Duration::from_millis(500)..Duration::from_millis(1_500)).contains(&started.elapsed()));
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 1);
}

#[tokio::test]
async fn concurrent_failures_count_once_and_one_request_ends_the_outage() {
    let (sts, h, clock) = setup().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::error(503, "ServiceUnavailable", "")));
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    call_concurrently(&h, &client, 30).await;
    let first = request_count(&sts, StsAction::AssumeRole);
    assert!(first <= 8, "{first} concurrent requests, then the outage is known");
    assert_eq!(access_keys(&h.sim), [BASE; 30]);
    sts.always(StsAction::AssumeRole, Some(StsFault::Delay(Duration::from_millis(100))));
    // After the first backoff, not after the eighth.
    clock.advance(5);
    call_concurrently(&h, &client, 30).await;
    assert_eq!(request_count(&sts, StsAction::AssumeRole), first + 1, "one request probes for all");
    call_concurrently(&h, &client, 30).await;
    assert!(access_keys(&h.sim)[60..].iter().all(|key| key.starts_with("ASIASIM")));
    assert_eq!(request_count(&sts, StsAction::AssumeRole), first + 30);
}

#[tokio::test]
async fn concurrent_workflows_send_a_few_requests_at_a_time_and_each_is_answered() {
    let (sts, h, clock) = setup().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Delay(Duration::from_millis(100))));
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    call_concurrently(&h, &client, 30).await;
    let times: Vec<_> = sts.requests().iter().map(|request| request.received).collect();
    assert_eq!(times.len(), 30);
    let window = Duration::from_millis(90);
    let max_concurrent = times.iter().map(|at| times.iter().filter(|t| (*at..*at + window).contains(*t)).count()).max();
    assert!(max_concurrent <= Some(8), "{max_concurrent:?} at a time");
    assert!(access_keys(&h.sim).iter().all(|key| key.starts_with("ASIASIM")));
}
