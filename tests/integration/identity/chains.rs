//! Session durations with chained roles and with roles that allow less.

use outlay_tests::{call_spans, haiku};

use super::*;

/// Returns the requested session durations in seconds.
fn durations(sts: &StsSim) -> Vec<String> {
    let duration = |request: &bedrock_sim::StsRequest| request.parameter("DurationSeconds").unwrap().to_owned();
    sts.requests_for(StsAction::AssumeRole).iter().map(duration).collect()
}

#[tokio::test]
async fn a_chained_role_asks_for_one_hour_after_a_longer_duration_was_refused() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    sts.know(BASE, "arn:aws:sts::123456789012:assumed-role/runner/i-0a1b");
    let client = signed(&h, &identities(&sts).session_duration(Duration::from_secs(4 * 3_600)), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(durations(&sts), ["14400", "3600"]);
    clock.advance(3_600);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(durations(&sts), ["14400", "3600", "3600"], "the longer duration is not tried again");
    let spans = h.spans();
    assert!(call_spans(&spans).iter().all(|span| span.text("outlay.aws.identity") == Some("assumed")));
}

#[tokio::test]
async fn a_user_may_ask_for_a_longer_session() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts).session_duration(Duration::from_secs(4 * 3_600)), &clock);
    let task = h.outlay.task("tickets").start();
    for _ in 0..3 {
        task.run(haiku(&client).send()).await.unwrap();
        clock.advance(3_600);
    }
    assert_eq!(durations(&sts), ["14400"]);
}

#[tokio::test]
async fn a_session_duration_is_clamped_to_the_range_of_sts() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    for (duration, clamped) in [(Duration::ZERO, "900"), (Duration::from_secs(u64::MAX), "43200")] {
        let client = signed(&h, &identities(&sts).session_duration(duration), &clock);
        h.outlay.task("tickets").start().run(haiku(&client).send()).await.unwrap();
        assert_eq!(durations(&sts).last().map(String::as_str), Some(clamped));
    }
}
