//! Behavior under load: many expired reservations, a queue that never empties, and slow alert handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outlay_ledger::{AlertKind, Budget, BudgetRule};
use outlay_redis::{RedisBudgets, WhenDown};

use crate::calls::{ledger, open, picos, settings, settle, task};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(20);

/// A script that writes the reservations of two dead processes.
const RESERVED: &str = "
for owner = 1, 2 do
  local held, many = '{outlay:test}:held:dead' .. owner, tonumber(ARGV[owner])
  for ask = 1, many do
    redis.call('HSET', held, ask, cmsgpack.pack({'{outlay:test}:budget:usd|ever|all:e', '7'}))
  end
  redis.call('HINCRBY', '{outlay:test}:budget:usd|ever|all:e', 'reserved', 7 * many)
  redis.call('ZADD', '{outlay:test}:owners', owner, 'dead' .. owner)
end";

#[tokio::test]
async fn many_reservations_of_dead_processes_expire_soon_and_fairly() {
    let Some(server) = Server::start(&[]) else { return };
    let () = redis::Script::new(RESERVED).arg(5_000).arg(3).invoke(&mut server.connection()).unwrap();
    assert_eq!(server.figures(), (0, 7 * 5_003));
    // Heartbeats are 15 seconds apart, but another follows at once while there is more to expire.
    let _budgets = settings(&server).connect().await.unwrap();
    let mut connection = server.connection();
    eventually("the owner with few reservations has none left", || {
        !redis::cmd("EXISTS").arg("{outlay:test}:held:dead2").query::<bool>(&mut connection).unwrap()
    });
    eventually("all reservations have expired", || server.figures() == (7 * 5_003, 0));
    eventually("the dead owners are removed", || {
        redis::cmd("ZCARD").arg("{outlay:test}:owners").query(&mut connection) == Ok(1)
    });
}

#[tokio::test]
async fn a_slow_alert_handler_does_not_delay_calls() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::Refuse).connect().await.unwrap();
    let (is_reported, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (reported, over) = (is_reported.clone(), is_over.clone());
    let watched = ledger(&budgets, BudgetRule::new("all", Budget::calls(100).soft(1))).on_alert(move |alert| {
        if matches!(alert.kind, AlertKind::SoftLimit(_)) {
            reported.store(true, Ordering::SeqCst);
            while !over.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let task = task(watched);
    settle(open(&task, picos(1)).await.unwrap(), picos(1));
    eventually("the soft limit is reported", || is_reported.load(Ordering::SeqCst));
    settle(open(&task, picos(1)).await.unwrap(), picos(1));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (2, 0));
    is_over.store(true, Ordering::SeqCst);
}

#[tokio::test]
async fn redis_comes_up_and_flushes_end_although_the_queue_never_empties() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    // More charges arrive before each answer.
    proxy.delay_answers(Duration::from_millis(20));
    let builder = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").time_limit(Duration::from_secs(5));
    let budgets = builder.when_down(WhenDown::AllowAndMark).connect_lazily().unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", picos(1_000_000))));
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    let charging = std::thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            task.charge("search", outlay_price::Charge::external(picos(1)));
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    for _ in 0..3 {
        assert!(budgets.flush(FLUSH).await);
    }
    eventually("Redis is up", || budgets.is_up());
    is_over.store(true, Ordering::SeqCst);
    charging.join().unwrap();
}
