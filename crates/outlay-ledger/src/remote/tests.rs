use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outlay_price::{Charge, CostStatus, Usd};

use crate::{
    Amount, Ask, BudgetRule, Caller, Clock, CostKind, Ledger, Outcome, Receipt, Received, Record, Refusal, RemoteId,
    Scope, StepKind, TaskSpec,
};

/// What another process says of work that cost so many cents, half of it in a step of kind `plan`.
fn done(remote: RemoteId, cents: i64) -> Receipt {
    let caller = Caller::new("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("it is an id"), "resolve-ticket")
        .remote(remote);
    let task = Ledger::default().task(TaskSpec::new("research").caller(caller));
    task.charge("a", Charge::external(Usd::from_cents(cents) - Usd::from_cents(1)));
    let plan = task.step(StepKind::Plan, "x");
    plan.charge("b", Charge::external(Usd::from_cents(1)));
    plan.finish();
    task.finish();
    // As it comes over the wire.
    task.receipt().to_string().parse().expect("it is a receipt")
}

fn usd(scope: &Scope) -> Option<Usd> {
    scope.totals().cost().usd()
}

#[test]
fn a_receipt_joins_the_sum_of_its_scope_and_of_all_above_once() {
    let task = Ledger::default().task(TaskSpec::new("resolve-ticket"));
    let tool = task.step(StepKind::Tool, "ask the researcher");
    let remote = tool.open_remote("researcher");
    let receipt = done(remote.id(), 5);
    assert_eq!(task.totals().pending_receipts(), 1);
    assert_eq!(remote.receive(&receipt), Received::Joined);
    assert_eq!(remote.receive(&receipt), Received::Again);
    tool.finish();
    let totals = task.totals();
    assert_eq!((totals.cost().usd(), totals.cost().status()), (Some(Usd::from_cents(5)), CostStatus::Exact));
    assert_eq!((totals.remote(), totals.pending_receipts()), (Usd::from_cents(5), 0));
    assert_eq!(task.running().0, Usd::from_cents(5));
    // What no step held there was held by the tool here.
    let kind = |kind: StepKind| totals.by_kind().iter().find(|k| k.kind == CostKind::Step(kind.clone())).unwrap().cost;
    assert_eq!((kind(StepKind::Tool), kind(StepKind::Plan)), (Usd::from_cents(4), Usd::from_cents(1)));
}

#[test]
fn under_a_retry_all_of_it_is_retry() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let retry = task.step(StepKind::Retry, "attempt 2");
    let remote = retry.open_remote("r");
    remote.receive(&done(remote.id(), 5));
    retry.finish();
    let kinds: Vec<_> = task.totals().by_kind().iter().map(|k| (k.kind.clone(), k.cost)).collect();
    assert_eq!(kinds, [(CostKind::Step(StepKind::Retry), Usd::from_cents(5))]);
}

#[test]
fn a_second_run_of_the_same_work_has_spent_too() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let remote = task.open_remote("queue");
    for _ in 0..2 {
        assert_eq!(remote.receive(&done(remote.id(), 3)), Received::Joined);
    }
    assert_eq!(usd(&task), Some(Usd::from_cents(6)));
    assert_eq!(task.totals().pending_receipts(), 0);
}

#[test]
fn a_scope_waits_for_the_receipt_and_then_closes() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let remote = task.open_remote("r");
    task.finish();
    assert!(!task.is_closed());
    remote.receive(&done(remote.id(), 2));
    assert!(task.is_closed());
    assert_eq!(usd(&task), Some(Usd::from_cents(2)));
}

#[test]
fn a_lost_receipt_leaves_the_sum_unknown_and_may_be_found() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    task.charge("x", Charge::external(Usd::from_cents(1)));
    let remote = task.open_remote("r");
    remote.lose();
    remote.lose();
    let lost = task.totals();
    assert_eq!((lost.lost_receipts(), lost.pending_receipts()), (1, 0));
    assert_eq!((lost.cost().usd(), lost.cost().status()), (Some(Usd::from_cents(1)), CostStatus::Unpriced));
    assert_eq!(remote.receive(&done(remote.id(), 2)), Received::Joined);
    let found = task.totals();
    assert_eq!((found.lost_receipts(), found.cost().status()), (0, CostStatus::Exact));
    assert_eq!(found.cost().usd(), Some(Usd::from_cents(3)));
    let records = task.record().children;
    assert!(matches!(&records[..], [Record::Charge(_), Record::Remote(r)] if r.totals.is_some()), "{records:?}");
}

#[test]
fn work_that_is_dropped_is_lost_and_work_that_was_never_sent_is_nothing() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    drop(task.open_remote("dropped"));
    assert_eq!(task.totals().lost_receipts(), 1);
    assert_eq!(usd(&task), None);
    task.open_remote("unsent").cancel();
    assert_eq!((task.totals().lost_receipts(), task.totals().pending_receipts()), (1, 0));
}

#[test]
fn a_receipt_that_comes_when_the_task_has_closed_is_outside_its_sum() {
    let ledger = Ledger::builder().clock(Later).late_limit(Duration::ZERO).build();
    let task = ledger.task(TaskSpec::new("t"));
    let remote = task.open_remote("r");
    task.set_outcome(Outcome::success());
    task.finish();
    ledger.close_overdue();
    assert!(task.is_closed());
    let closed = task.totals();
    assert_eq!((closed.pending_receipts(), closed.cost().usd()), (1, None));
    assert_eq!(remote.receive(&done(remote.id(), 2)), Received::Late);
    assert_eq!(task.totals(), closed);
    assert_eq!(task.running().0, Usd::ZERO);
}

#[test]
fn a_step_waits_for_a_receipt_as_long_as_its_task_goes_on() {
    let ledger = Ledger::builder().clock(Later).late_limit(Duration::ZERO).build();
    let task = ledger.task(TaskSpec::new("t"));
    let agent = task.agent("around it");
    let step = agent.step(StepKind::Tool, "enqueue");
    let remote = step.open_remote("queue");
    step.finish();
    agent.finish();
    ledger.close_overdue();
    assert!(!step.is_closed() && !agent.is_closed());
    assert_eq!(remote.receive(&done(remote.id(), 2)), Received::Joined);
    assert!(step.is_closed() && agent.is_closed());
    // A task inside it has ended, and is not waited for as long as the one around it goes on.
    let inner = task.task(TaskSpec::new("a job of many"));
    let lost = inner.open_remote("dead worker");
    inner.finish();
    ledger.close_overdue();
    assert!(inner.is_closed() && lost.is_open());

    let step = task.step(StepKind::Tool, "enqueue");
    let remote = step.open_remote("queue");
    step.finish();
    ledger.close_overdue();
    task.finish();
    ledger.close_overdue();
    assert!(step.is_closed() && task.is_closed(), "once the task has ended, the limit is that of any other");
    assert_eq!(remote.receive(&done(remote.id(), 2)), Received::Late);
}

#[test]
fn runs_beyond_what_is_counted_leave_the_sum_unknown() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let remote = task.open_remote("poisoned queue");
    for _ in 0..10_000 {
        assert_eq!(remote.receive(&done(remote.id(), 2)), Received::Joined);
    }
    assert_eq!(task.totals().cost().status(), CostStatus::Exact);
    for _ in 0..3 {
        assert_eq!(remote.receive(&done(remote.id(), 2)), Received::TooMany);
    }
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (1, CostStatus::Unpriced));
}

#[test]
fn code_that_runs_elsewhere_keeps_a_scope_open_only_where_somebody_waits_for_the_receipt() {
    let ledger = Ledger::default();
    let own = ledger.task(TaskSpec::new("t"));
    assert!(own.hold().is_none());
    let caller = Caller::new("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), "x");
    let asked =
        ledger.task(TaskSpec::new("t").caller(caller.remote("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap())));
    let inner = asked.task(TaskSpec::new("inner"));
    let hold = inner.hold().expect("the outer task is waited for");
    inner.finish();
    asked.finish();
    assert!(!asked.receipt().is_final());
    drop(hold);
    assert!(asked.receipt().is_final());
    assert!(asked.hold().is_none(), "it has closed");
}

#[test]
fn a_tasks_budget_counts_what_other_processes_spend_for_it_and_a_rules_what_this_one_does() {
    let rule = BudgetRule::new("all", Usd::from_dollars(1));
    let ledger = Ledger::builder().budget_rule(rule).build();
    let task = ledger.task(TaskSpec::new("t").budget(Usd::from_cents(50)));
    let remote = task.open_remote("r");
    remote.receive(&done(remote.id(), 7));
    assert_eq!(task.budgets()[0].spent, Amount::Usd(Usd::from_cents(7)));
    task.charge("x", Charge::external(Usd::from_cents(93)));
    let model: Arc<str> = Arc::from("m");
    let ask = Ask {
        model: &model,
        input: 1,
        max_output: Some(1),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(Usd::from_cents(8)),
    };
    let refused = match ledger.task(TaskSpec::new("t")).open_call(&ask) {
        Err(Refusal::Budget(refused)) => refused,
        other => panic!("{other:?}"),
    };
    assert_eq!((refused.scope(), refused.spent()), ("all", Amount::Usd(Usd::from_cents(93))));
}

#[test]
fn work_asked_for_in_a_step_that_has_ended_is_counted_around_it() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let step = task.step(StepKind::Tool, "x");
    step.finish();
    let remote = step.open_remote("r");
    assert_eq!(remote.scope(), &task);
    assert_eq!(remote.receive(&done(remote.id(), 2)), Received::Joined);
    assert_eq!(usd(&task), Some(Usd::from_cents(2)));
}

#[test]
fn a_failed_scope_has_wasted_what_was_spent_for_it_elsewhere() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let step = task.step(StepKind::Act, "x");
    let remote = step.open_remote("r");
    remote.receive(&done(remote.id(), 4));
    step.fail("no");
    step.finish();
    assert_eq!(task.totals().failed_cost(), Usd::from_cents(4));
}

#[test]
fn a_joined_task_goes_by_the_callers_id_and_name() {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let caller = Caller::new(id.parse().unwrap(), "resolve-ticket");
    let ledger = Ledger::default();
    let (one, two) = (ledger.task(TaskSpec::join(caller.clone())), ledger.task(TaskSpec::join(caller)));
    assert_eq!(one.task_id().to_string(), id);
    assert_eq!(&**one.task_name(), "resolve-ticket");
    assert_eq!(one.task_id(), two.task_id());
    assert_ne!(one.run_id(), two.run_id(), "each part has a receipt of its own");
    assert!(one.joined().is_some());
}

/// A clock that has gone on whenever it is asked.
#[derive(Debug)]
struct Later;

impl Clock for Later {
    fn now(&self) -> SystemTime {
        use std::sync::atomic::{AtomicU64, Ordering};
        static SECONDS: AtomicU64 = AtomicU64::new(0);
        SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed))
    }
}
