//! How long a session holds, where roles are chained and where a role allows less.

use outlay_tests::{call_spans, haiku};

use super::*;

/// The durations that were asked for, in seconds.
fn durations(sts: &StsSim) -> Vec<String> {
    let duration = |request: &bedrock_sim::StsRequest| request.parameter("DurationSeconds").unwrap().to_owned();
    sts.requests_for(StsAction::AssumeRole).iter().map(duration).collect()
}

#[tokio::test]
async fn a_role_that_assumes_another_asks_for_an_hour_once_it_has_learned_that() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    sts.know(BASE, "arn:aws:sts::123456789012:assumed-role/runner/i-0a1b");
    let client = signed(&h, &identities(&sts).session_duration(Duration::from_secs(4 * 3_600)), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(durations(&sts), ["14400", "3600"]);
    clock.advance(3_600);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(durations(&sts), ["14400", "3600", "3600"], "it does not try again");
    let spans = h.spans();
    assert!(call_spans(&spans).iter().all(|span| span.text("outlay.aws.identity") == Some("assumed")));
}

#[tokio::test]
async fn a_user_may_ask_for_longer() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    let client = signed(&h, &identities(&sts).session_duration(Duration::from_secs(4 * 3_600)), &clock);
    let task = h.outlay.task("tickets").start();
    for _ in 0..3 {
        task.run(haiku(&client).send()).await.unwrap();
        clock.advance(3_600);
    }
    assert_eq!(durations(&sts), ["14400"]);
}

#[tokio::test]
async fn a_duration_that_no_role_allows_is_brought_within_what_sts_takes() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    for (asked, taken) in [(Duration::ZERO, "900"), (Duration::from_secs(u64::MAX), "43200")] {
        let client = signed(&h, &identities(&sts).session_duration(asked), &clock);
        h.outlay.task("tickets").start().run(haiku(&client).send()).await.unwrap();
        assert_eq!(durations(&sts).last().map(String::as_str), Some(taken));
    }
}
