//! Corrupt data in Redis. It affects only the budget or owner that it belongs to.

use std::time::Duration;

use outlay_ledger::{Budget, BudgetRule, StoreCheck};
use outlay_redis::WhenDown;

use crate::calls::{ledger, open, picos, record, settings, settle, task};
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(10);
const BAD: &str = "{outlay:test}:budget:calls|ever|bad:e";

fn set_bad_figure(server: &Server) {
    let () = redis::cmd("HSET").arg(BAD).arg("spent").arg("x").query(&mut server.connection()).unwrap();
}

fn good_figures(server: &Server) -> Vec<Option<String>> {
    let good = "{outlay:test}:budget:calls|ever|good:e";
    redis::cmd("HMGET").arg(good).arg(&["spent", "reserved"]).query(&mut server.connection()).unwrap()
}

#[tokio::test]
async fn a_corrupt_figure_does_not_affect_other_budgets_of_the_batch() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let both = ledger(&budgets, BudgetRule::new("bad", Budget::calls(100)));
    let both = task(both.budget_rule(BudgetRule::new("good", Budget::calls(100))));
    let held = open(&both, picos(1)).await.unwrap();
    set_bad_figure(&server);
    settle(held, picos(1));
    let call = open(&both, picos(1)).await.unwrap();
    assert_eq!(call.settle(record(picos(1))).store_check, Some(StoreCheck::Missed));
    let good = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    settle(open(&good, picos(1)).await.unwrap(), picos(1));
    assert!(!budgets.flush(FLUSH).await, "a loss is reported");
    assert!(budgets.flush(FLUSH).await && budgets.is_up());
    assert_eq!(good_figures(&server), [Some("3".to_owned()), Some("0".to_owned())]);
}

#[tokio::test]
async fn corrupt_reservations_block_neither_expiry_nor_writing() {
    let Some(server) = Server::start(&[]) else { return };
    set_bad_figure(&server);
    let mut connection = server.connection();
    let held = "local held = cmsgpack.pack({ARGV[2], '1'}) redis.call('HSET', KEYS[1], '1', held) \
                redis.call('ZADD', '{outlay:test}:owners', ARGV[1], ARGV[3])";
    let good = "{outlay:test}:budget:calls|ever|good:e";
    for (index, (owner, key)) in [("a", BAD), ("c", good)].into_iter().enumerate() {
        let script = redis::Script::new(held);
        let mut script = script.key(format!("{{outlay:test}}:held:{owner}"));
        let () = script.arg(2 * index).arg(key).arg(owner).invoke(&mut connection).unwrap();
    }
    // Between them, an owner whose key holds other data.
    let () = redis::cmd("SET").arg("{outlay:test}:held:b").arg("mine").query(&mut connection).unwrap();
    let () = redis::cmd("ZADD").arg("{outlay:test}:owners").arg(1).arg("b").query(&mut connection).unwrap();
    let budgets = settings(&server).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    eventually("all dead owners are removed", || {
        redis::cmd("ZCARD").arg("{outlay:test}:owners").query(&mut connection) == Ok(1)
    });
    settle(open(&task, picos(1)).await.unwrap(), picos(1));
    assert!(!budgets.flush(FLUSH).await, "a loss is reported");
    assert!(budgets.flush(FLUSH).await && budgets.is_up());
    assert_eq!(good_figures(&server)[0].as_deref(), Some("2"));
}

#[tokio::test]
async fn maximum_durations_work() {
    let Some(server) = Server::start(&[]) else { return };
    let builder = settings(&server).forget_after(Duration::MAX).expire_after(Duration::MAX);
    let budgets = builder.when_down(WhenDown::Refuse).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    settle(open(&task, picos(1)).await.unwrap(), picos(1));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (1, 0));
}

#[tokio::test]
async fn a_reservation_that_cannot_be_recorded_changes_no_figure() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    let () = redis::cmd("SET").arg("{outlay:test}:owners").arg("mine").query(&mut server.connection()).unwrap();
    drop(open(&task, picos(1)).await.unwrap());
    assert_eq!(server.figures(), (0, 0));
}
