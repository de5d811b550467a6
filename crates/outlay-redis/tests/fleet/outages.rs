//! A slow or unreachable Redis. The `WhenDown` rule applies to calls, and what is spent meanwhile counts once.

use std::time::{Duration, Instant};

use outlay_ledger::{Budget, BudgetRule, PendingCall, RefusalReason, Scope, StoreCheck};
use outlay_redis::{RedisBudgets, WhenDown};

use crate::calls::{ledger, open, picos, record, settings, task};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(20);
/// A limit for tests in which Redis hangs: short, but long enough for a busy machine.
const LIMIT: Duration = Duration::from_millis(200);

async fn budgets(server: &Server, when_down: WhenDown) -> RedisBudgets {
    settings(server).when_down(when_down).connect().await.unwrap()
}

async fn budgets_with_short_limit(server: &Server, when_down: WhenDown) -> RedisBudgets {
    settings(server).time_limit(LIMIT).when_down(when_down).connect().await.unwrap()
}

pub(crate) fn task_with_call_limit(budgets: &RedisBudgets, limit: u64) -> Scope {
    task(ledger(budgets, BudgetRule::new("all", Budget::calls(limit))))
}

/// Opens up to `count` calls, and stops at the first refusal.
pub(crate) async fn open_all(task: &Scope, count: usize) -> Vec<PendingCall> {
    let mut open_calls = Vec::new();
    for _ in 0..count {
        match open(task, picos(1)).await {
            Ok(call) => open_calls.push(call),
            Err(refusal) => {
                assert_eq!(refusal.reason(), RefusalReason::StoreUnavailable);
                break;
            }
        }
    }
    open_calls
}

/// Settles calls. Returns how many were checked by Redis, and how many were not.
pub(crate) fn settle_all(open: Vec<PendingCall>) -> (usize, usize) {
    let checks: Vec<_> = open.into_iter().map(|call| call.settle(record(picos(1))).store_check).collect();
    let count = |kind| checks.iter().filter(|check| **check == Some(kind)).count();
    (count(StoreCheck::Done), count(StoreCheck::Missed))
}

#[tokio::test]
async fn each_rule_applies_while_redis_is_down_and_spending_is_written_when_it_is_back() {
    for (rule, let_through) in
        [(WhenDown::Refuse, 0), (WhenDown::Lease { percent: 20 }, 20), (WhenDown::AllowAndMark, 30)]
    {
        let Some(mut server) = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]) else { return };
        let budgets = budgets(&server, rule).await;
        let task = task_with_call_limit(&budgets, 100);
        assert_eq!(settle_all(open_all(&task, 5).await), (5, 0));
        // Open during the outage: some are settled before Redis is back, some after.
        let (before, after) = (open_all(&task, 3).await, open_all(&task, 4).await);
        assert!(budgets.flush(FLUSH).await);

        server.kill();
        let open = open_all(&task, 30).await;
        assert_eq!(open.len(), let_through, "{rule:?}");
        assert!(!budgets.is_up());
        assert_eq!(settle_all(open), (0, let_through));
        assert_eq!(settle_all(before), (3, 0));
        assert!(!budgets.flush(Duration::from_millis(50)).await, "nothing can be written while Redis is down");

        server.restart();
        eventually("Redis is up", || budgets.is_up());
        assert_eq!(server.figures(), (8 + let_through as i128, 4), "{rule:?}");
        assert_eq!(settle_all(after), (4, 0));
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (12 + let_through as i128, 0), "{rule:?}");
        assert_eq!(settle_all(open_all(&task, 2).await), (2, 0), "calls are checked again");
    }
}

#[tokio::test]
async fn a_lease_ends_at_what_redis_last_reported_as_left() {
    let Some(mut server) = Server::start(&[]) else { return };
    let budgets = budgets(&server, WhenDown::Lease { percent: 50 }).await;
    let task = task_with_call_limit(&budgets, 20);
    assert_eq!(settle_all(open_all(&task, 17).await), (17, 0));
    assert!(budgets.flush(FLUSH).await);
    server.kill();
    // Settling each call before the next does not restart the lease.
    for call in 0..5 {
        assert_eq!(settle_all(open_all(&task, 1).await), (0, usize::from(call < 3)), "{call}");
    }
}

#[tokio::test]
async fn an_empty_redis_has_what_is_settled_from_then_on() {
    let Some(mut server) = Server::start(&[]) else { return };
    let budgets = budgets(&server, WhenDown::AllowAndMark).await;
    let task = task_with_call_limit(&budgets, 100);
    assert_eq!(settle_all(open_all(&task, 5).await), (5, 0));
    let held = open_all(&task, 3).await;
    assert!(budgets.flush(FLUSH).await);
    server.kill();
    server.restart();
    assert_eq!(settle_all(held), (3, 0));
    eventually("Redis is up", || budgets.is_up());
    assert!(!budgets.flush(FLUSH).await, "the loss is reported");
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (3, 0), "lost spending is not restored");
}

#[tokio::test]
async fn a_hanging_redis_delays_only_the_first_call() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = budgets_with_short_limit(&server, WhenDown::AllowAndMark).await;
    let task = task_with_call_limit(&budgets, 1_000);
    assert_eq!(settle_all(open_all(&task, 5).await), (5, 0));
    assert!(budgets.flush(FLUSH).await);

    server.pause();
    let begun = Instant::now();
    let first = open(&task, picos(1)).await.unwrap();
    let first_wait = begun.elapsed();
    let begun = Instant::now();
    let mut open = open_all(&task, 200).await;
    println!("Redis hangs: the first call waits {first_wait:?}, 200 more {:?}", begun.elapsed());
    assert!(begun.elapsed() < first_wait, "200 calls together wait less than the first");
    open.push(first);
    assert_eq!(settle_all(open), (0, 201));

    server.resume();
    eventually("Redis is up", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (206, 0), "the first call reached Redis late, and counts once");
}

#[tokio::test]
async fn a_late_reservation_of_a_refused_or_dropped_call_is_released() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = budgets_with_short_limit(&server, WhenDown::Refuse).await;
    let task = task_with_call_limit(&budgets, 10);
    server.pause();
    assert_eq!(open(&task, picos(1)).await.unwrap_err().reason(), RefusalReason::StoreUnavailable);
    server.resume();
    eventually("Redis is up", || budgets.is_up());
    server.pause();
    // The call is dropped while it waits.
    let dropped = tokio::time::timeout(Duration::from_millis(10), open(&task, picos(1))).await;
    assert!(dropped.is_err());
    server.resume();
    // Redis may have been up the whole time.
    eventually("the late reservation is released", || budgets.is_up() && server.figures() == (0, 0));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (0, 0));
    let held: usize = redis::cmd("KEYS").arg("*:held:*").query::<Vec<String>>(&mut server.connection()).unwrap().len();
    assert_eq!(held, 0, "no reservation is left");
}

#[tokio::test]
async fn a_withdrawn_ask_on_a_hung_connection_is_not_reserved() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::Refuse);
    let budgets = builder.time_limit(LIMIT).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 10);
    drop(open_all(&task, 1).await);
    assert!(budgets.flush(FLUSH).await);
    proxy.hold_requests();
    assert_eq!(open(&task, picos(1)).await.unwrap_err().reason(), RefusalReason::StoreUnavailable);
    // The ask is withdrawn on another connection.
    eventually("Redis is up", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    let before = scripts(&server);
    proxy.release();
    eventually("the held request arrives", || scripts(&server) > before);
    assert_eq!(server.figures(), (0, 0));
    drop(open_all(&task, 10).await);
}

/// Returns how many scripts were called.
fn scripts(server: &Server) -> u64 {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connection()).unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap();
    line.split(',').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_counts_once() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = builder.time_limit(Duration::from_secs(2)).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 1_000);
    for round in 1..=5 {
        let open = open_all(&task, 7).await;
        task.charge("search", outlay_price::Charge::external(picos(1)));
        assert_eq!(settle_all(open), (7, 0));
        // Redis receives the next commands, but their answers and then the connection are lost.
        proxy.lose_answers();
        let asked = open_all(&task, 1).await;
        assert_eq!(settle_all(asked), (0, 1), "the reservation is unknown");
        proxy.deliver_answers();
        eventually("Redis is up", || budgets.is_up());
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (8 * round, 0));
    }
    assert!(proxy.lost() > 0, "answers were lost");
}

#[tokio::test]
async fn a_redis_slower_than_the_limit_is_only_written_to_until_it_is_fast_again() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = builder.time_limit(LIMIT).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 1_000);
    assert_eq!(settle_all(open_all(&task, 3).await), (3, 0));
    assert!(budgets.flush(FLUSH).await);
    proxy.delay_answers(LIMIT * 3);
    settle_all(open_all(&task, 1).await);
    let begun = Instant::now();
    let mut rounds = 0_usize;
    // Background writes do not mark Redis as up.
    while begun.elapsed() < LIMIT * 8 {
        assert_eq!(settle_all(open_all(&task, 10).await), (0, 10));
        rounds += 1;
        tokio::time::sleep(LIMIT).await;
    }
    assert!(!budgets.is_up());
    eventually("spending is written meanwhile", || server.figures().0 >= 4);
    proxy.delay_answers(Duration::ZERO);
    eventually("Redis is up", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (4 + 10 * rounds as i128, 0));
    assert_eq!(settle_all(open_all(&task, 3).await), (3, 0));
}

#[tokio::test]
async fn repeatedly_killed_connections_count_everything_once() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 1_000_000);
    let mut connection = server.connection();
    for _ in 0..30 {
        let open = open_all(&task, 20).await;
        let _: i64 = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query(&mut connection).unwrap();
        settle_all(open);
    }
    eventually("Redis is up", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (600, 0));
}
