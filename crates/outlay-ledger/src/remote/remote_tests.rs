use std::sync::Arc;
use std::time::{Duration, SystemTime};

use outlay_price::{Charge, CostStatus, Usd};

use crate::{
    Amount, Ask, BudgetRule, Caller, Clock, CostKind, Ledger, Outcome, Receipt, Received, Record, Refusal, RemoteId,
    Scope, StepKind, TaskSpec,
};

/// Returns the receipt of another process for work that cost this many cents, one of them in a step of kind `plan`.
fn receipt(remote: RemoteId, cents: i64) -> Receipt {
    let caller = Caller::new("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("a valid id"), "resolve-ticket")
        .remote(remote);
    let task = Ledger::default().task(TaskSpec::new("research").caller(caller));
    task.charge("a", Charge::external(Usd::from_cents(cents) - Usd::from_cents(1)));
    let plan = task.step(StepKind::Plan, "x");
    plan.charge("b", Charge::external(Usd::from_cents(1)));
    plan.finish();
    task.finish();
    // Round trip through the text, as over the wire.
    task.receipt().to_string().parse().expect("a valid receipt")
}

fn usd(scope: &Scope) -> Option<Usd> {
    scope.totals().cost().usd()
}

#[test]
fn a_receipt_is_added_once_to_the_totals_of_its_scope_and_all_above() {
    let task = Ledger::default().task(TaskSpec::new("resolve-ticket"));
    let tool = task.step(StepKind::Tool, "ask the researcher");
    let remote = tool.open_remote("researcher");
    let sent = receipt(remote.id(), 5);
    assert_eq!(task.totals().pending_receipts(), 1);
    assert_eq!(remote.receive(&sent), Received::Joined);
    assert_eq!(remote.receive(&sent), Received::Again);
    tool.finish();
    let totals = task.totals();
    assert_eq!((totals.cost().usd(), totals.cost().status()), (Some(Usd::from_cents(5)), CostStatus::Exact));
    assert_eq!((totals.remote(), totals.pending_receipts()), (Usd::from_cents(5), 0));
    assert_eq!(task.running().0, Usd::from_cents(5));
    // The direct cost there is in the tool step here.
    let kind = |kind: StepKind| totals.by_kind().iter().find(|k| k.kind == CostKind::Step(kind.clone())).unwrap().cost;
    assert_eq!((kind(StepKind::Tool), kind(StepKind::Plan)), (Usd::from_cents(4), Usd::from_cents(1)));
}

#[test]
fn remote_cost_in_a_retry_is_all_retry() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let retry = task.step(StepKind::Retry, "attempt 2");
    let remote = retry.open_remote("r");
    remote.receive(&receipt(remote.id(), 5));
    retry.finish();
    let kinds: Vec<_> = task.totals().by_kind().iter().map(|k| (k.kind.clone(), k.cost)).collect();
    assert_eq!(kinds, [(CostKind::Step(StepKind::Retry), Usd::from_cents(5))]);
}

#[test]
fn a_second_run_of_the_same_work_also_counts() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let remote = task.open_remote("queue");
    for _ in 0..2 {
        assert_eq!(remote.receive(&receipt(remote.id(), 3)), Received::Joined);
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
    remote.receive(&receipt(remote.id(), 2));
    assert!(task.is_closed());
    assert_eq!(usd(&task), Some(Usd::from_cents(2)));
}

#[test]
fn a_lost_receipt_makes_the_cost_unknown_until_it_arrives() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    task.charge("x", Charge::external(Usd::from_cents(1)));
    let remote = task.open_remote("r");
    remote.lose();
    remote.lose();
    let lost = task.totals();
    assert_eq!((lost.lost_receipts(), lost.pending_receipts()), (1, 0));
    assert_eq!((lost.cost().usd(), lost.cost().status()), (Some(Usd::from_cents(1)), CostStatus::Unpriced));
    assert_eq!(remote.receive(&receipt(remote.id(), 2)), Received::Joined);
    let found = task.totals();
    assert_eq!((found.lost_receipts(), found.cost().status()), (0, CostStatus::Exact));
    assert_eq!(found.cost().usd(), Some(Usd::from_cents(3)));
    let records = task.record().children;
    assert!(matches!(&records[..], [Record::Charge(_), Record::Remote(r)] if r.totals.is_some()), "{records:?}");
}

#[test]
fn dropped_work_is_lost_and_cancelled_work_is_not_counted() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    drop(task.open_remote("dropped"));
    assert_eq!(task.totals().lost_receipts(), 1);
    assert_eq!(usd(&task), None);
    task.open_remote("unsent").cancel();
    assert_eq!((task.totals().lost_receipts(), task.totals().pending_receipts()), (1, 0));
}

#[test]
fn a_receipt_after_the_close_is_not_in_the_totals() {
    let ledger = Ledger::builder().clock(AdvancingClock).late_limit(Duration::ZERO).build();
    let task = ledger.task(TaskSpec::new("t"));
    let remote = task.open_remote("r");
    task.set_outcome(Outcome::success());
    task.finish();
    ledger.close_overdue();
    assert!(task.is_closed());
    let closed = task.totals();
    assert_eq!((closed.pending_receipts(), closed.cost().usd()), (1, None));
    assert_eq!(remote.receive(&receipt(remote.id(), 2)), Received::Late);
    assert_eq!(task.totals(), closed);
    assert_eq!(task.running().0, Usd::ZERO);
}

#[test]
fn a_step_waits_for_a_receipt_while_its_task_runs() {
    let ledger = Ledger::builder().clock(AdvancingClock).late_limit(Duration::ZERO).build();
    let task = ledger.task(TaskSpec::new("t"));
    let agent = task.agent("around it");
    let step = agent.step(StepKind::Tool, "enqueue");
    let remote = step.open_remote("queue");
    step.finish();
    agent.finish();
    ledger.close_overdue();
    assert!(!step.is_closed() && !agent.is_closed());
    assert_eq!(remote.receive(&receipt(remote.id(), 2)), Received::Joined);
    assert!(step.is_closed() && agent.is_closed());
    // A nested task has ended, so it does not wait until the outer task ends.
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
    assert!(step.is_closed() && task.is_closed(), "after the end of the task, the late limit applies");
    assert_eq!(remote.receive(&receipt(remote.id(), 2)), Received::Late);
}

#[test]
fn runs_beyond_the_maximum_make_the_cost_unknown() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let remote = task.open_remote("poisoned queue");
    for _ in 0..10_000 {
        assert_eq!(remote.receive(&receipt(remote.id(), 2)), Received::Joined);
    }
    assert_eq!(task.totals().cost().status(), CostStatus::Exact);
    for _ in 0..3 {
        assert_eq!(remote.receive(&receipt(remote.id(), 2)), Received::TooMany);
    }
    assert_eq!((task.totals().lost_receipts(), task.totals().cost().status()), (1, CostStatus::Unpriced));
}

#[test]
fn a_hold_is_given_only_if_a_caller_waits_for_the_receipt() {
    let ledger = Ledger::default();
    let own = ledger.task(TaskSpec::new("t"));
    assert!(own.hold().is_none());
    let caller = Caller::new("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), "x");
    let asked =
        ledger.task(TaskSpec::new("t").caller(caller.remote("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap())));
    let inner = asked.task(TaskSpec::new("inner"));
    let hold = inner.hold().expect("a caller waits for the outer task");
    inner.finish();
    asked.finish();
    assert!(!asked.receipt().is_final());
    drop(hold);
    assert!(asked.receipt().is_final());
    assert!(asked.hold().is_none(), "it has closed");
}

#[test]
fn task_budgets_count_remote_cost_and_rule_budgets_only_local_cost() {
    let rule = BudgetRule::new("all", Usd::from_dollars(1));
    let ledger = Ledger::builder().budget_rule(rule).build();
    let task = ledger.task(TaskSpec::new("t").budget(Usd::from_cents(50)));
    let remote = task.open_remote("r");
    remote.receive(&receipt(remote.id(), 7));
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
fn remote_work_of_a_closed_step_is_counted_in_its_parent() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let step = task.step(StepKind::Tool, "x");
    step.finish();
    let remote = step.open_remote("r");
    assert_eq!(remote.scope(), &task);
    assert_eq!(remote.receive(&receipt(remote.id(), 2)), Received::Joined);
    assert_eq!(usd(&task), Some(Usd::from_cents(2)));
}

#[test]
fn remote_cost_of_a_failed_scope_is_failed_cost() {
    let task = Ledger::default().task(TaskSpec::new("t"));
    let step = task.step(StepKind::Act, "x");
    let remote = step.open_remote("r");
    remote.receive(&receipt(remote.id(), 4));
    step.fail("no");
    step.finish();
    assert_eq!(task.totals().failed_cost(), Usd::from_cents(4));
}

#[test]
fn a_joined_task_has_the_id_and_name_of_the_caller() {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let caller = Caller::new(id.parse().unwrap(), "resolve-ticket");
    let ledger = Ledger::default();
    let (one, two) = (ledger.task(TaskSpec::join(caller.clone())), ledger.task(TaskSpec::join(caller)));
    assert_eq!(one.task_id().to_string(), id);
    assert_eq!(&**one.task_name(), "resolve-ticket");
    assert_eq!(one.task_id(), two.task_id());
    assert_ne!(one.run_id(), two.run_id(), "each part has its own receipt");
    assert!(one.joined().is_some());
}

/// A clock that advances by a second on each read.
#[derive(Debug)]
struct AdvancingClock;

impl Clock for AdvancingClock {
    fn now(&self) -> SystemTime {
        use std::sync::atomic::{AtomicU64, Ordering};
        static SECONDS: AtomicU64 = AtomicU64::new(0);
        SystemTime::UNIX_EPOCH + Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed))
    }
}
