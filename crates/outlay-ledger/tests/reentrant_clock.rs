//! A clock may use the ledger: no lock that it could wait for is held while it runs.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use outlay_ledger::{
    Budget, BudgetRule, CallRecord, Clock, Ledger, OpenRemote, Period, Policy, Receipt, Scope, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};

/// What a clock does when it is asked for the time, besides answering.
type Use = Box<dyn Fn() + Send>;

#[derive(Clone, Default)]
struct BusyClock {
    uses: Arc<Mutex<Option<Use>>>,
    is_busy: Arc<AtomicBool>,
}

impl std::fmt::Debug for BusyClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BusyClock")
    }
}

impl Clock for BusyClock {
    fn now(&self) -> SystemTime {
        // Not again for the time that the use itself asks for.
        if !self.is_busy.swap(true, Ordering::SeqCst) {
            if let Some(uses) = &*self.uses.lock().unwrap() {
                uses();
            }
            self.is_busy.store(false, Ordering::SeqCst);
        }
        UNIX_EPOCH + Duration::from_secs(1_000_000)
    }
}

/// A ledger with rules, a task in it, and the clock that may use both.
fn world() -> (BusyClock, Ledger, Scope) {
    let clock = BusyClock::default();
    let rule = BudgetRule::new("all", Budget::calls(1_000)).every(Period::Day);
    let ledger = Ledger::builder().clock(clock.clone()).budget_rule(rule).build();
    let task = ledger.task(TaskSpec::new("t").budget(Usd::from_dollars(1_000)));
    let (of_clock, of_ledger, of_task) = (clock.clone(), ledger.clone(), task.clone());
    *clock.uses.lock().unwrap() = Some(Box::new(move || {
        let _ = (of_task.totals(), of_task.budgets(), of_task.record());
        of_ledger.set_budget_rules(vec![BudgetRule::new("all", Budget::calls(2_000)).every(Period::Day)]);
        of_ledger.set_policy(Policy::new());
        drop(of_ledger.task(TaskSpec::new("of the clock")));
        let _ = &of_clock;
    }));
    (clock, ledger, task)
}

/// Fails if `work` waits for itself.
fn ends(work: impl FnOnce(Ledger, Scope) + Send + 'static) {
    let (clock, ledger, task) = world();
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        work(ledger, task);
        done.send(()).unwrap();
    });
    wait.recv_timeout(Duration::from_secs(60)).expect("the work ends");
    // The clock and the task hold each other.
    *clock.uses.lock().unwrap() = None;
}

fn call() -> CallRecord {
    CallRecord::answered("m".into(), Usage::new(), Charge::external(Usd::from_cents(1)), UNIX_EPOCH)
}

#[test]
fn a_clock_may_use_the_ledger_while_a_charge_is_made() {
    ends(|_, task| {
        task.charge("search", Charge::external(Usd::from_cents(1)));
        assert_eq!(task.budgets()[0].spent, Usd::from_cents(1));
    });
}

#[test]
fn a_clock_may_use_the_ledger_while_a_call_without_a_reservation_settles() {
    ends(|_, task| {
        task.open_call_unchecked().settle(call());
        assert_eq!(task.budgets()[0].spent, Usd::from_cents(1));
    });
}

#[test]
fn a_clock_may_use_the_ledger_while_a_receipt_comes_or_is_lost() {
    ends(|_, task| {
        let receipt = |remote: &OpenRemote| {
            let there = Ledger::default()
                .task(TaskSpec::join(outlay_ledger::Caller::new(task.task_id(), "t").remote(remote.id())));
            there.charge("search", Charge::external(Usd::from_cents(1)));
            there.finish();
            there.receipt()
        };
        let remote = task.open_remote("worker");
        let receipt: Receipt = receipt(&remote);
        remote.receive(&receipt);
        assert_eq!(task.budgets()[0].spent, Usd::from_cents(1));
        task.open_remote("worker").lose();
    });
}

#[test]
fn a_clock_may_use_the_ledger_while_tasks_start_and_end_and_rules_change() {
    ends(|ledger, task| {
        let inner = task.task(TaskSpec::new("inner").budget(Usd::from_cents(5)));
        inner.step(outlay_ledger::StepKind::Act, "step").finish();
        inner.finish();
        ledger.set_budget_rules(vec![BudgetRule::new("all", Budget::calls(3_000)).every(Period::Day)]);
        ledger.set_policy(Policy::new());
        task.finish();
    });
}
