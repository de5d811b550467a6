//! The renewal of sessions before they expire.

use bedrock_sim::StsFault;
use futures_util::future::join_all;
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

#[tokio::test]
async fn a_session_is_renewed_once_in_the_background_while_calls_continue() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    clock.advance(3_600 - 601);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 1, "not before its last ten minutes");
    clock.advance(302);
    sts.push(StsAction::AssumeRole, StsFault::Delay(Duration::from_millis(50)));
    for answer in task.run(join_all((0..10).map(|_| haiku(&client).send()))).await {
        answer.unwrap();
    }
    assert!(access_keys(&h.sim).iter().all(|key| key == "ASIASIM000000001"), "no call waits for the renewal");
    eventually("the session has been renewed", || {
        let spans = h.spans();
        request_count(&sts, StsAction::AssumeRole) == 2 && call_spans(&spans).len() == 12
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim).last().unwrap(), "ASIASIM000000002");
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 2);
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_used_until_it_expires() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    sts.always(StsAction::AssumeRole, Some(StsFault::error(400, "Throttling", "Rate exceeded")));
    clock.advance(3_600 - 120);
    task.run(haiku(&client).send()).await.unwrap();
    eventually("a renewal has been requested", || request_count(&sts, StsAction::AssumeRole) == 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 2, "not retried at once");
    clock.advance(61);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim), ["ASIASIM000000001", "ASIASIM000000001", "ASIASIM000000001", BASE]);
    sts.always(StsAction::AssumeRole, None);
    clock.advance(300);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim).last().unwrap(), "ASIASIM000000002", "the role is used again without intervention");
}

#[tokio::test]
async fn an_expiry_in_the_past_by_a_wrong_clock_does_not_cause_a_request_for_every_call() {
    for seconds in [-7_200, 0, 7 * 86_400] {
        let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
        answer_all(&h);
        sts.expire_after(Some(seconds));
        let client = signed(&h, &identities(&sts), &clock);
        let task = h.outlay.task("tickets").start();
        for _ in 0..5 {
            task.run(haiku(&client).send()).await.unwrap();
        }
        assert_eq!(request_count(&sts, StsAction::AssumeRole), 1, "{seconds}");
        clock.advance(3_600);
        task.run(haiku(&client).send()).await.unwrap();
        assert_eq!(
            request_count(&sts, StsAction::AssumeRole),
            2,
            "{seconds}: the session ends after the requested duration"
        );
    }
}

#[tokio::test]
async fn a_session_shorter_than_requested_is_renewed_before_its_actual_expiry() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    // STS uses the system clock.
    let noon = clock.time().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    clock.advance(now.saturating_sub(noon));
    let offset = i64::try_from(noon.saturating_sub(now)).unwrap();
    sts.expire_after(Some(offset + 1_800));
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    clock.advance(1_790);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(access_keys(&h.sim), ["ASIASIM000000001", "ASIASIM000000002"]);
}

#[tokio::test]
async fn sessions_that_started_together_are_not_renewed_together() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, ManualClock::at_noon());
    answer_all(&h);
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    let call = async |n: usize| {
        h.outlay.task("t").workflow(&format!("w{n}")).start().run(haiku(&client).send()).await.unwrap();
    };
    join_all((0..16).map(call)).await;
    assert_eq!(request_count(&sts, StsAction::AssumeRole), 16);
    clock.advance(3_000);
    let mut renewed = Vec::new();
    for _ in 0..5 {
        join_all((0..16).map(call)).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        renewed.push(request_count(&sts, StsAction::AssumeRole) - 16);
        clock.advance(75);
    }
    assert_eq!(renewed.last(), Some(&16), "{renewed:?}: all sessions are renewed five minutes before they end");
    assert!(renewed[0] < 4 && (2..15).contains(&renewed[2]), "{renewed:?}");
}
