//! What is wrong in Redis spoils no more than what it is of.

use std::time::Duration;

use outlay_ledger::{Budget, BudgetRule, StoreCheck};
use outlay_redis::WhenDown;

use crate::calls::{dollars, ledger, open, record, settings, settle, task};
use crate::server::{Server, eventually};

const FLUSH: Duration = Duration::from_secs(10);
const BAD: &str = "{outlay:test}:budget:calls|ever|bad:e";

fn set_bad_figure(server: &Server) {
    let () = redis::cmd("HSET").arg(BAD).arg("spent").arg("x").query(&mut server.link()).unwrap();
}

fn good_figures(server: &Server) -> Vec<Option<String>> {
    let good = "{outlay:test}:budget:calls|ever|good:e";
    redis::cmd("HMGET").arg(good).arg(&["spent", "reserved"]).query(&mut server.link()).unwrap()
}

#[tokio::test]
async fn a_figure_that_somebody_spoilt_costs_no_other_budget_of_the_batch_anything() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let both = ledger(&budgets, BudgetRule::new("bad", Budget::calls(100)));
    let both = task(both.budget_rule(BudgetRule::new("good", Budget::calls(100))));
    let held = open(&both, dollars(1)).await.unwrap();
    set_bad_figure(&server);
    settle(held, dollars(1));
    let call = open(&both, dollars(1)).await.unwrap();
    assert_eq!(call.settle(record(dollars(1))).store_check, Some(StoreCheck::Missed));
    let good = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    settle(open(&good, dollars(1)).await.unwrap(), dollars(1));
    assert!(!budgets.flush(FLUSH).await, "something was lost");
    assert!(budgets.flush(FLUSH).await && budgets.is_up());
    assert_eq!(good_figures(&server), [Some("3".to_owned()), Some("0".to_owned())]);
}

#[tokio::test]
async fn what_cannot_expire_keeps_neither_others_from_it_nor_anybody_from_writing() {
    let Some(server) = Server::start(&[]) else { return };
    set_bad_figure(&server);
    let mut link = server.link();
    let held = "local held = cmsgpack.pack({ARGV[2], '1'}) redis.call('HSET', KEYS[1], '1', held) \
                redis.call('ZADD', '{outlay:test}:owners', ARGV[1], ARGV[3])";
    let good = "{outlay:test}:budget:calls|ever|good:e";
    for (place, (owner, key)) in [("a", BAD), ("c", good)].into_iter().enumerate() {
        let script = redis::Script::new(held);
        let mut script = script.key(format!("{{outlay:test}}:held:{owner}"));
        let () = script.arg(2 * place).arg(key).arg(owner).invoke(&mut link).unwrap();
    }
    // One whose key holds something else, between them.
    let () = redis::cmd("SET").arg("{outlay:test}:held:b").arg("mine").query(&mut link).unwrap();
    let () = redis::cmd("ZADD").arg("{outlay:test}:owners").arg(1).arg("b").query(&mut link).unwrap();
    let budgets = settings(&server).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    eventually("all of them are gone", || redis::cmd("ZCARD").arg("{outlay:test}:owners").query(&mut link) == Ok(1));
    settle(open(&task, dollars(1)).await.unwrap(), dollars(1));
    assert!(!budgets.flush(FLUSH).await, "something was lost");
    assert!(budgets.flush(FLUSH).await && budgets.is_up());
    assert_eq!(good_figures(&server)[0].as_deref(), Some("2"));
}

#[tokio::test]
async fn the_longest_times_there_are_spoil_no_budget() {
    let Some(server) = Server::start(&[]) else { return };
    let longest = settings(&server).forget_after(Duration::MAX).expire_after(Duration::MAX);
    let budgets = longest.when_down(WhenDown::Refuse).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    settle(open(&task, dollars(1)).await.unwrap(), dollars(1));
    assert!(budgets.flush(FLUSH).await);
    assert_eq!(server.figures(), (1, 0));
}

#[tokio::test]
async fn a_reservation_that_cannot_be_written_down_changes_no_figure() {
    let Some(server) = Server::start(&[]) else { return };
    let budgets = settings(&server).when_down(WhenDown::AllowAndMark).connect().await.unwrap();
    let task = task(ledger(&budgets, BudgetRule::new("good", Budget::calls(100))));
    let () = redis::cmd("SET").arg("{outlay:test}:owners").arg("mine").query(&mut server.link()).unwrap();
    drop(open(&task, dollars(1)).await.unwrap());
    assert_eq!(server.figures(), (0, 0));
}
