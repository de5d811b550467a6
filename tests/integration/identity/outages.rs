//! An STS that says nothing, or too late: who waits for it, who asks, and who does not.

use std::pin::pin;
use std::time::Instant;

use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use bedrock_sim::StsFault;
use futures_util::future::join_all;
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

/// Time goes ten times as fast.
#[derive(Debug)]
struct Hurried;

impl AsyncSleep for Hurried {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration / 10))
    }
}

/// As long as an impatient application waits; a call takes a fraction of that.
const IMPATIENT: Duration = Duration::from_millis(150);

async fn parts() -> (StsSim, Harness, HandClock) {
    let parts = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&parts.1);
    parts
}

/// Calls once in each of so many workflows, at once.
async fn crowd(h: &Harness, client: &Client, workflows: usize) {
    let call = async |n: usize| {
        h.outlay.task("t").workflow(&format!("w{n}")).start().run(haiku(client).send()).await.unwrap();
    };
    join_all((0..workflows).map(call)).await;
}

#[tokio::test]
async fn calls_that_are_cancelled_while_sts_hangs_do_not_keep_those_that_follow_from_falling_back() {
    let (sts, h, clock) = parts().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
    let client = signed_as(&h, &identities(&sts), &clock, |config| config.sleep_impl(Hurried));
    let task = h.outlay.task("tickets").start();
    let logged = Logged::default();
    let _subscriber = tracing::subscriber::set_default(logged.subscriber());
    let impatient = || task.run(tokio::time::timeout(IMPATIENT, haiku(&client).send()));
    assert!(impatient().await.is_err(), "it has waited for STS");
    eventually("it is told", || logged.with("could not be assumed").len() == 1).await;
    impatient().await.unwrap().unwrap();
    clock.advance(5);
    impatient().await.unwrap().unwrap();
    eventually("it is asked again, and no call waits", || asked(&sts, StsAction::AssumeRole) == 2).await;
    impatient().await.unwrap().unwrap();
    assert_eq!(keys(&h.sim), [BASE; 3]);
    // It comes back by itself.
    tokio::time::sleep(Duration::from_millis(700)).await;
    sts.always(StsAction::AssumeRole, None);
    clock.advance(10);
    task.run(haiku(&client).send()).await.unwrap();
    eventually("it is asked again", || asked(&sts, StsAction::AssumeRole) == 3).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(keys(&h.sim).last().unwrap(), "ASIASIM000000001");
    let report = task.finish(outlay::Outcome::success());
    assert_eq!((report.totals().calls(), report.totals().pending_calls()), (6, 0));
    assert_eq!(report.totals().cost().to_string(), "$0.008250 exact", "what was never sent costs nothing");
}

#[tokio::test]
async fn a_first_call_that_is_cancelled_or_that_nobody_drives_leaves_its_question_to_the_others() {
    let (sts, h, clock) = parts().await;
    sts.push(StsAction::AssumeRole, StsFault::Delay(Duration::from_millis(300)));
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    let mut stalled = pin!(task.run(haiku(&client).send()));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut stalled).await.is_err());
    let cancelled = task.run(tokio::time::timeout(Duration::from_millis(50), haiku(&client).send())).await;
    assert!(cancelled.is_err());
    let begun = Instant::now();
    task.run(haiku(&client).send()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2));
    stalled.await.unwrap();
    assert_eq!(keys(&h.sim), ["ASIASIM000000001"; 2]);
    assert_eq!(asked(&sts, StsAction::AssumeRole), 1);
}

#[tokio::test]
async fn an_impatient_call_does_without_and_is_no_outage() {
    let (sts, h, clock) = parts().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Delay(Duration::from_millis(400))));
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(600)).build();
    let client = signed_as(&h, &identities(&sts), &clock, |config| config.timeout_config(timeouts));
    let task = h.outlay.task("tickets").start();
    let logged = Logged::default();
    let _subscriber = tracing::subscriber::set_default(logged.subscriber());
    for answer in task.run(join_all((0..10).map(|_| haiku(&client).send()))).await {
        answer.unwrap();
    }
    assert_eq!(keys(&h.sim), [BASE; 10], "300 ms is half of what they have");
    tokio::time::sleep(Duration::from_millis(400)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(keys(&h.sim).last().unwrap(), "ASIASIM000000001", "what came late is there for the next one");
    assert_eq!(asked(&sts, StsAction::AssumeRole), 1);
    assert!(logged.with("could not be assumed").is_empty());
    let spans = h.spans();
    assert_eq!(call_spans(&spans)[0].text("outlay.aws.identity"), Some("fallback"));
}

#[tokio::test]
async fn a_call_waits_for_sts_as_long_as_is_said() {
    let (sts, h, clock) = parts().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
    let client = signed(&h, &identities(&sts).timeout(Duration::from_millis(200)), &clock);
    let begun = Instant::now();
    h.outlay.task("tickets").start().run(haiku(&client).send()).await.unwrap();
    assert!((Duration::from_millis(200)..Duration::from_secs(2)).contains(&begun.elapsed()));
    assert_eq!(keys(&h.sim), [BASE]);
}

#[tokio::test]
async fn in_an_outage_one_call_waits_for_all() {
    let (sts, h, clock) = parts().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Hang));
    let identities = identities(&sts).default_role(ORDERS);
    let client = signed_as(&h, &identities, &clock, |config| config.sleep_impl(Hurried));
    let begun = Instant::now();
    for workflow in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        h.outlay.task("t").workflow(workflow).start().run(haiku(&client).send()).await.unwrap();
    }
    assert!((Duration::from_millis(500)..Duration::from_millis(1_500)).contains(&begun.elapsed()));
    assert_eq!(asked(&sts, StsAction::AssumeRole), 1);
}

#[tokio::test]
async fn a_crowd_that_fails_at_once_is_one_failure_and_one_question_ends_the_outage() {
    let (sts, h, clock) = parts().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::error(503, "ServiceUnavailable", "")));
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    crowd(&h, &client, 30).await;
    let first = asked(&sts, StsAction::AssumeRole);
    assert!(first <= 8, "{first} are out at a time, and then it is known");
    assert_eq!(keys(&h.sim), [BASE; 30]);
    sts.always(StsAction::AssumeRole, Some(StsFault::Delay(Duration::from_millis(100))));
    // After the first back-off, and not after the eighth.
    clock.advance(5);
    crowd(&h, &client, 30).await;
    assert_eq!(asked(&sts, StsAction::AssumeRole), first + 1, "one finds out for all");
    crowd(&h, &client, 30).await;
    assert!(keys(&h.sim)[60..].iter().all(|key| key.starts_with("ASIASIM")));
    assert_eq!(asked(&sts, StsAction::AssumeRole), first + 30);
}

#[tokio::test]
async fn a_crowd_of_workflows_asks_a_few_at_a_time_and_each_has_its_answer() {
    let (sts, h, clock) = parts().await;
    sts.always(StsAction::AssumeRole, Some(StsFault::Delay(Duration::from_millis(100))));
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    crowd(&h, &client, 30).await;
    let times: Vec<_> = sts.requests().iter().map(|request| request.received).collect();
    assert_eq!(times.len(), 30);
    let soon = Duration::from_millis(90);
    let most = times.iter().map(|at| times.iter().filter(|t| (*at..*at + soon).contains(*t)).count()).max();
    assert!(most <= Some(8), "{most:?} at a time");
    assert!(keys(&h.sim).iter().all(|key| key.starts_with("ASIASIM")));
}
