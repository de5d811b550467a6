//! Tests of the requests to a budget store, and of its answers.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use outlay_ledger::{
    AlertKind, Amount, Ask, Budget, BudgetExceeded, BudgetRule, BudgetStore, CallRecord, Clock, Held, Ledger,
    LedgerBuilder, PendingCall, Period, Refusal, RefusalReason, Scope, Settlement, StoreAnswer, StoreAsk, StoreCheck,
    StoreFigures, StoreFuture, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};

/// A store that returns the given answers and records the requests and settlements.
#[derive(Clone, Debug, Default)]
struct Store(Arc<Mutex<StoreState>>);

#[derive(Debug, Default)]
struct StoreState {
    answers: Vec<StoreAnswer>,
    asks: Vec<StoreAsk>,
    settled: Vec<(u64, Held, Vec<Amount>)>,
}

impl Store {
    fn add_answers(&self, answers: &[StoreAnswer]) {
        self.0.lock().unwrap().answers.extend_from_slice(answers);
    }

    fn settled(&self) -> Vec<(u64, Held, Vec<Amount>)> {
        self.0.lock().unwrap().settled.clone()
    }

    fn asks(&self) -> Vec<StoreAsk> {
        self.0.lock().unwrap().asks.clone()
    }
}

impl BudgetStore for Store {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        Box::pin(std::future::ready(self.reserve_now(ask)))
    }

    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        let mut state = self.0.lock().unwrap();
        state.asks.push(ask.clone());
        if state.answers.is_empty() { StoreAnswer::Admitted(Vec::new()) } else { state.answers.remove(0) }
    }

    fn settle(&self, settlement: Settlement) {
        let mut state = self.0.lock().unwrap();
        state.settled.push((settlement.ask.id(), settlement.held, settlement.spent));
    }
}

fn ledger(store: &Store) -> LedgerBuilder {
    Ledger::builder().budget_store(store.clone())
}

fn begin(scope: &Scope, usd: Option<Usd>, is_trial: bool) -> Result<PendingCall, BudgetExceeded> {
    let ask = Ask {
        model: &"m".into(),
        input: 100,
        max_output: None,
        is_turn: true,
        has_model: true,
        is_trial,
        bound: &|_| usd,
    };
    scope.open_call(&ask).map_err(|refusal| match refusal {
        Refusal::Budget(exceeded) => exceeded,
        other => panic!("{other}"),
    })
}

fn ask(call: &mut PendingCall) -> Result<(), BudgetExceeded> {
    let question = call.ask_store().expect("a store must be asked");
    let Poll::Ready(answer) = std::pin::pin!(question.answer()).poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("this store answers at once")
    };
    call.store_answered(&"m".into(), &answer)
}

fn cents(cents: i64) -> Amount {
    Amount::Usd(Usd::from_cents(cents))
}

fn record(cost: i64) -> CallRecord {
    let charge = Charge::external(Usd::from_cents(cost));
    CallRecord::answered("m".into(), Usage::new().with_output(7), charge, SystemTime::UNIX_EPOCH)
}

fn refused(hold: usize, spent: Amount, reserved: Amount) -> StoreAnswer {
    StoreAnswer::Refused(StoreFigures { hold, spent, reserved })
}

#[test]
fn one_request_has_all_shared_budgets_innermost_first_and_is_settled_in_the_same_order() {
    let store = Store::default();
    let rules = ledger(&store)
        .budget_rule(BudgetRule::new("all", Usd::from_dollars(1)).every(Period::Month))
        .budget_rule(BudgetRule::new("team", Budget::tokens(9_000).assume_output(50).soft(50)).per("team"))
        .budget_rule(BudgetRule::each_call("each", Usd::from_dollars(1)));
    let task = rules.build().task(TaskSpec::new("t").budget(Budget::calls(1)));
    let mut call = begin(&task, Some(Usd::from_cents(3)), false).unwrap();
    ask(&mut call).unwrap();
    assert!(call.ask_store().is_none(), "there is an answer");
    assert_eq!(call.settle(record(2)).store_check, Some(StoreCheck::Done));

    let asks = store.asks();
    let holds: Vec<_> = asks[0].holds().iter().map(|hold| (&*hold.budget.key, hold.amount)).collect();
    let expected = [("tokens|ever|team [team%3D(none)]", Amount::Tokens(150)), ("usd|month|all", cents(3))];
    assert_eq!(holds, expected);
    assert_eq!(asks[0].holds()[0].budget.soft_from, Some(Amount::Tokens(4_500)));
    assert_eq!(store.settled(), [(asks[0].id(), Held::Reserved, vec![Amount::Tokens(7), cents(2)])]);
    // Local budgets refuse before the store is asked.
    assert_eq!(begin(&task, Some(Usd::from_cents(3)), false).unwrap_err().scope(), "t");
    assert_eq!(store.asks().len(), 1);
}

#[test]
fn a_refusal_by_the_store_releases_local_reservations_and_is_recorded_once() {
    let store = Store::default();
    let refusals: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = refusals.clone();
    let rule = BudgetRule::new("all", Usd::from_dollars(1));
    let watched = ledger(&store).budget_rule(rule).on_alert(move |alert| {
        let AlertKind::Refused(exceeded) = alert.kind else { return };
        sink.lock().unwrap().push(exceeded.to_string());
    });
    let task = watched.build().task(TaskSpec::new("t").budget(Budget::calls(1)));
    store.add_answers(&[refused(0, cents(60), cents(30))]);
    let mut call = begin(&task, Some(Usd::from_cents(20)), false).unwrap();
    let exceeded = ask(&mut call).unwrap_err();
    assert_eq!((exceeded.spent(), exceeded.reserved(), exceeded.left()), (cents(60), cents(30), cents(10)));
    assert_eq!(exceeded.reason(), RefusalReason::OverLimit { bound: cents(20), assumed_output: Some(4_096) });
    drop(call);
    assert_eq!((refusals.lock().unwrap().len(), task.refusals().len()), (1, 1));
    assert!(store.settled().is_empty(), "nothing was reserved in the store");
    // The task's only call is available again.
    let mut call = begin(&task, Some(Usd::from_cents(20)), false).unwrap();
    ask(&mut call).unwrap();
    drop(call);
    assert_eq!(store.settled(), [(store.asks()[1].id(), Held::Reserved, vec![cents(0)])]);
}

#[test]
fn an_unanswered_request_is_released_and_repeated_with_a_new_id() {
    let store = Store::default();
    let task = ledger(&store).budget_rule(BudgetRule::new("all", Budget::calls(9))).build().task(TaskSpec::new("t"));
    let mut call = begin(&task, None, false).unwrap();
    drop(call.ask_store().unwrap());
    ask(&mut call).unwrap();
    call.settle(record(1));
    let [(first, held, _), (second, held_again, _)] = &store.settled()[..] else { panic!("{:?}", store.settled()) };
    assert_eq!((held, held_again), (&Held::Unknown, &Held::Reserved));
    assert_ne!(first, second);
    let mut call = begin(&task, None, false).unwrap();
    drop(call.ask_store().unwrap());
    drop(call);
    assert_eq!(store.settled()[2].1, Held::Unknown);
}

#[test]
fn an_unavailable_store_refuses_or_allows_as_it_is_set() {
    let store = Store::default();
    let task = ledger(&store).budget_rule(BudgetRule::new("all", Budget::calls(9))).build().task(TaskSpec::new("t"));
    store.add_answers(&[StoreAnswer::Unavailable(0), StoreAnswer::Unchecked]);
    let mut call = begin(&task, None, false).unwrap();
    assert_eq!(ask(&mut call).unwrap_err().reason(), RefusalReason::StoreUnavailable);
    drop(call);
    let mut call = begin(&task, None, false).unwrap();
    call.ask_store_now(&"m".into()).unwrap();
    assert_eq!(call.settle(record(1)).store_check, Some(StoreCheck::Missed));
    let held: Vec<_> = store.settled().iter().map(|(_, held, spent)| (*held, spent[0])).collect();
    assert_eq!(held, [(Held::Unknown, Amount::Calls(0)), (Held::Unchecked, Amount::Calls(1))]);
    // Calls that were made without asking the store.
    task.open_call_unchecked().settle(record(1));
    begin(&task, None, false).unwrap().settle(record(1));
    assert!(store.settled()[2..].iter().all(|(_, held, spent)| (*held, spent[0]) == (Held::Nothing, Amount::Calls(1))));
}

#[test]
fn an_unpriced_call_is_refused_before_the_store_is_asked_unless_it_is_allowed_or_observed() {
    let store = Store::default();
    let dollar = || Budget::new(Usd::from_dollars(1));
    let task = |rule| ledger(&store).budget_rule(rule).build().task(TaskSpec::new("t"));
    let exceeded = begin(&task(BudgetRule::new("a", dollar())), None, false).unwrap_err();
    assert_eq!(exceeded.reason(), RefusalReason::Unpriced);
    assert!(store.asks().is_empty());
    for budget in [dollar().allow_unpriced(), dollar().observe()] {
        let mut call = begin(&task(BudgetRule::new("a", budget)), None, false).unwrap();
        ask(&mut call).unwrap();
        assert_eq!(store.asks().pop().unwrap().holds()[0].amount, cents(0));
    }
}

/// A clock that is set by hand.
#[derive(Clone, Debug)]
struct ManualClock(Arc<Mutex<SystemTime>>);

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

#[test]
fn a_trial_is_refused_while_the_last_answer_of_the_store_is_recent() {
    let (store, clock) = (Store::default(), ManualClock(Arc::new(Mutex::new(SystemTime::UNIX_EPOCH))));
    let rule = BudgetRule::new("all", Usd::from_dollars(1));
    let task = ledger(&store).clock(clock.clone()).budget_rule(rule).build().task(TaskSpec::new("t"));
    let trial = |most| begin(&task, Some(Usd::from_cents(most)), true);
    assert!(trial(500).is_ok(), "nothing is known yet");
    store.add_answers(&[refused(0, cents(90), cents(0))]);
    ask(&mut begin(&task, Some(Usd::from_cents(20)), false).unwrap()).unwrap_err();
    assert_eq!(trial(11).unwrap_err().spent(), cents(90));
    assert!(trial(10).is_ok(), "it fits");
    assert!(begin(&task, Some(Usd::from_cents(11)), false).is_ok(), "only the store refuses a real call");
    assert_eq!(task.refusals().len(), 1, "a trial leaves no trace");
    *clock.0.lock().unwrap() += Duration::from_secs(1);
    assert!(trial(11).is_ok(), "it may have changed");
}

/// A store that queues settlements, like one that cannot be reached.
#[derive(Clone, Debug, Default)]
struct QueueingStore(Arc<Mutex<Vec<Settlement>>>);

impl BudgetStore for QueueingStore {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        Box::pin(std::future::ready(self.reserve_now(ask)))
    }

    fn reserve_now(&self, _ask: &StoreAsk) -> StoreAnswer {
        StoreAnswer::Unchecked
    }

    fn settle(&self, settlement: Settlement) {
        self.0.lock().unwrap().push(settlement);
    }
}

#[test]
fn a_queued_settlement_keeps_neither_task_nor_ledger_alive_and_still_reports_its_task() {
    let (store, alerts) = (QueueingStore::default(), Arc::new(Mutex::new(Vec::new())));
    let sink = alerts.clone();
    let rule = BudgetRule::new("all", Budget::calls(10).soft(50));
    let ledger = Ledger::builder().budget_store(store.clone()).budget_rule(rule).on_alert(move |alert| {
        sink.lock().unwrap().push((alert.task.id, alert.task.name.to_string()));
    });
    let ledger = ledger.build();
    let task = ledger.task(TaskSpec::new("t"));
    let mut call = begin(&task, Some(Usd::from_cents(1)), false).unwrap();
    ask(&mut call).unwrap();
    call.settle(record(1));
    let id = task.task_id();
    task.finish();
    drop(task);
    let settlement = store.0.lock().unwrap().pop().unwrap();
    let figures = StoreFigures { hold: 0, spent: Amount::Calls(5), reserved: Amount::Calls(0) };
    settlement.on_soft_limit.as_ref().unwrap().tell(figures);
    assert_eq!(*alerts.lock().unwrap(), [(id, "t".to_owned())]);

    assert_eq!(Arc::strong_count(&store.0), 2);
    drop(ledger);
    assert_eq!(Arc::strong_count(&store.0), 1, "the ledger has dropped the store");
}
