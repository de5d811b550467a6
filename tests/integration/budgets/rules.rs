//! Budgets for all tasks of a kind, by dimension and period; soft limits; budgets that only observe.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bedrock_sim::{Reply, Tokens};
use outlay::{AlertKind, Amount, Budget, BudgetRule, Notice, Outcome, Period, Usd};
use outlay_tests::{HAIKU, Harness, Warnings, converse, haiku};

use super::{ask, at_most};

/// A clock that is set by hand.
#[derive(Clone, Debug)]
struct HandClock(Arc<AtomicU64>);

impl outlay_ledger::Clock for HandClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// 2026-11-30T12:00:00Z
const NOON: u64 = 1_796_040_000;
const DAY: u64 = 86_400;

#[tokio::test]
async fn each_team_has_its_own_budget_and_those_without_a_team_share_one() {
    let rule = BudgetRule::new("team", Budget::calls(2)).per("team");
    let h = Harness::with(|builder| builder.budget_rule(rule)).await;
    for team in ["a", "b"] {
        for call in 0..3 {
            // Each call in a task of its own: the budget is the team's.
            let task = h.outlay.task("t").team(team).start();
            let refused = task.run(ask(&h)).await;
            assert_eq!(refused.is_some(), call == 2, "{team} {call}");
            if let Some(refused) = refused {
                assert_eq!(refused.scope(), format!("team [team={team}]"));
            }
        }
    }
    let refused = [ask(&h).await, h.outlay.task("t").start().run(ask(&h)).await, ask(&h).await];
    assert_eq!(refused.map(|refused| refused.is_some()), [false, false, true], "in a task or in none");
}

#[tokio::test]
async fn a_budget_begins_anew_each_period_and_keeps_to_its_environment() {
    let clock = HandClock(Arc::new(AtomicU64::new(NOON)));
    let own = clock.clone();
    let rule = BudgetRule::new("sandbox", Budget::calls(1)).only("environment", "sandbox");
    let h = Harness::with(|builder| builder.clock(own).budget_rule(rule.every(Period::Day))).await;
    let asked = |environment: &'static str| {
        let task = h.outlay.task("t").environment(environment).start();
        let h = &h;
        async move { task.run(ask(h)).await.is_some() }
    };
    assert_eq!((asked("sandbox").await, asked("sandbox").await, asked("production").await), (false, true, false));
    clock.0.store(NOON + DAY, Ordering::SeqCst);
    assert_eq!((asked("sandbox").await, asked("sandbox").await), (false, true));
}

#[tokio::test]
async fn a_call_that_ends_in_the_next_period_counts_in_the_one_in_which_it_began() {
    let clock = HandClock(Arc::new(AtomicU64::new(NOON)));
    let own = clock.clone();
    let rule = BudgetRule::new("day", Usd::from_cents(1)).every(Period::Day);
    let h = Harness::with(|builder| builder.clock(own).budget_rule(rule)).await;
    let task = h.outlay.task("t").start();
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(8_000, 100)).delay(Duration::from_millis(100)));
    let call = task.run(haiku(&h.client).inference_config(at_most(100)).send());
    let next_day = async {
        h.sim.wait_for(1).await.unwrap();
        clock.0.store(NOON + DAY, Ordering::SeqCst);
    };
    let (sent, ()) = tokio::join!(call, next_day);
    sent.unwrap();
    // The day's cent is untouched by the 0.9 cents of the day before.
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)));
    task.run(haiku(&h.client).inference_config(at_most(1_000)).send()).await.unwrap();
}

#[tokio::test]
async fn a_call_is_held_to_what_each_call_may_come_to() {
    let rule = BudgetRule::each_call("call", Usd::from_cents(1));
    let h = Harness::with(|builder| builder.budget_rule(rule)).await;
    let task = h.outlay.task("t").start();
    for _ in 0..5 {
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(1_000, 1_000)));
        task.run(haiku(&h.client).inference_config(at_most(1_000)).send()).await.unwrap();
    }
    let error = task.run(haiku(&h.client).inference_config(at_most(10_000)).send()).await.unwrap_err();
    let refusal = outlay::budget_exceeded(&error).unwrap();
    assert!(refusal.spent() == Usd::ZERO, "nothing adds up: {refusal}");
}

/// An `Outlay` with these rules, and what its budgets have told.
async fn told(rules: Vec<BudgetRule>) -> (Harness, Arc<Mutex<Vec<Notice>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let notices = told.clone();
    let h = Harness::with(|builder| {
        let builder = builder.on_alert(move |notice| notices.lock().unwrap().push(notice.clone()));
        rules.into_iter().fold(builder, |builder, rule| builder.budget_rule(rule))
    })
    .await;
    (h, told)
}

#[tokio::test]
async fn a_soft_limit_is_told_once_with_its_task_and_trace() {
    let (h, told) = told(vec![BudgetRule::new("all", Budget::calls(10).soft(30))]).await;
    let task = h.outlay.task("t").start();
    for _ in 0..5 {
        assert!(task.run(ask(&h)).await.is_none());
    }
    let notices = told.lock().unwrap().clone();
    let [notice] = notices.as_slice() else { panic!("{notices:?}") };
    let AlertKind::SoftLimit(status) = &notice.kind else { panic!("{notice:?}") };
    assert_eq!((status.spent, status.limit), (Amount::Calls(3), Amount::Calls(10)));
    assert_eq!((&*notice.name, &*notice.task, notice.task_id), ("all", "t", task.id()));
    task.finish(Outcome::success());
    let spans = h.spans();
    let root = spans.one("invoke_workflow t");
    assert_eq!(notice.trace_id, Some(root.data().span_context.trace_id().to_string()));
    let events: Vec<_> = root.data().events.iter().map(|event| event.name.to_string()).collect();
    assert_eq!(events, ["outlay.budget.soft_limit"]);
}

#[tokio::test]
async fn a_budget_that_observes_refuses_nothing_and_counts_what_it_would_have() {
    let (h, told) = told(vec![BudgetRule::new("all", Budget::calls(1).observe())]).await;
    let task = h.outlay.task("t").start();
    for _ in 0..3 {
        assert!(task.run(ask(&h)).await.is_none(), "it only observes");
    }
    let would: Vec<_> = told.lock().unwrap().iter().map(|notice| notice.kind.clone()).collect();
    assert_eq!(would.len(), 2);
    assert!(would.iter().all(|kind| matches!(kind, AlertKind::WouldRefuse(_))), "{would:?}");
    assert!(task.refusals().is_empty());
    let metrics = h.metrics();
    let counted = metrics.iter().find(|point| point.name == "outlay.budget.would_refuse").unwrap();
    assert_eq!((counted.value, counted.attribute("outlay.budget.name")), (2.0, Some("all")));
}

#[tokio::test]
async fn a_refusal_is_an_event_and_a_metric_too() {
    let (h, told) = told(vec![BudgetRule::new("talk", Budget::calls(0)).per("conversation")]).await;
    let task = h.outlay.task("t").conversation("c-17").start();
    assert!(task.run(ask(&h)).await.is_some());
    assert!(matches!(told.lock().unwrap()[0].kind, AlertKind::Refused(_)));
    task.finish(Outcome::failure());
    let metrics = h.metrics();
    let refused = metrics.iter().find(|point| point.name == "outlay.budget.refused").unwrap();
    assert_eq!((refused.value, refused.attribute("outlay.budget.name")), (1.0, Some("talk")), "not one for each talk");
    let spans = h.spans();
    let root = spans.one("invoke_workflow t");
    assert!(root.data().events.iter().any(|event| event.name == "outlay.budget.refused"));
}

#[tokio::test]
async fn new_rules_hold_for_new_tasks_and_what_was_spent_stays_spent() {
    let h = Harness::with(|builder| builder.budget_rule(BudgetRule::new("all", Budget::calls(1)))).await;
    let task = h.outlay.task("t").start();
    assert!(task.run(ask(&h)).await.is_none());
    h.outlay.set_budget_rules(vec![BudgetRule::new("all", Budget::calls(2))]);
    let task = h.outlay.task("t").start();
    assert_eq!((task.run(ask(&h)).await.is_some(), task.run(ask(&h)).await.is_some()), (false, true));
    h.outlay.set_budget_rules(Vec::new());
    assert!(h.outlay.task("t").start().run(ask(&h)).await.is_none());
}

#[tokio::test]
async fn what_is_in_no_task_is_held_to_the_rules_that_are_in_force() {
    let policy = "[[budget]]\nname = \"stray calls\"\ncalls = 2\nmode = \"enforce\"";
    let h = Harness::with(|builder| builder.policy(outlay::Policy::from_toml(policy).unwrap())).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(10, 10)));
    let ask = || async { haiku(&h.client).send().await.map_err(|error| outlay::budget_exceeded(&error).cloned()) };
    assert!(ask().await.is_ok() && ask().await.is_ok());
    assert_eq!(ask().await.unwrap_err().unwrap().scope(), "stray calls", "a policy's budget holds it as well");
    // What has been spent under the same name stays spent, and a rule that is taken back holds no more.
    h.outlay.set_policy(outlay::Policy::from_toml(&policy.replace("= 2", "= 3")).unwrap());
    assert!(ask().await.is_ok() && ask().await.is_err());
    h.outlay.set_policy(outlay::Policy::new());
    assert!(ask().await.is_ok());
    let twice = BudgetRule::new("twice", Budget::calls(1));
    h.outlay.set_budget_rules(vec![twice.clone(), twice]);
    assert!(ask().await.is_ok() && ask().await.is_err());
}

#[tokio::test]
async fn one_refusal_of_a_budget_is_told_and_the_others_are_counted() {
    let warnings = Warnings::default();
    let _counted = tracing::subscriber::set_default(warnings.subscriber());
    let h = Harness::with(|builder| builder.budget_rule(BudgetRule::new("all", Budget::calls(0)))).await;
    let task = h.outlay.task("t").start();
    warnings.take();
    for _ in 0..5 {
        assert!(task.run(converse(&h.client, HAIKU).send()).await.is_err());
    }
    assert_eq!(warnings.take(), 1);
    let refused: f64 =
        h.metrics().iter().filter(|point| point.name == "outlay.budget.refused").map(|point| point.value).sum();
    assert!((refused - 5.0).abs() < f64::EPSILON, "{refused}");
}
