//! Several limits under one name hold side by side, here and on a store; and the first refusal of each reason is told.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use outlay_ledger::{
    AlertKind, Amount, Ask, Budget, BudgetRule, BudgetStore, CallRecord, Clock, Forecast, Ledger, LedgerBuilder,
    OpenCall, Period, Policy, PolicyRule, Refusal, Reserve, Scope, Settlement, StoreAnswer, StoreAsk, StoreFigures,
    StoreFuture, TaskSpec,
};
use outlay_price::{Charge, Usage, Usd};

#[derive(Clone, Debug)]
struct Hand(Arc<Mutex<(SystemTime, Duration)>>);
impl Hand {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((
            SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + 43_200),
            Duration::from_secs(1000),
        ))))
    }
    fn pass(&self, s: u64) {
        let mut t = self.0.lock().unwrap();
        t.0 += Duration::from_secs(s);
        t.1 += Duration::from_secs(s);
    }
}
impl Clock for Hand {
    fn now(&self) -> SystemTime {
        self.0.lock().unwrap().0
    }
    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

fn begin(scope: &Scope, usd: Option<Usd>) -> Result<OpenCall, Refusal> {
    begin_model(scope, usd, "m")
}

fn begin_model(scope: &Scope, usd: Option<Usd>, model: &str) -> Result<OpenCall, Refusal> {
    let ask = Ask {
        model: &model.into(),
        input: 100,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| usd,
    };
    scope.open_call(&ask)
}

fn d(dollars: i64) -> Usd {
    Usd::from_dollars(dollars)
}

fn record(cost: Usd) -> CallRecord {
    CallRecord::answered("m".into(), Usage::new().with_output(7), Charge::external(cost), SystemTime::UNIX_EPOCH)
}

#[derive(Clone, Debug, Default)]
struct Store(Arc<Mutex<(Vec<StoreAnswer>, Vec<StoreAsk>)>>);
impl BudgetStore for Store {
    fn reserve<'a>(&'a self, ask: &'a StoreAsk) -> StoreFuture<'a> {
        Box::pin(std::future::ready(self.reserve_now(ask)))
    }
    fn reserve_now(&self, ask: &StoreAsk) -> StoreAnswer {
        let mut s = self.0.lock().unwrap();
        s.1.push(ask.clone());
        if s.0.is_empty() { StoreAnswer::Admitted(vec![]) } else { s.0.remove(0) }
    }
    fn settle(&self, _: Settlement) {}
}

fn firsts(build: impl FnOnce(LedgerBuilder) -> LedgerBuilder) -> (Ledger, Arc<Mutex<Vec<bool>>>) {
    let firsts: Arc<Mutex<Vec<bool>>> = Arc::default();
    let f = firsts.clone();
    (
        build(Ledger::builder())
            .on_alert(move |a| {
                if let AlertKind::Refused(w) = a.kind {
                    f.lock().unwrap().push(w.is_first())
                }
            })
            .build(),
        firsts,
    )
}
#[test]
fn three_limits_of_one_name_all_hold() {
    let ledger = Ledger::builder()
        .budget_rule(BudgetRule::new("r", d(30)).every(Period::Day))
        .budget_rule(BudgetRule::new("r", d(1)).every(Period::Day))
        .build();
    ledger.set_policy(Policy::new().budget(BudgetRule::new("r", d(20)).every(Period::Day)));
    let task = ledger.task(TaskSpec::new("t"));
    assert!(begin(&task, Some(d(2))).is_err(), "the code's $1 limit is gone");
}

#[test]
fn a_limit_that_takes_no_unpriced_call_holds_beside_one_that_does_on_a_store() {
    let store = Store::default();
    let ledger = Ledger::builder()
        .budget_store(store.clone())
        .budget_rule(BudgetRule::new("r", d(10)).every(Period::Day))
        .build();
    let code_alone = begin(&ledger.task(TaskSpec::new("t")), None).map(|_| ());
    assert!(code_alone.is_err(), "the code's rule refuses what has no price");
    ledger
        .set_policy(Policy::new().budget(BudgetRule::new("r", Budget::new(d(5)).allow_unpriced()).every(Period::Day)));
    let both = begin(&ledger.task(TaskSpec::new("t")), None).map(|_| ());
    assert!(both.is_err(), "and so it does beside the policy's");
}

#[test]
fn a_limit_that_takes_no_unpriced_call_holds_beside_one_that_does() {
    let ledger = Ledger::builder().budget_rule(BudgetRule::new("r", d(10)).every(Period::Day)).build();
    ledger
        .set_policy(Policy::new().budget(BudgetRule::new("r", Budget::new(d(5)).allow_unpriced()).every(Period::Day)));
    assert!(begin(&ledger.task(TaskSpec::new("t")), None).is_err());
}

#[test]
fn a_store_refuses_for_the_first_time_each_day() {
    let store = Store::default();
    let clock = Hand::new();
    let firsts: Arc<Mutex<Vec<bool>>> = Arc::default();
    let f = firsts.clone();
    let ledger = Ledger::builder()
        .clock(clock.clone())
        .budget_store(store.clone())
        .on_alert(move |a| {
            if let AlertKind::Refused(w) = a.kind {
                f.lock().unwrap().push(w.is_first())
            }
        })
        .budget_rule(BudgetRule::new("r", d(10)).every(Period::Day))
        .build();
    let task = ledger.task(TaskSpec::new("t"));
    for _ in 0..3 {
        store.0.lock().unwrap().0.push(StoreAnswer::Refused(StoreFigures {
            hold: 0,
            spent: Amount::Usd(d(10)),
            reserved: Amount::Usd(d(0)),
        }));
        let mut call = begin(&task, Some(d(1))).unwrap();
        call.ask_store_now(&"m".into()).unwrap_err();
        clock.pass(86_400);
    }
    let got = firsts.lock().unwrap().clone();
    assert_eq!(got, [true, true, true], "one for each day");
}

#[test]
fn the_first_refusal_of_each_reason_is_told() {
    let firsts: Arc<Mutex<Vec<(bool, String)>>> = Arc::default();
    let f = firsts.clone();
    let ledger = Ledger::builder()
        .on_alert(move |a| {
            if let AlertKind::Refused(w) = a.kind {
                f.lock().unwrap().push((w.is_first(), w.to_string()))
            }
        })
        .build();
    let task = ledger.task(TaskSpec::new("t").budget(d(10)));
    begin_model(&task, None, "newmodel").unwrap_err();
    begin(&task, Some(d(10))).unwrap().settle(record(d(10)));
    begin(&task, Some(d(1))).unwrap_err();
    let got = firsts.lock().unwrap().clone();
    assert!(
        got.iter().any(|(first, why)| *first && why.contains("limit is $10.000000, with")),
        "that the budget is spent is never said"
    );
}

#[test]
fn what_is_stopped_again_is_told_again() {
    let firsts: Arc<Mutex<Vec<(bool, bool)>>> = Arc::default();
    let f = firsts.clone();
    let ledger = Ledger::builder()
        .on_alert(move |a| {
            if let AlertKind::Stopped(_) = a.kind {
                f.lock().unwrap().push((a.first_in_task, a.first_in_scope))
            }
        })
        .build();
    let task = ledger.task(TaskSpec::new("t"));
    for _ in 0..2 {
        task.stop("too dear");
        begin(&task, Some(d(1))).unwrap_err();
        begin(&task, Some(d(1))).unwrap_err();
        task.resume();
        begin(&task, Some(d(1))).unwrap();
    }
    let got = firsts.lock().unwrap().clone();
    assert_eq!(got.iter().filter(|(t, _)| *t).count(), 2, "{got:?}");
}

#[test]
fn violations_leave_room_for_a_stop() {
    let firsts: Arc<Mutex<Vec<(bool, bool)>>> = Arc::default();
    let f = firsts.clone();
    let ledger = Ledger::builder()
        .on_alert(move |a| {
            if let AlertKind::Stopped(_) = a.kind {
                f.lock().unwrap().push((a.first_in_task, a.first_in_scope))
            }
        })
        .build();
    ledger.set_policy(Policy::new().rule(PolicyRule::new("models").allow_model("anthropic.*")));
    let task = ledger.task(TaskSpec::new("t"));
    for n in 0..100 {
        let _ =
            begin_model(&task, Some(d(1)), &format!("arn:aws:bedrock:us-east-1:1:application-inference-profile/{n}"));
    }
    task.stop("too dear");
    begin_model(&task, Some(d(1)), "anthropic.x").unwrap_err();
    let got = firsts.lock().unwrap().clone();
    assert_eq!(got, [(true, true)]);
}

#[test]
fn a_store_is_asked_for_the_larger_of_two_amounts() {
    // code: bound; policy: expected, of a lower limit.
    let store = Store::default();
    let ledger = Ledger::builder()
        .budget_store(store.clone())
        .budget_rule(BudgetRule::new("r", d(10)).every(Period::Day))
        .build();
    ledger.set_policy(
        Policy::new().budget(BudgetRule::new("r", Budget::new(d(9)).reserve(Reserve::Expected)).every(Period::Day)),
    );
    let task = ledger.task(TaskSpec::new("t"));
    let model: Arc<str> = "m".into();
    let ask = Ask {
        model: &model,
        input: 100,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(d(12)),
    };
    let forecast = Forecast { input: 1, answers: 1, usd: Some(&|_| Some(d(1))) };
    // Alone, the code's rule would ask for $12 of $10.
    let mut call = match task.open_call_expecting(&ask, &forecast) {
        Err(_) => return,
        Ok(c) => c,
    };
    let _ = call.ask_store_now(&model);
    let hold = store.0.lock().unwrap().1[0].holds()[0].clone();
    assert!(
        hold.amount.to_string().contains("12"),
        "asks for {} of {}: the code's rule says the bound, $12, has to fit into $10",
        hold.amount,
        hold.budget.limit
    );
}

#[test]
fn the_larger_of_two_amounts_has_to_fit() {
    let ledger = Ledger::builder().budget_rule(BudgetRule::new("r", d(10)).every(Period::Day)).build();
    ledger.set_policy(
        Policy::new().budget(BudgetRule::new("r", Budget::new(d(9)).reserve(Reserve::Expected)).every(Period::Day)),
    );
    let task = ledger.task(TaskSpec::new("t"));
    let model: Arc<str> = "m".into();
    let ask = Ask {
        model: &model,
        input: 100,
        max_output: Some(10),
        is_turn: true,
        has_model: true,
        is_trial: false,
        bound: &|_| Some(d(12)),
    };
    let forecast = Forecast { input: 1, answers: 1, usd: Some(&|_| Some(d(1))) };
    assert!(task.open_call_expecting(&ask, &forecast).is_err());
}

#[test]
fn a_second_reason_is_an_alert_of_its_own() {
    let seen: Arc<Mutex<Vec<(bool, String)>>> = Arc::default();
    let f = seen.clone();
    let ledger = Ledger::builder()
        .on_alert(move |a| {
            if let AlertKind::Refused(w) = a.kind {
                f.lock().unwrap().push((a.first_in_scope, format!("{:?}", w.reason())))
            }
        })
        .build();
    let task = ledger.task(TaskSpec::new("t").budget(d(10)));
    begin_model(&task, None, "newmodel").unwrap_err();
    begin(&task, Some(d(11))).unwrap_err();
    let got = seen.lock().unwrap().clone();
    assert!(got.iter().all(|(first, _)| *first), "`Alert::first_in_task`: first of its kind, name and reason: {got:?}");
}

#[test]
fn a_store_that_was_away_hides_no_limit() {
    let store = Store::default();
    let firsts: Arc<Mutex<Vec<(bool, String)>>> = Arc::default();
    let f = firsts.clone();
    let ledger = Ledger::builder()
        .budget_store(store.clone())
        .on_alert(move |a| {
            if let AlertKind::Refused(w) = a.kind {
                f.lock().unwrap().push((w.is_first(), format!("{:?}", w.reason())))
            }
        })
        .budget_rule(BudgetRule::new("r", d(10)).every(Period::Day))
        .build();
    let task = ledger.task(TaskSpec::new("t"));
    store.0.lock().unwrap().0.extend([
        StoreAnswer::Unavailable(0),
        StoreAnswer::Refused(StoreFigures { hold: 0, spent: Amount::Usd(d(10)), reserved: Amount::Usd(d(0)) }),
    ]);
    for _ in 0..2 {
        begin(&task, Some(d(1))).unwrap().ask_store_now(&"m".into()).unwrap_err();
    }
    let got = firsts.lock().unwrap().clone();
    assert!(got[1].0, "{got:?}");
}

#[test]
fn a_budget_of_each_call_is_told_in_each_task() {
    let clock = Hand::new();
    let (ledger, firsts) = firsts(|b| b.clock(clock.clone()).budget_rule(BudgetRule::each_call("cap", d(1))));
    for _ in 0..3 {
        let t = ledger.task(TaskSpec::new("t"));
        begin(&t, Some(d(2))).unwrap_err();
        t.finish();
        clock.pass(30 * 86_400);
    }
    let got = firsts.lock().unwrap().clone();
    assert_eq!(got, [true, true, true], "another task, a month later");
}

#[test]
fn a_limit_that_was_raised_is_told_again() {
    let (ledger, firsts) = firsts(|b| b.budget_rule(BudgetRule::new("r", d(1)).every(Period::Day)));
    begin(&ledger.task(TaskSpec::new("t")), Some(d(2))).unwrap_err();
    ledger.set_budget_rules(vec![BudgetRule::new("r", d(5)).every(Period::Day)]);
    let t = ledger.task(TaskSpec::new("t"));
    begin(&t, Some(d(5))).unwrap().settle(record(d(5)));
    begin(&t, Some(d(1))).unwrap_err();
    let got = firsts.lock().unwrap().clone();
    assert_eq!(got, [true, true], "the raised limit is reached, and nobody is warned");
}

#[test]
fn a_limit_that_observes_is_told_beside_one_that_refuses() {
    // the code observes $1, the policy enforces $5: the would-refuse of the code's, then?
    let log: Arc<Mutex<Vec<String>>> = Arc::default();
    let l = log.clone();
    let ledger = Ledger::builder()
        .on_alert(move |a| l.lock().unwrap().push(format!("{:?}", a.kind).chars().take(12).collect()))
        .budget_rule(BudgetRule::new("r", Budget::new(d(1)).observe()).every(Period::Day))
        .build();
    ledger.set_policy(Policy::new().budget(BudgetRule::new("r", Budget::new(d(5))).every(Period::Day)));
    let t = ledger.task(TaskSpec::new("t"));
    begin(&t, Some(d(2))).unwrap();
    let got = log.lock().unwrap().clone();
    assert_eq!(got, ["WouldRefuse("]);
}
