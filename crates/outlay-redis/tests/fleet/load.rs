//! Under load: many that die, much that waits, and observers that take their time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outlay_ledger::{AlertKind, Budget, BudgetRule};
use outlay_redis::{RedisBudgets, WhenDown};

use crate::calls::{dollars, ledger, open, settings, settle, task};
use crate::proxy::Proxy;
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(20);

/// What processes that are gone have reserved, as they would have.
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
async fn all_that_many_calls_of_dead_processes_have_reserved_expires_soon_and_none_waits_for_the_other() {
    let Some(server) = Server::start(&[]) else { return };
    let () = redis::Script::new(RESERVED).arg(5_000).arg(3).invoke(&mut server.link()).unwrap();
    assert_eq!(server.figures(), (0, 7 * 5_003));
    // A sign of life comes only every 15 seconds: it goes round again at once while there is something.
    let _budgets = settings(&server).connect().await.unwrap();
    let mut link = server.link();
    eventually("that of the small one has expired", || {
        !redis::cmd("EXISTS").arg("{outlay:test}:held:dead2").query::<bool>(&mut link).unwrap()
    });
    eventually("all has expired", || server.figures() == (7 * 5_003, 0));
    eventually("they are gone", || redis::cmd("ZCARD").arg("{outlay:test}:owners").query(&mut link) == Ok(1));
}

#[tokio::test]
async fn an_observer_that_takes_its_time_holds_up_no_call() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::Refuse).connect().await.unwrap();
    let (is_told, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (tell, over) = (is_told.clone(), is_over.clone());
    let watched = ledger(&budgets, BudgetRule::new("all", Budget::calls(100).soft(1))).on_alert(move |alert| {
        if matches!(alert.kind, AlertKind::SoftLimit(_)) {
            tell.store(true, Ordering::SeqCst);
            while !over.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let task = task(watched);
    settle(open(&task, dollars(1)).await.unwrap(), dollars(1));
    eventually("it is told", || is_told.load(Ordering::SeqCst));
    settle(open(&task, dollars(1)).await.unwrap(), dollars(1));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (2, 0));
    is_over.store(true, Ordering::SeqCst);
}

#[tokio::test]
async fn it_comes_up_and_a_flush_ends_though_there_is_always_something_more_to_write() {
    let Some(server) = Server::start(&[]) else { return };
    let proxy = Proxy::to(server.port());
    // Until an answer is there, more has come.
    proxy.delay_answers(Duration::from_millis(20));
    let through = RedisBudgets::builder(&proxy.url()).unwrap().namespace("test").time_limit(Duration::from_secs(5));
    let budgets = through.when_down(WhenDown::AllowAndMark).connect_lazily().unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("all", dollars(1_000_000))));
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    let charging = std::thread::spawn(move || {
        while !over.load(Ordering::SeqCst) {
            task.charge("search", outlay_price::Charge::external(dollars(1)));
            std::thread::sleep(Duration::from_micros(200));
        }
    });
    for _ in 0..3 {
        assert!(budgets.flush(FLUSH).await);
    }
    eventually("it is found", || budgets.is_up());
    is_over.store(true, Ordering::SeqCst);
    charging.join().unwrap();
}
