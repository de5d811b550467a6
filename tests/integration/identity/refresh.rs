//! Sessions are renewed before they end.

use bedrock_sim::StsFault;
use futures_util::future::join_all;
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

#[tokio::test]
async fn a_session_is_renewed_in_the_background_once_while_its_calls_go_on() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    clock.advance(3_600 - 601);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(asked(&sts, StsAction::AssumeRole), 1, "not before its last ten minutes");
    clock.advance(302);
    sts.push(StsAction::AssumeRole, StsFault::Delay(Duration::from_millis(50)));
    for answer in task.run(join_all((0..10).map(|_| haiku(&client).send()))).await {
        answer.unwrap();
    }
    assert!(keys(&h.sim).iter().all(|key| key == "ASIASIM000000001"), "no call waits for it");
    eventually("it has been renewed", || {
        let spans = h.spans();
        asked(&sts, StsAction::AssumeRole) == 2 && call_spans(&spans).len() == 12
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(keys(&h.sim).last().unwrap(), "ASIASIM000000002");
    assert_eq!(asked(&sts, StsAction::AssumeRole), 2);
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_used_to_its_end_and_then_no_more() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    sts.always(StsAction::AssumeRole, Some(StsFault::error(400, "Throttling", "Rate exceeded")));
    clock.advance(3_600 - 120);
    task.run(haiku(&client).send()).await.unwrap();
    eventually("it has been asked for", || asked(&sts, StsAction::AssumeRole) == 2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(asked(&sts, StsAction::AssumeRole), 2, "not again at once");
    clock.advance(61);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(keys(&h.sim), ["ASIASIM000000001", "ASIASIM000000001", "ASIASIM000000001", BASE]);
    sts.always(StsAction::AssumeRole, None);
    clock.advance(300);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(keys(&h.sim).last().unwrap(), "ASIASIM000000002", "it comes back by itself");
}

#[tokio::test]
async fn an_end_in_the_past_by_a_clock_that_is_wrong_does_not_ask_for_every_call() {
    for seconds in [-7_200, 0, 7 * 86_400] {
        let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
        answering(&h);
        sts.expire_after(Some(seconds));
        let client = signed(&h, &identities(&sts), &clock);
        let task = h.outlay.task("tickets").start();
        for _ in 0..5 {
            task.run(haiku(&client).send()).await.unwrap();
        }
        assert_eq!(asked(&sts, StsAction::AssumeRole), 1, "{seconds}");
        clock.advance(3_600);
        task.run(haiku(&client).send()).await.unwrap();
        assert_eq!(asked(&sts, StsAction::AssumeRole), 2, "{seconds}: it ends when it was asked to");
    }
}

#[tokio::test]
async fn a_session_that_sts_gives_less_time_than_was_asked_for_is_renewed_by_that() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    // By the clock of STS, which is the system's.
    let noon = clock.time().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    clock.advance(now.saturating_sub(noon));
    let back = i64::try_from(noon.saturating_sub(now)).unwrap();
    sts.expire_after(Some(back + 1_800));
    let client = signed(&h, &identities(&sts), &clock);
    let task = h.outlay.task("tickets").start();
    task.run(haiku(&client).send()).await.unwrap();
    clock.advance(1_790);
    task.run(haiku(&client).send()).await.unwrap();
    assert_eq!(keys(&h.sim), ["ASIASIM000000001", "ASIASIM000000002"]);
}

#[tokio::test]
async fn sessions_that_began_at_once_are_not_renewed_at_once() {
    let (sts, h, clock) = (StsSim::start().await.unwrap(), Harness::new().await, HandClock::at_noon());
    answering(&h);
    let client = signed(&h, &identities(&sts).default_role(ORDERS), &clock);
    let call = async |n: usize| {
        h.outlay.task("t").workflow(&format!("w{n}")).start().run(haiku(&client).send()).await.unwrap();
    };
    join_all((0..16).map(call)).await;
    assert_eq!(asked(&sts, StsAction::AssumeRole), 16);
    clock.advance(3_000);
    let mut renewed = Vec::new();
    for _ in 0..5 {
        join_all((0..16).map(call)).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        renewed.push(asked(&sts, StsAction::AssumeRole) - 16);
        clock.advance(75);
    }
    assert_eq!(renewed.last(), Some(&16), "{renewed:?}: all of them five minutes before they end");
    assert!(renewed[0] < 4 && (2..15).contains(&renewed[2]), "{renewed:?}");
}
