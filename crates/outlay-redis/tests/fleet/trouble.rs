//! A Redis that is slow or gone: what calls go by, and that what was spent meanwhile is in its books once.

use std::time::{Duration, Instant};

use outlay_ledger::{Budget, BudgetRule, PendingCall, RefusalReason, Scope, StoreCheck};
use outlay_redis::{RedisBudgets, WhenDown};

use crate::calls::{dollars, ledger, open, record, settings, task};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(20);
/// For a Redis that hangs: short, but not so short that a busy machine looks like one.
const LIMIT: Duration = Duration::from_millis(200);

async fn budgets(server: &Server, when_down: WhenDown) -> RedisBudgets {
    settings(server).when_down(when_down).connect().await.unwrap()
}

async fn hurried(server: &Server, when_down: WhenDown) -> RedisBudgets {
    settings(server).time_limit(LIMIT).when_down(when_down).connect().await.unwrap()
}

pub(crate) fn calls(budgets: &RedisBudgets, limit: u64) -> Scope {
    task(ledger(budgets, BudgetRule::new("all", Budget::calls(limit))))
}

/// Opens so many, or as many as are let through; and how each was checked.
pub(crate) async fn open_all(task: &Scope, many: usize) -> Vec<PendingCall> {
    let mut open_calls = Vec::new();
    for _ in 0..many {
        match open(task, dollars(1)).await {
            Ok(call) => open_calls.push(call),
            Err(why) => {
                assert_eq!(why.reason(), RefusalReason::StoreUnavailable);
                break;
            }
        }
    }
    open_calls
}

pub(crate) fn settle_all(open: Vec<PendingCall>) -> (usize, usize) {
    let checks: Vec<_> = open.into_iter().map(|call| call.settle(record(dollars(1))).store_check).collect();
    let count = |wanted| checks.iter().filter(|check| **check == Some(wanted)).count();
    (count(StoreCheck::Done), count(StoreCheck::Missed))
}

#[tokio::test]
async fn with_redis_killed_each_rule_does_what_it_says_and_what_was_spent_is_written_when_it_is_back() {
    for (rule, let_through) in
        [(WhenDown::Refuse, 0), (WhenDown::Lease { percent: 20 }, 20), (WhenDown::AllowAndMark, 30)]
    {
        let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
        let budgets = budgets(&server, rule).await;
        let task = calls(&budgets, 100);
        assert_eq!(settle_all(open_all(&task, 5).await), (5, 0));
        // Held over the outage: settled in part before Redis is back, in part after.
        let (before, after) = (open_all(&task, 3).await, open_all(&task, 4).await);
        assert!(budgets.flush(FLUSH).await);

        server.kill();
        let open = open_all(&task, 30).await;
        assert_eq!(open.len(), let_through, "{rule:?}");
        assert!(!budgets.is_up());
        assert_eq!(settle_all(open), (0, let_through));
        assert_eq!(settle_all(before), (3, 0));
        assert!(!budgets.flush(Duration::from_millis(50)).await, "nothing can be written yet");

        server.run();
        eventually("it is found", || budgets.is_up());
        assert_eq!(server.figures(), (8 + let_through as i128, 4), "{rule:?}");
        assert_eq!(settle_all(after), (4, 0));
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (12 + let_through as i128, 0), "{rule:?}");
        assert_eq!(settle_all(open_all(&task, 2).await), (2, 0), "as before");
    }
}

#[tokio::test]
async fn a_lease_ends_with_what_was_left_when_redis_last_said_so() {
    let Some(mut server) = Server::start(&[]) else { return };
    let budgets = budgets(&server, WhenDown::Lease { percent: 50 }).await;
    let task = calls(&budgets, 20);
    assert_eq!(settle_all(open_all(&task, 17).await), (17, 0));
    assert!(budgets.flush(FLUSH).await);
    server.kill();
    // Each settles before the next: and yet it does not begin anew.
    for call in 0..5 {
        assert_eq!(settle_all(open_all(&task, 1).await), (0, usize::from(call < 3)), "{call}");
    }
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_has_what_settles_from_then_on() {
    let Some(mut server) = Server::start(&[]) else { return };
    let budgets = budgets(&server, WhenDown::AllowAndMark).await;
    let task = calls(&budgets, 100);
    assert_eq!(settle_all(open_all(&task, 5).await), (5, 0));
    let held = open_all(&task, 3).await;
    assert!(budgets.flush(FLUSH).await);
    server.kill();
    server.run();
    assert_eq!(settle_all(held), (3, 0));
    eventually("it is found", || budgets.is_up());
    assert!(!budgets.flush(FLUSH).await, "what was spent before is lost");
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (3, 0), "what it has forgotten is not made up");
}

#[tokio::test]
async fn one_that_hangs_costs_the_first_call_its_limit_and_the_others_nothing() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = hurried(&server, WhenDown::AllowAndMark).await;
    let task = calls(&budgets, 1_000);
    assert_eq!(settle_all(open_all(&task, 5).await), (5, 0));
    assert!(budgets.flush(FLUSH).await);

    server.pause();
    let begun = Instant::now();
    let first = open(&task, dollars(1)).await.unwrap();
    let waited = begun.elapsed();
    let begun = Instant::now();
    let mut open = open_all(&task, 200).await;
    println!("Redis hangs: the first call waits {waited:?}, 200 more {:?}", begun.elapsed());
    assert!(begun.elapsed() < waited, "200 calls together wait for less than the one");
    open.push(first);
    assert_eq!(settle_all(open), (0, 201));

    server.resume();
    eventually("it is found", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (206, 0), "the first was asked for, late, and counts once all the same");
}

#[tokio::test]
async fn a_reservation_that_comes_after_its_call_was_refused_or_given_up_is_taken_back() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = hurried(&server, WhenDown::Refuse).await;
    let task = calls(&budgets, 10);
    server.pause();
    assert_eq!(open(&task, dollars(1)).await.unwrap_err().reason(), RefusalReason::StoreUnavailable);
    server.resume();
    eventually("it is found", || budgets.is_up());
    server.pause();
    // The caller goes away while it waits.
    let given_up = tokio::time::timeout(Duration::from_millis(10), open(&task, dollars(1))).await;
    assert!(given_up.is_err());
    server.resume();
    // Up all along, or found again.
    eventually("what came late is gone", || budgets.is_up() && server.figures() == (0, 0));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (0, 0));
    let held: usize = redis::cmd("KEYS").arg("*:held:*").query::<Vec<String>>(&mut server.link()).unwrap().len();
    assert_eq!(held, 0, "nothing is left behind");
}

#[tokio::test]
async fn a_reservation_that_overtakes_nothing_because_its_connection_hung_is_not_made() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::Refuse);
    let budgets = through.time_limit(LIMIT).connect().await.unwrap();
    let task = calls(&budgets, 10);
    drop(open_all(&task, 1).await);
    assert!(budgets.flush(FLUSH).await);
    proxy.hold_requests();
    assert_eq!(open(&task, dollars(1)).await.unwrap_err().reason(), RefusalReason::StoreUnavailable);
    // By another connection, on which it takes its question back.
    eventually("it is found", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    let before = scripts(&server);
    proxy.let_go();
    eventually("what hung arrives", || scripts(&server) > before);
    assert_eq!(server.figures(), (0, 0));
    drop(open_all(&task, 10).await);
}

/// How many scripts have been called.
fn scripts(server: &Server) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut server.link()).unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap();
    line.split(',').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_was_written_before_the_connection_died_is_not_written_twice() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = through.time_limit(Duration::from_secs(2)).connect().await.unwrap();
    let task = calls(&budgets, 1_000);
    for round in 1..=5 {
        let open = open_all(&task, 7).await;
        task.charge("search", outlay_price::Charge::external(dollars(1)));
        assert_eq!(settle_all(open), (7, 0));
        // Redis gets the next commands; the answers to them get lost, and then the connection.
        proxy.lose_answers();
        let asked = open_all(&task, 1).await;
        assert_eq!(settle_all(asked), (0, 1), "it may have been reserved, but nobody knows");
        proxy.mend();
        eventually("it is found", || budgets.is_up());
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (8 * round, 0));
    }
    assert!(proxy.lost() > 0, "answers were lost");
}

#[tokio::test]
async fn one_that_is_slower_than_the_limit_is_not_waited_for_again_until_it_is_not_and_has_all_meanwhile() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = through.time_limit(LIMIT).connect().await.unwrap();
    let task = calls(&budgets, 1_000);
    assert_eq!(settle_all(open_all(&task, 3).await), (3, 0));
    assert!(budgets.flush(FLUSH).await);
    proxy.delay_answers(LIMIT * 3);
    settle_all(open_all(&task, 1).await);
    let begun = Instant::now();
    let mut rounds = 0_usize;
    // What is written in the background does not make it well again.
    while begun.elapsed() < LIMIT * 8 {
        assert_eq!(settle_all(open_all(&task, 10).await), (0, 10));
        rounds += 1;
        tokio::time::sleep(LIMIT).await;
    }
    assert!(!budgets.is_up());
    eventually("it is written all the same", || server.figures().0 >= 4);
    proxy.delay_answers(Duration::ZERO);
    eventually("it is found", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (4 + 10 * rounds as i128, 0));
    assert_eq!(settle_all(open_all(&task, 3).await), (3, 0));
}

#[tokio::test]
async fn connections_that_are_killed_again_and_again_lose_nothing_and_count_nothing_twice() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = calls(&budgets, 1_000_000);
    let mut link = server.link();
    for _ in 0..30 {
        let open = open_all(&task, 20).await;
        let _: i64 = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query(&mut link).unwrap();
        settle_all(open);
    }
    eventually("it is found", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (600, 0));
}
