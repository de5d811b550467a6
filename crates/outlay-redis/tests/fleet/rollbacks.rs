//! A Redis that comes back with older data, or after a gap in which no process could send a heartbeat. Open calls stay
//! reserved, settled ones do not, and losses are reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use outlay_ledger::{AlertKind, Budget, BudgetRule};
use outlay_redis::{OnExpiry, RedisBudgets, WhenDown};

use crate::calls::{ledger, open_and_drop, picos, settings, task};
use crate::outages::{open_all, settle_all, task_with_call_limit};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(20);

fn save(server: &Server) {
    let () = redis::cmd("SAVE").query(&mut server.connection()).unwrap();
}

/// Like a restart from a snapshot, or the promotion of a replica that had not received every write.
#[tokio::test]
async fn older_data_does_not_restore_settled_reservations() {
    for (on_expiry, spent_by_expiry) in [(OnExpiry::Spend, 1), (OnExpiry::Release, 0)] {
        let Some(mut server) = Server::start(&[]) else { return };
        let settings = settings(&server).when_down(WhenDown::AllowAndMark).on_expiry(on_expiry);
        let budgets = settings.connect().await.unwrap();
        let task = task_with_call_limit(&budgets, 100);
        assert_eq!(settle_all(open_all(&task, 2).await), (2, 0));
        let (settled, held) = (open_all(&task, 1).await, open_all(&task, 1).await);
        assert!(budgets.flush(FLUSH).await);
        save(&server);
        assert_eq!(server.figures(), (2, 2), "the state of the snapshot");
        settle_all(settled);
        let held_later = open_all(&task, 1).await;
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (3, 2));
        server.kill();
        server.restart();
        assert_eq!(server.figures(), (2, 2));
        eventually("Redis is up", || budgets.is_up());
        eventually("settled calls are not reserved", || server.figures() == (2 + spent_by_expiry, 1));
        assert!(!budgets.flush(FLUSH).await, "the loss is reported");
        assert_eq!(settle_all(held), (1, 0));
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (3 + spent_by_expiry, 0), "the open call is settled");
        settle_all(held_later);
        assert!(budgets.flush(FLUSH).await);
        assert_eq!(server.figures(), (4 + spent_by_expiry, 0), "a call that the snapshot does not contain is settled");
    }
}

/// Each rollback is detected, even if nothing was settled in between.
#[tokio::test]
async fn repeated_rollbacks_to_one_snapshot_are_detected() {
    let Some(mut server) = Server::start(&[]) else { return };
    let settings = settings(&server).when_down(WhenDown::AllowAndMark).on_expiry(OnExpiry::Release);
    let budgets = settings.expire_after(Duration::from_secs(2)).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 100);
    let settled = open_all(&task, 5).await;
    assert!(budgets.flush(FLUSH).await);
    save(&server);
    settle_all(settled);
    assert!(budgets.flush(FLUSH).await);
    for round in 1..=3 {
        server.kill();
        server.restart();
        assert_eq!(server.figures(), (0, 5));
        eventually("settled calls are not reserved", || server.figures() == (0, 0));
        assert!(!budgets.flush(FLUSH).await, "round {round}");
    }
}

#[tokio::test]
async fn older_data_is_detected_even_if_the_first_answer_is_lost() {
    let Some(mut server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").when_down(WhenDown::AllowAndMark);
    let budgets = builder.time_limit(Duration::from_secs(2)).on_expiry(OnExpiry::Release).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 100);
    let (settled, held) = (open_all(&task, 5).await, open_all(&task, 1).await);
    assert!(budgets.flush(FLUSH).await);
    save(&server);
    settle_all(settled);
    assert!(budgets.flush(FLUSH).await);
    server.kill();
    settle_all(held);
    eventually("the outage is detected", || !budgets.is_up());
    // Delayed, so that the scripts are loaded before answers are lost.
    proxy.delay_answers(Duration::from_millis(400));
    server.restart();
    eventually("the scripts are loaded", || {
        let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut server.connection()).unwrap();
        stats.contains("cmdstat_script|load:calls=3,")
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    proxy.lose_answers();
    let lost = proxy.lost();
    eventually("an answer is lost", || proxy.lost() > lost);
    proxy.deliver_answers();
    proxy.delay_answers(Duration::ZERO);
    eventually("Redis is up", || budgets.is_up());
    eventually("the five settled calls are not reserved", || server.figures() == (1, 0));
    assert!(!budgets.flush(FLUSH).await);
}

/// No process could send a heartbeat in the meantime, so none of them counts as dead.
#[tokio::test]
async fn living_processes_survive_a_pause_of_redis() {
    let Some(server) = Server::start(&[]) else { return };
    let settings = || settings(&server).when_down(WhenDown::Refuse).on_expiry(OnExpiry::Release);
    let mut processes = Vec::new();
    for _ in 0..3 {
        let budgets = settings().expire_after(Duration::from_millis(1_000)).connect().await.unwrap();
        let held = open_all(&task_with_call_limit(&budgets, 30), 10).await;
        processes.push((budgets, held));
    }
    assert_eq!(server.figures(), (0, 30));
    server.pause();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    server.resume();
    for (budgets, _) in &processes {
        eventually("Redis is up", || budgets.is_up());
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(server.figures(), (0, 30), "all calls are still open");
    for (budgets, held) in processes {
        assert_eq!(settle_all(held).0, 10);
        assert!(budgets.flush(FLUSH).await);
    }
    assert_eq!(server.figures(), (30, 0));
}

/// Lost settlements will not be settled again, so their reservations must expire.
#[tokio::test]
async fn settlements_beyond_the_queue_leave_no_reservation() {
    let Some(server) = Server::start(&[]) else { return };
    let settings = settings(&server).when_down(WhenDown::AllowAndMark).on_expiry(OnExpiry::Release);
    let budgets = settings.connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 1_000_000);
    let open = open_all(&task, 100_200).await;
    assert!(budgets.flush(FLUSH).await);
    server.pause();
    settle_all(open);
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.resume();
    eventually("nothing is reserved", || server.figures().1 == 0);
    assert!(!budgets.flush(FLUSH).await, "the loss is reported");
}

#[tokio::test]
async fn an_unprocessed_answer_leaves_no_reservation() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    open_and_drop(&task_with_call_limit(&budgets, 10), picos(1)).await;
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (0, 0));
}

#[tokio::test]
async fn reservations_that_cannot_be_reconciled_do_not_block_writing() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = task_with_call_limit(&budgets, 100);
    settle_all(open_all(&task, 3).await);
    assert!(budgets.flush(FLUSH).await);
    let mut connection = server.connection();
    let owner: Vec<String> =
        redis::cmd("ZRANGE").arg("{outlay:test}:owners").arg(0).arg(-1).query(&mut connection).unwrap();
    let () = redis::cmd("FLUSHALL").query(&mut connection).unwrap();
    let () =
        redis::cmd("SET").arg(format!("{{outlay:test}}:held:{}", owner[0])).arg("x").query(&mut connection).unwrap();
    task.charge("search", outlay_price::Charge::external(picos(1)));
    settle_all(open_all(&task, 1).await);
    assert!(!budgets.flush(FLUSH).await);
    assert!(budgets.flush(FLUSH).await, "the loss is reported once");
    let mut downs = 0;
    for _ in 0..200 {
        downs += u32::from(!budgets.is_up());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(downs < 20, "Redis stays up: down in {downs} of 200 samples");
}

#[tokio::test]
async fn a_raised_soft_limit_is_reported_again() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).connect().await.unwrap();
    let alerts = Arc::new(AtomicUsize::new(0));
    // Alerts come from another thread, and need a task that still exists.
    let mut tasks = Vec::new();
    for (limit, count) in [(10, 6), (100, 60)] {
        let recorded = alerts.clone();
        let ledger = ledger(&budgets, BudgetRule::new("all", Budget::calls(limit).soft(50)));
        let task = task(ledger.on_alert(move |alert| {
            let is_soft = matches!(alert.kind, AlertKind::SoftLimit(_));
            recorded.fetch_add(usize::from(is_soft), Ordering::Relaxed);
        }));
        settle_all(open_all(&task, count).await);
        assert!(budgets.flush(FLUSH).await);
        tasks.push(task);
    }
    eventually("both are reported", || alerts.load(Ordering::Relaxed) == 2);
}
