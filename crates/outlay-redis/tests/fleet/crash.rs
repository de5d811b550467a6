//! Processes that die, or seem to.

use std::time::Duration;

use outlay_ledger::BudgetRule;
use outlay_redis::{OnExpiry, RedisBudgets, WhenDown};

use crate::calls::{dollars, ledger, open, settings, settle, task};
use crate::process::Process;
use crate::proxy::Proxy;
use crate::server::{Server, eventually, signal};

/// Short, so that a test need not wait; what a process gives signs of life by is shorter still.
const EXPIRE_AFTER: Duration = Duration::from_millis(400);
const FLUSH: Duration = Duration::from_secs(10);

async fn survivor(server: &Server, on_expiry: OnExpiry) -> RedisBudgets {
    settings(server).expire_after(EXPIRE_AFTER).on_expiry(on_expiry).connect().await.unwrap()
}

fn holder(server: &Server, calls: usize, on_expiry: &str) -> Process {
    let millis = EXPIRE_AFTER.as_millis().to_string();
    let mut process = Process::start(&["hold", &server.url(), &calls.to_string(), on_expiry, &millis]);
    process.hear("holds");
    process
}

#[tokio::test]
async fn what_a_killed_process_has_reserved_expires_by_its_own_rule() {
    use OnExpiry::{Release, Spend};
    for (rule, word, spent) in [(Spend, "spend", 2_100), (Release, "release", 0)] {
        let Some(server) = Server::start(&[]) else { return };
        // The survivor has the opposite rule for its own reservations.
        let budgets = survivor(&server, if rule == Spend { Release } else { Spend }).await;
        let task = task(ledger(&budgets, BudgetRule::new("all", dollars(2_200))));
        // More than is expired at once.
        let process = holder(&server, 300, word);
        assert!(open(&task, dollars(101)).await.is_err());
        process.kill();
        assert_eq!(server.figures(), (0, 2_100), "nobody knows yet");
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut server.link()).unwrap();
        for key in keys {
            let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut server.link()).unwrap();
            assert!(left > 0, "{key} would stay for ever, if nobody came any more");
        }
        eventually("it has expired", || server.figures() == (spent, 0));
        assert_eq!(open(&task, dollars(2_200)).await.is_ok(), rule == OnExpiry::Release);
        drop(task);
        eventually("only what goes by itself is left", || {
            let owners: usize = redis::cmd("ZCARD").arg("{outlay:test}:owners").query(&mut server.link()).unwrap();
            owners == 1
        });
    }
}

#[tokio::test]
async fn what_a_process_holds_does_not_expire_while_it_lives_however_long() {
    let Some(server) = Server::start(&[]) else { return };
    let _budgets = survivor(&server, OnExpiry::Spend).await;
    let mut process = holder(&server, 10, "spend");
    tokio::time::sleep(EXPIRE_AFTER * 4).await;
    assert_eq!(server.figures(), (0, 70));
    process.go_on();
    process.hear("settled");
    assert_eq!(server.figures(), (50, 0));
    process.end();
}

#[tokio::test]
async fn a_process_that_was_taken_for_dead_sets_its_calls_right_when_it_settles_them() {
    for (rule, word, expired) in [(OnExpiry::Spend, "spend", 70), (OnExpiry::Release, "release", 0)] {
        let Some(server) = Server::start(&[]) else { return };
        let _budgets = survivor(&server, rule).await;
        let mut process = holder(&server, 10, word);
        signal(process.pid(), "STOP");
        eventually("it has expired", || server.figures() == (expired, 0));
        signal(process.pid(), "CONT");
        process.go_on();
        process.hear("settled");
        assert_eq!(server.figures(), (50, 0), "{rule:?}");
        process.end();
    }
}

#[tokio::test]
async fn a_process_that_is_cut_off_for_longer_than_its_reservations_live_is_set_right_when_it_is_back() {
    let Some(server) = Server::start(&[]) else { return };
    let _survivor = survivor(&server, OnExpiry::Spend).await;
    let proxy = Proxy::to(server.port());
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = through.expire_after(EXPIRE_AFTER).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", dollars(1_000))));
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(open(&task, dollars(7)).await.unwrap());
    }
    proxy.cut_off();
    eventually("it is taken for dead", || server.figures() == (70, 0));
    for _ in 0..5 {
        held.push(open(&task, dollars(7)).await.unwrap());
    }
    held.into_iter().for_each(|call| settle(call, dollars(5)));
    proxy.let_go();
    // What hung in the connections arrives too, some of it more than once.
    eventually("it is found", || budgets.is_up());
    assert!(budgets.flush(FLUSH).await);
    eventually("all of it has arrived", || server.figures() == (75, 0));
    drop(open(&task, dollars(925)).await.unwrap());
}

#[tokio::test]
async fn a_process_that_ends_well_leaves_nothing_that_has_to_expire() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = survivor(&server, OnExpiry::Spend).await;
    let task = task(ledger(&budgets, BudgetRule::new("all", dollars(100))));
    settle(open(&task, dollars(7)).await.unwrap(), dollars(5));
    assert!(budgets.flush(FLUSH).await);
    drop((task, budgets));
    let mut link = server.link();
    eventually("it has left", || {
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut link).unwrap();
        let (batch, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.contains(":batch:"));
        // The number of its last batch is kept for a while: that may yet arrive for the second time.
        let left: i64 = redis::cmd("PTTL").arg(&batch).query(&mut link).unwrap();
        others.iter().all(|key| key.ends_with(":budget:usd|ever|all:e") || key.ends_with(":sign"))
            && (1..=3_600_000).contains(&left)
    });
    assert_eq!(server.figures(), (5, 0));
}
