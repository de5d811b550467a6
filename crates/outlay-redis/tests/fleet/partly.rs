//! A Redis that takes what is written and is no use for asking, or is a replica.

use std::time::Duration;

use outlay_ledger::{Amount, BudgetRule, BudgetStore, Held, Settlement, StoreAnswer, StoreAsk, StoreBudget, StoreHold};
use outlay_redis::{RedisBudgets, WhenDown};

use crate::calls::{dollars, ledger, open, settings, task};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};
use crate::trouble::{calls, open_all, settle_all};

const FLUSH: Duration = Duration::from_secs(20);

#[tokio::test]
async fn leases_end_at_the_limit_though_redis_is_always_too_slow_to_be_asked_and_has_all_that_is_written() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    proxy.delay_answers(Duration::from_millis(80));
    let mut fleet = Vec::new();
    for _ in 0..2 {
        let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test");
        let through = through.time_limit(Duration::from_millis(50)).when_down(WhenDown::Lease { percent: 10 });
        fleet.push(through.connect_lazily().unwrap());
    }
    for _ in 0..12 {
        for budgets in &fleet {
            settle_all(open_all(&calls(budgets, 40), 3).await);
            assert!(budgets.flush(FLUSH).await, "it is written, if slowly");
        }
    }
    assert!(fleet.iter().all(|budgets| !budgets.is_up()));
    let (spent, reserved) = server.figures();
    assert!((37..=40 + 8).contains(&spent) && reserved == 0, "{spent} of 40");
}

#[tokio::test]
async fn calls_that_never_wait_end_at_the_limit_too() {
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
async fn a_node_that_has_been_made_a_replica_is_left_for_the_one_that_is_none() {
    let (Some(old), Some(new)) = (Server::start(&[]), Server::start(&[])) else { return };
    let proxy = Proxy::to(old.port());
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").time_limit(Duration::from_secs(2));
    let budgets = through.when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = calls(&budgets, 1_000);
    assert_eq!(settle_all(open_all(&task, 3).await), (3, 0));
    assert!(budgets.flush(FLUSH).await);

    // The old connection stays where it is: only a new one leads to the other.
    proxy.lead_to(new.port());
    let replicate = |of: &Server| {
        let () = redis::cmd("REPLICAOF").arg("127.0.0.1").arg(of.port()).query(&mut old.link()).unwrap();
    };
    replicate(&new);
    settle_all(open_all(&task, 5).await);
    eventually("the other is found", || budgets.is_up());
    assert!(!budgets.flush(FLUSH).await, "the other does not have what was written to the old one");
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(new.figures().0, 5, "what the old one would not have is there");
    assert_eq!(settle_all(open_all(&task, 2).await), (2, 0));
}

#[tokio::test]
async fn a_call_is_not_refused_for_what_its_own_process_has_settled_and_not_yet_written() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::Refuse);
    let budgets = through.time_limit(Duration::from_secs(10)).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", dollars(300))));
    let mut held = Vec::new();
    for _ in 0..300 {
        held.push(open(&task, dollars(1)).await.unwrap());
    }
    // More than one batch, of which each is written only when the answer to the one before has come.
    proxy.delay_answers(Duration::from_millis(20));
    drop(held);
    drop(open(&task, dollars(300)).await.expect("all has been given back"));
}
