//! Processes that die, hang or are cut off.

use std::time::Duration;

use outlay_ledger::BudgetRule;
use outlay_redis::{OnExpiry, RedisBudgets, WhenDown};

use crate::calls::{ledger, open, picos, settings, settle, task};
use crate::process::Process;
use crate::proxy::Proxy;
use crate::server::{Server, eventually, signal};

/// Short, so that tests are fast. Heartbeats are more frequent.
const EXPIRE_AFTER: Duration = Duration::from_millis(400);
const FLUSH: Duration = Duration::from_secs(10);

async fn survivor(server: &Server, on_expiry: OnExpiry) -> RedisBudgets {
    settings(server).expire_after(EXPIRE_AFTER).on_expiry(on_expiry).connect().await.unwrap()
}

/// Starts a process that holds open calls.
fn holder(server: &Server, calls: usize, on_expiry: &str) -> Process {
    let millis = EXPIRE_AFTER.as_millis().to_string();
    let mut process = Process::start(&["hold", &server.url(), &calls.to_string(), on_expiry, &millis]);
    process.wait_for("holds");
    process
}

#[tokio::test]
async fn reservations_of_a_killed_process_expire_by_its_own_rule() {
    use OnExpiry::{Release, Spend};
    for (rule, word, spent) in [(Spend, "spend", 2_100), (Release, "release", 0)] {
        let Some(server) = Server::start(&[]) else { return };
        // The survivor has the opposite rule for its own reservations.
        let budgets = survivor(&server, if rule == Spend { Release } else { Spend }).await;
        let task = task(ledger(&budgets, BudgetRule::new("all", picos(2_200))));
        // More than expire in one batch.
        let process = holder(&server, 300, word);
        assert!(open(&task, picos(101)).await.is_err());
        process.kill();
        assert_eq!(server.figures(), (0, 2_100), "nothing has expired yet");
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.connection()).unwrap();
        for key in keys {
            let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut server.connection()).unwrap();
            assert!(left > 0, "{key} has a time to live");
        }
        eventually("the reservations have expired", || server.figures() == (spent, 0));
        assert_eq!(open(&task, picos(2_200)).await.is_ok(), rule == OnExpiry::Release);
        drop(task);
        eventually("the dead owner is removed", || {
            let owners: usize =
                redis::cmd("ZCARD").arg("{outlay:test}:owners").query(&mut server.connection()).unwrap();
            owners == 1
        });
    }
}

#[tokio::test]
async fn reservations_of_a_living_process_do_not_expire() {
    let Some(server) = Server::start(&[]) else { return };
    let _budgets = survivor(&server, OnExpiry::Spend).await;
    let mut process = holder(&server, 10, "spend");
    tokio::time::sleep(EXPIRE_AFTER * 4).await;
    assert_eq!(server.figures(), (0, 70));
    process.resume();
    process.wait_for("settled");
    assert_eq!(server.figures(), (50, 0));
    process.assert_success();
}

#[tokio::test]
async fn a_process_corrects_its_expired_calls_when_it_settles_them() {
    for (rule, word, expired) in [(OnExpiry::Spend, "spend", 70), (OnExpiry::Release, "release", 0)] {
        let Some(server) = Server::start(&[]) else { return };
        let _budgets = survivor(&server, rule).await;
        let mut process = holder(&server, 10, word);
        signal(process.pid(), "STOP");
        eventually("the reservations have expired", || server.figures() == (expired, 0));
        signal(process.pid(), "CONT");
        process.resume();
        process.wait_for("settled");
        assert_eq!(server.figures(), (50, 0), "{rule:?}");
        process.assert_success();
    }
}

#[tokio::test]
async fn expired_calls_of_a_cut_off_process_are_corrected_when_it_is_back() {
    let Some(server) = Server::start(&[]) else { return };
    let _survivor = survivor(&server, OnExpiry::Spend).await;
    let proxy = Proxy::to(server.port());
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = builder.expire_after(EXPIRE_AFTER).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", picos(1_000))));
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(open(&task, picos(7)).await.unwrap());
    }
    proxy.cut_off();
    eventually("the reservations have expired", || server.figures() == (70, 0));
    for _ in 0..5 {
        held.push(open(&task, picos(7)).await.unwrap());
    }
    held.into_iter().for_each(|call| settle(call, picos(5)));
    proxy.release();
    // The held requests arrive too, some of them more than once.
    eventually("Redis is up", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    eventually("everything has arrived", || server.figures() == (75, 0));
    drop(open(&task, picos(925)).await.unwrap());
}

#[tokio::test]
async fn a_process_that_ends_normally_leaves_nothing_to_expire() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = survivor(&server, OnExpiry::Spend).await;
    let task = task(ledger(&budgets, BudgetRule::new("all", picos(100))));
    settle(open(&task, picos(7)).await.unwrap(), picos(5));
    assert!(budgets.flush(FLUSH).await);
    drop((task, budgets));
    let mut connection = server.connection();
    eventually("the owner is removed", || {
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        let (batch, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.contains(":batch:"));
        // The number of its last batch is kept for a while, because the batch may arrive a second time.
        let left: i64 = redis::cmd("PTTL").arg(&batch).query(&mut connection).unwrap();
        others.iter().all(|key| key.ends_with(":budget:usd|ever|all:e") || key.ends_with(":sign"))
            && (1..=3_600_000).contains(&left)
    });
    assert_eq!(server.figures(), (5, 0));
}
