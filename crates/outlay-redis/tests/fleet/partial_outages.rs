//! A Redis that accepts writes but is too slow to be asked, and one that has become a replica.

use std::time::Duration;

use outlay_ledger::{Amount, BudgetRule, BudgetStore, Held, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreHold};
use outlay_redis::{RedisBudgets, WhenDown};

use crate::calls::{ledger, open, picos, settings, task};
use crate::outages::{open_all, settle_all, task_with_call_limit};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(20);

#[tokio::test]
async fn leases_end_at_the_limit_while_redis_only_accepts_writes() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    proxy.delay_answers(Duration::from_millis(80));
    let mut fleet = Vec::new();
    for _ in 0..2 {
        let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test");
        let builder = builder.time_limit(Duration::from_millis(50)).when_down(WhenDown::Lease { percent: 10 });
        fleet.push(builder.connect_lazily().unwrap());
    }
    for _ in 0..12 {
        for budgets in &fleet {
            settle_all(open_all(&task_with_call_limit(budgets, 40), 3).await);
            assert!(budgets.flush(FLUSH).await, "writes succeed, although slowly");
        }
    }
    assert!(fleet.iter().all(|budgets| !budgets.is_up()));
    let (spent, reserved) = server.figures();
    assert!((37..=40 + 8).contains(&spent) && reserved == 0, "{spent} of 40");
}

#[tokio::test]
async fn calls_that_never_wait_also_end_at_the_limit() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::Lease { percent: 10 }).connect().await.unwrap();
    let mut let_through = 0;
    for id in 0..60 {
        let budget = StoreBudget::new("calls".into(), Amount::Calls(20));
        let ask = StoreAsk::new(1_000_000 + id, vec![StoreHold::new(budget, Amount::Calls(1))]);
        if budgets.reserve_now(&ask) == StoreAnswer::Unchecked {
            let_through += 1;
            budgets.settle(Settlement::new(ask, Held::Unchecked, vec![Amount::Calls(1)]));
            assert!(budgets.flush(FLUSH).await);
        }
    }
    assert_eq!(let_through, 20);
}

#[tokio::test]
async fn a_node_that_becomes_a_replica_is_replaced_by_the_primary() {
    let (Some(old), Some(new)) = (Server::start(&[]), Server::start(&[])) else { return };
    let proxy = Proxy::to(old.port());
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").time_limit(Duration::from_secs(2));
    let budgets = builder.when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 1_000);
    assert_eq!(settle_all(open_all(&task, 3).await), (3, 0));
    assert!(budgets.flush(FLUSH).await);

    // The old connection stays. Only a new one reaches the other node.
    proxy.redirect_to(new.port());
    let () = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(new.port()).query(&mut old.connection()).unwrap();
    settle_all(open_all(&task, 5).await);
    eventually("the new node is up", || budgets.is_up());
    assert!(!budgets.flush(FLUSH).await, "the loss of what only the old node has is reported");
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(new.figures().0, 5, "the new node has what the old one rejected");
    assert_eq!(settle_all(open_all(&task, 2).await), (2, 0));
}

#[tokio::test]
async fn a_call_is_not_refused_because_of_own_settlements_in_the_queue() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::Refuse);
    let budgets = builder.time_limit(Duration::from_secs(10)).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", picos(300))));
    let mut held = Vec::new();
    for _ in 0..300 {
        held.push(open(&task, picos(1)).await.unwrap());
    }
    // More than one batch. Each is sent only after the answer to the previous one.
    proxy.delay_answers(Duration::from_millis(20));
    drop(held);
    drop(open(&task, picos(300)).await.expect("all reservations are released"));
}
