//! A Redis that comes back with older data, or after a time in which nobody could give a sign of life: what is open stays
//! reserved, what was settled does not, and what is lost is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use outlay_ledger::{AlertKind, Budget, BudgetRule};
use outlay_redis::{OnExpiry, RedisBudgets, WhenDown};

use crate::calls::{dollars, ledger, open_and_drop, settings, task};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};
use crate::trouble::{calls, open_all, settle_all};

const FLUSH: Duration = Duration::from_secs(20);

fn save(server: &Server) {
    let () = redis::cmd("SAVE").query(&mut server.link()).unwrap();
}

/// As after a restart from a snapshot, or where a replica takes over that had not heard all.
#[tokio::test]
async fn a_redis_that_comes_back_with_older_data_holds_no_reservation_that_has_been_settled() {
    for (on_expiry, of_settled) in [(OnExpiry::Spend, 1), (OnExpiry::Release, 0)] {
        let Some(mut server) = Server::start(&[]) else { return };
        let settings = settings(&server).when_down(WhenDown::AllowAndMark).on_expiry(on_expiry);
        let budgets = settings.connect().await.unwrap();
        let task = calls(&budgets, 100);
        assert_eq!(settle_all(open_all(&task, 2).await), (2, 0));
        let (settled, held) = (open_all(&task, 1).await, open_all(&task, 1).await);
        assert!(budgets.flush(FLUSH).await);
        let () = redis::cmd("SAVE").query(&mut server.link()).unwrap();
        assert_eq!(server.figures(), (2, 2), "that is what it will know");
        settle_all(settled);
        let held_later = open_all(&task, 1).await;
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (3, 2));
        server.kill();
        server.run();
        assert_eq!(server.figures(), (2, 2));
        eventually("it is found", || budgets.is_up());
        eventually("what was settled is not reserved", || server.figures() == (2 + of_settled, 1));
        assert!(!budgets.flush(FLUSH).await, "what was spent meanwhile is lost");
        assert_eq!(settle_all(held), (1, 0));
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (3 + of_settled, 0), "what was open is settled");
        settle_all(held_later);
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (4 + of_settled, 0), "of that it knew nothing");
    }
}

/// The second time, too, and though nothing was settled in between.
#[tokio::test]
async fn the_same_snapshot_is_seen_each_time_it_comes_back() {
    let Some(mut server) = Server::start(&[]) else { return };
    let settings = settings(&server).when_down(WhenDown::AllowAndMark).on_expiry(OnExpiry::Release);
    let budgets = settings.expire_after(Duration::from_secs(2)).connect().await.unwrap();
    let task = calls(&budgets, 100);
    let settled = open_all(&task, 5).await;
    assert!(budgets.flush(FLUSH).await);
    save(&server);
    settle_all(settled);
    assert!(budgets.flush(FLUSH).await);
    for round in 1..=3 {
        server.kill();
        server.run();
        assert_eq!(server.figures(), (0, 5));
        eventually("what was settled is not reserved", || server.figures() == (0, 0));
        assert!(!budgets.flush(FLUSH).await, "round {round}");
    }
}

#[tokio::test]
async fn older_data_is_seen_though_the_first_answer_is_lost() {
    let Some(mut server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = through.time_limit(Duration::from_secs(2)).on_expiry(OnExpiry::Release).connect().await.unwrap();
    let task = calls(&budgets, 100);
    let (settled, held) = (open_all(&task, 5).await, open_all(&task, 1).await);
    assert!(budgets.flush(FLUSH).await);
    save(&server);
    settle_all(settled);
    assert!(budgets.flush(FLUSH).await);
    server.kill();
    settle_all(held);
    eventually("it is noticed", || !budgets.is_up());
    // Late, so that the scripts are loaded before the answers get lost.
    proxy.delay_answers(Duration::from_millis(400));
    server.run();
    eventually("the scripts are loaded", || {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut server.link()).unwrap();
        stats.contains("cmdstat_script|load:calls=3,")
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    proxy.lose_answers();
    let lost = proxy.lost();
    eventually("its answer is lost", || proxy.lost() > lost);
    proxy.mend();
    proxy.delay_answers(Duration::ZERO);
    eventually("it is found", || budgets.is_up());
    eventually("the five that were settled are not reserved", || server.figures() == (1, 0));
    assert!(!budgets.flush(FLUSH).await);
}

/// No process could give a sign while it stood still: none of them is dead for that.
#[tokio::test]
async fn a_redis_that_stood_still_takes_no_living_process_for_dead() {
    let Some(server) = Server::start(&[]) else { return };
    let settings = || settings(&server).when_down(WhenDown::Refuse).on_expiry(OnExpiry::Release);
    let mut processes = Vec::new();
    for _ in 0..3 {
        let budgets = settings().expire_after(Duration::from_millis(1_000)).connect().await.unwrap();
        let held = open_all(&calls(&budgets, 30), 10).await;
        processes.push((budgets, held));
    }
    assert_eq!(server.figures(), (0, 30));
    server.pause();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    server.resume();
    for (budgets, _) in &processes {
        eventually("it is found", || budgets.is_up());
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(server.figures(), (0, 30), "all of it is open");
    for (budgets, held) in processes {
        assert_eq!(settle_all(held).0, 10);
        assert!(budgets.flush(FLUSH).await);
    }
    assert_eq!(server.figures(), (30, 0));
}

/// Nobody settles them any more: they hold no place either.
#[tokio::test]
async fn settlements_that_cannot_wait_leave_no_reservation() {
    let Some(server) = Server::start(&[]) else { return };
    let settings = settings(&server).when_down(WhenDown::AllowAndMark).on_expiry(OnExpiry::Release);
    let budgets = settings.connect().await.unwrap();
    let task = calls(&budgets, 1_000_000);
    let open = open_all(&task, 100_200).await;
    assert!(budgets.flush(FLUSH).await);
    server.pause();
    settle_all(open);
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.resume();
    eventually("nothing is reserved", || server.figures().1 == 0);
    assert!(!budgets.flush(FLUSH).await, "what could not wait is lost");
}

#[tokio::test]
async fn an_answer_that_nobody_took_in_leaves_no_reservation() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    open_and_drop(&calls(&budgets, 10), dollars(1)).await;
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_looked_through_keeps_nobody_from_writing() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = calls(&budgets, 100);
    settle_all(open_all(&task, 3).await);
    assert!(budgets.flush(FLUSH).await);
    let mut link = server.link();
    let owner: Vec<String> = redis::cmd("ZRANGE").arg("{outlay:test}:owners").arg(0).arg(-1).query(&mut link).unwrap();
    let () = redis::cmd("FLUSHALL").query(&mut link).unwrap();
    let () = redis::cmd("SET").arg(format!("{{outlay:test}}:held:{}", owner[0])).arg("x").query(&mut link).unwrap();
    task.charge("search", outlay_price::Charge::external(dollars(1)));
    settle_all(open_all(&task, 1).await);
    assert!(!budgets.flush(FLUSH).await);
    assert!(budgets.flush(FLUSH).await, "it is told once");
    let mut downs = 0;
    for _ in 0..200 {
        downs += u32::from(!budgets.is_up());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(downs < 20, "it goes down and up again: {downs} of 200 times");
}

#[tokio::test]
async fn a_soft_limit_that_was_raised_is_told_again() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    // It is told on a thread of its own, as of a task that is still there.
    let mut tasks = Vec::new();
    for (limit, count) in [(10, 6), (100, 60)] {
        let tell = told.clone();
        let ledger = ledger(&budgets, BudgetRule::new("all", Budget::calls(limit).soft(50)));
        let task = task(ledger.on_alert(move |alert| {
            let is_soft = matches!(alert.kind, AlertKind::SoftLimit(_));
            tell.fetch_add(usize::from(is_soft), Ordering::Relaxed);
        }));
        settle_all(open_all(&task, count).await);
        assert!(budgets.flush(FLUSH).await);
        tasks.push(task);
    }
    eventually("both are told", || told.load(Ordering::Relaxed) == 2);
}
