//! Budget rules by dimension and period, soft limits and budgets that only observe.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedrock_sim::{Reply, Tokens};
use outlay::alert::{AlertKind, Notice};
use outlay::budget::{Amount, BudgetRule, Period};
use outlay::{Budget, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, ManualClock, Warnings, converse, haiku};

use super::{ask, at_most};

const DAY: u64 = 86_400;

#[tokio::test]
async fn each_team_has_its_own_budget_and_calls_without_a_team_share_one() {
    let rule = BudgetRule::new("team", Budget::calls(2)).per("team");
    let h = Harness::with(|builder| builder.budget_rule(rule)).await;
    for team in ["a", "b"] {
        for call in 0..3 {
            // Each call has its own task; the budget belongs to the team.
            let task = h.outlay.task("t").team(team).start();
            let refused = task.run(ask(&h)).await;
            assert_eq!(refused.is_some(), call == 2, "{team} {call}");
            if let Some(refused) = refused {
                assert_eq!(refused.scope(), format!("team [team={team}]"));
            }
        }
    }
    let refused = [ask(&h).await, h.outlay.task("t").start().run(ask(&h)).await, ask(&h).await];
    assert_eq!(refused.map(|refused| refused.is_some()), [false, false, true], "inside or outside a task");
}

#[tokio::test]
async fn a_budget_resets_each_period_and_holds_only_in_its_environment() {
    let clock = ManualClock::at_noon();
    let shared_clock = clock.clone();
    let rule = BudgetRule::new("sandbox", Budget::calls(1)).only("environment", "sandbox");
    let h = Harness::with(|builder| builder.clock(shared_clock).budget_rule(rule.every(Period::Day))).await;
    let is_refused = |environment: &'static str| {
        let task = h.outlay.task("t").environment(environment).start();
        let h = &h;
        async move { task.run(ask(h)).await.is_some() }
    };
    assert_eq!(
        (is_refused("sandbox").await, is_refused("sandbox").await, is_refused("production").await),
        (false, true, false)
    );
    clock.advance(DAY);
    assert_eq!((is_refused("sandbox").await, is_refused("sandbox").await), (false, true));
}

#[tokio::test]
async fn a_call_counts_in_the_period_in_which_it_started() {
    let clock = ManualClock::at_noon();
    let shared_clock = clock.clone();
    let rule = BudgetRule::new("day", Usd::from_cents(1)).every(Period::Day);
    let h = Harness::with(|builder| builder.clock(shared_clock).budget_rule(rule)).await;
    let task = h.outlay.task("t").start();
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(8_000, 100)).delay(Duration::from_millis(100)));
    let call = task.run(haiku(&h.client).inference_config(at_most(100)).send());
    let next_day = async {
        h.sim.wait_for(1).await.unwrap();
        clock.advance(DAY);
    };
    let (response, ()) = tokio::join!(call, next_day);
    response.unwrap();
    // The 0.9 cents of the day before do not count in the new day.
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)));
    task.run(haiku(&h.client).inference_config(at_most(1_000)).send()).await.unwrap();
}

#[tokio::test]
async fn a_per_call_budget_limits_each_call_separately() {
    let rule = BudgetRule::each_call("call", Usd::from_cents(1));
    let h = Harness::with(|builder| builder.budget_rule(rule)).await;
    let task = h.outlay.task("t").start();
    for _ in 0..5 {
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(1_000, 1_000)));
        task.run(haiku(&h.client).inference_config(at_most(1_000)).send()).await.unwrap();
    }
    let error = task.run(haiku(&h.client).inference_config(at_most(10_000)).send()).await.unwrap_err();
    let refusal = outlay::budget_exceeded(&error).unwrap();
    assert!(refusal.spent() == Usd::ZERO, "calls do not add up: {refusal}");
}

/// Returns a harness with these rules and the notices of its budgets.
async fn with_notices(rules: Vec<BudgetRule>) -> (Harness, Arc<Mutex<Vec<Notice>>>) {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let received = notices.clone();
    let h = Harness::with(|builder| {
        let builder = builder.on_alert(move |notice| received.lock().unwrap().push(notice.clone()));
        rules.into_iter().fold(builder, |builder, rule| builder.budget_rule(rule))
    })
    .await;
    (h, notices)
}

#[tokio::test]
async fn a_soft_limit_gives_one_notice_with_its_task_and_trace() {
    let (h, notices) = with_notices(vec![BudgetRule::new("all", Budget::calls(10).soft(30))]).await;
    let task = h.outlay.task("t").start();
    for _ in 0..5 {
        assert!(task.run(ask(&h)).await.is_none());
    }
    let notices = notices.lock().unwrap().clone();
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
async fn an_observing_budget_refuses_nothing_and_counts_what_it_would_have_refused() {
    let (h, notices) = with_notices(vec![BudgetRule::new("all", Budget::calls(1).observe())]).await;
    let task = h.outlay.task("t").start();
    for _ in 0..3 {
        assert!(task.run(ask(&h)).await.is_none(), "an observing budget admits the call");
    }
    let alerts: Vec<_> = notices.lock().unwrap().iter().map(|notice| notice.kind.clone()).collect();
    assert_eq!(alerts.len(), 2);
    assert!(alerts.iter().all(|kind| matches!(kind, AlertKind::WouldRefuse(_))), "{alerts:?}");
    assert!(task.refusals().is_empty());
    let metrics = h.metrics();
    let counted = metrics.iter().find(|point| point.name == "outlay.budget.would_refuse").unwrap();
    assert_eq!((counted.value, counted.attribute("outlay.budget.name")), (2.0, Some("all")));
}

#[tokio::test]
async fn a_refusal_gives_a_notice_an_event_and_a_metric() {
    let (h, notices) = with_notices(vec![BudgetRule::new("talk", Budget::calls(0)).per("conversation")]).await;
    let task = h.outlay.task("t").conversation("c-17").start();
    assert!(task.run(ask(&h)).await.is_some());
    assert!(matches!(notices.lock().unwrap()[0].kind, AlertKind::Refused(_)));
    task.finish(Outcome::failure());
    let metrics = h.metrics();
    let refused = metrics.iter().find(|point| point.name == "outlay.budget.refused").unwrap();
    assert_eq!(
        (refused.value, refused.attribute("outlay.budget.name")),
        (1.0, Some("talk")),
        "not one series for each conversation"
    );
    let spans = h.spans();
    let root = spans.one("invoke_workflow t");
    assert!(root.data().events.iter().any(|event| event.name == "outlay.budget.refused"));
}

#[tokio::test]
async fn new_rules_hold_for_new_tasks_and_keep_earlier_spending() {
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
async fn unattributed_calls_follow_the_rules_in_force() {
    let policy = "[[budget]]\nname = \"stray calls\"\ncalls = 2\nmode = \"enforce\"";
    let h = Harness::with(|builder| builder.policy(outlay::policy::Policy::from_toml(policy).unwrap())).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(10, 10)));
    let ask = || async { haiku(&h.client).send().await.map_err(|error| outlay::budget_exceeded(&error).cloned()) };
    assert!(ask().await.is_ok() && ask().await.is_ok());
    assert_eq!(
        ask().await.unwrap_err().unwrap().scope(),
        "stray calls",
        "a policy's budget applies to unattributed calls"
    );
    // Spending under the same name is kept, and a removed rule no longer applies.
    h.outlay.set_policy(outlay::policy::Policy::from_toml(&policy.replace("= 2", "= 3")).unwrap());
    assert!(ask().await.is_ok() && ask().await.is_err());
    h.outlay.set_policy(outlay::policy::Policy::new());
    assert!(ask().await.is_ok());
    let twice = BudgetRule::new("twice", Budget::calls(1));
    h.outlay.set_budget_rules(vec![twice.clone(), twice]);
    assert!(ask().await.is_ok() && ask().await.is_err());
}

#[tokio::test]
async fn repeated_refusals_of_a_budget_log_one_warning_and_are_all_counted() {
    let warnings = Warnings::default();
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
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

#[tokio::test]
async fn a_refusal_has_the_fields_for_an_answer_to_the_user() {
    let clock = ManualClock::at(20_000 * DAY + 3_600);
    let shared_clock = clock.clone();
    let rule =
        BudgetRule::new("tenants", Budget::new(Usd::from_cents(10))).per("team").per("tenant").per("conversation");
    let h = Harness::with(|builder| builder.clock(shared_clock).budget_rule(rule.every(Period::Day))).await;
    let task = h.outlay.task("t").team("support").dimension("tenant", "acme").start();
    task.charge("serp-api", Usd::from_cents(10));
    let refused = task.run(ask(&h)).await.unwrap();
    assert_eq!((refused.rule(), refused.budget(), refused.period()), (Some("tenants"), "tenants", Some(Period::Day)));
    // The task has no conversation.
    assert_eq!(refused.key().collect::<Vec<_>>(), [("team", "support".into()), ("tenant", "acme".into())]);
    let midnight = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(20_001 * DAY);
    assert_eq!(refused.resets_at(), Some(midnight));
    assert_eq!(refused.limit().usd(), Some(Usd::from_cents(10)));
    assert_eq!((refused.spent().usd(), refused.reserved().usd()), (Some(Usd::from_cents(10)), Some(Usd::ZERO)));
    assert_eq!(task.refusals(), [refused]);

    let task = h.outlay.task("t").budget(Budget::calls(0)).start();
    let refused = task.run(ask(&h)).await.unwrap();
    assert_eq!((refused.rule(), refused.budget()), (None, "t"));
    assert_eq!((refused.key().count(), refused.period(), refused.resets_at()), (0, None, None));
    assert_eq!(refused.limit(), Amount::Calls(0));
}
