//! Gauges of budgets and of the price table, and the counters of graduations and of refusals by team.

use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use bedrock_sim::{Reply, Tokens};
use outlay::budget::{BudgetRule, Period};
use outlay::policy::Policy;
use outlay::{Budget, Outcome, Prices, Usd};
use outlay_tests::{HAIKU, Harness, ManualClock, MetricPoint, SharedBudgets, haiku};

const DAY: u64 = 86_400;

/// Returns the points of a metric as text: the labels in their order, and the value.
fn rows(points: &[MetricPoint], name: &str) -> Vec<String> {
    let points = points.iter().filter(|point| point.name == name);
    let mut rows: Vec<_> = points
        .map(|point| {
            let labels: Vec<_> = point.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("{} {}", labels.join(" "), point.value)
        })
        .collect();
    rows.sort_unstable();
    rows
}

fn teams() -> BudgetRule {
    BudgetRule::new("teams", Usd::from_dollars(1)).per("team").only("environment", "sandbox").every(Period::Day)
}

/// Runs a task of a team with one call of 0.165 dollars.
async fn spend(h: &Harness, team: &str) {
    let task = h.outlay.task("t").team(team).environment("sandbox").start();
    task.run(h.ask(HAIKU, 100_000, 10_000)).await;
    task.finish(Outcome::success());
}

#[tokio::test]
async fn budget_gauges_have_the_labels_for_routing_alerts() {
    let clock = ManualClock::at_noon();
    let shared_clock = clock.clone();
    let policy = Policy::from_toml(
        r#"
        [[budget]]
        name = "answers"
        turns = 10
        only = { cost_center = "cc-1" }
        owner = "ana"
        notify = "platform-costs"
        "#,
    )
    .unwrap();
    let each_call = BudgetRule::each_call("call", Usd::from_dollars(1));
    let h =
        Harness::with(|builder| builder.clock(shared_clock).budget_rule(teams()).budget_rule(each_call).policy(policy))
            .await;
    spend(&h, "a").await;
    spend(&h, "a").await;
    spend(&h, "b").await;
    let labels = "outlay.budget.name=teams outlay.budget.period=day outlay.environment=sandbox outlay.team=";
    let answers =
        "outlay.budget.name=answers outlay.budget.notify=platform-costs outlay.cost_center=cc-1 outlay.owner=ana";
    let metrics = h.metrics();
    assert_eq!(rows(&metrics, "outlay.budget.spent"), [format!("{labels}a 0.33"), format!("{labels}b 0.165")]);
    assert_eq!(rows(&metrics, "outlay.budget.limit"), [format!("{labels}a 1"), format!("{labels}b 1")]);
    assert_eq!(
        rows(&metrics, "outlay.budget.used_ratio"),
        [format!("{answers} 0"), format!("{labels}a 0.33"), format!("{labels}b 0.165")]
    );
    let task = h.outlay.task("t").dimension("cost_center", "cc-1").start();
    task.run(h.ask(HAIKU, 10, 10)).await;
    task.finish(Outcome::success());
    // On the next day, no task has started yet.
    clock.advance(DAY);
    assert_eq!(
        rows(&h.metrics(), "outlay.budget.used_ratio"),
        [format!("{answers} 0.1"), format!("{labels}a 0"), format!("{labels}b 0")]
    );
}

#[tokio::test]
async fn a_budget_with_a_limit_of_zero_has_no_share_of_it() {
    let rule = BudgetRule::new("nothing", Budget::new(Usd::ZERO).observe());
    let h = Harness::with(|builder| builder.budget_rule(rule)).await;
    h.ask(HAIKU, 1_000, 100).await;
    let metrics = h.metrics();
    assert_eq!(rows(&metrics, "outlay.budget.spent"), ["outlay.budget.name=nothing 0.00165"]);
    assert_eq!(rows(&metrics, "outlay.budget.limit"), ["outlay.budget.name=nothing 0"]);
    assert_eq!(rows(&metrics, "outlay.budget.used_ratio"), Vec::<String>::new());
}

#[tokio::test]
async fn a_shared_budget_has_what_all_processes_have_spent_once_it_is_known() {
    let store = SharedBudgets::default();
    let (of_one, of_other) = (store.clone(), store.clone());
    let rule = || BudgetRule::new("fleet", Usd::from_dollars(1));
    let one = Harness::with(|builder| builder.budget_store(of_one).budget_rule(rule())).await;
    let other = Harness::with(|builder| builder.budget_store(of_other).budget_rule(rule())).await;
    assert_eq!(rows(&one.metrics(), "outlay.budget.spent"), Vec::<String>::new(), "unknown is not zero");
    spend(&one, "a").await;
    spend(&other, "a").await;
    for h in [&one, &other] {
        assert_eq!(rows(&h.metrics(), "outlay.budget.spent"), ["outlay.budget.name=fleet 0.33"]);
    }
}

#[tokio::test]
async fn the_price_table_has_an_age_that_a_newer_one_resets() {
    let clock = ManualClock::at_noon();
    let shared_clock = clock.clone();
    let dated =
        |day: &str| Prices::from_toml(&format!("version = \"{day}\"\n[[price]]\nmodel = \"m.x\"\ninput = \"1\"\n"));
    let h = Harness::with(|builder| builder.clock(shared_clock).prices(dated("2026-11-01").unwrap().without_bundled()))
        .await;
    let age = || rows(&h.metrics(), "outlay.price.age");
    let task = h.outlay.task("t").start();
    let noon_of_the_30th = 29 * DAY + DAY / 2;
    assert_eq!(age(), [format!(" {noon_of_the_30th}")]);
    clock.advance(DAY);
    assert_eq!(age(), [format!(" {}", noon_of_the_30th + DAY)]);
    h.outlay.set_prices(dated("2026-12-01").unwrap().without_bundled());
    assert_eq!(age(), [format!(" {}", DAY / 2)]);
    // A table that is newer than the clock, or that has no date, has no known age.
    h.outlay.set_prices(dated("2027-01-01").unwrap().without_bundled());
    assert_eq!(age(), Vec::<String>::new());
    h.outlay.set_prices(dated("acme").unwrap().without_bundled());
    assert_eq!(age(), Vec::<String>::new());
    drop(task);
}

#[tokio::test]
async fn graduations_are_counted_by_rule_and_workflow_and_violations_by_team() {
    let policy = Policy::from_toml(
        r#"
        [[rule]]
        name = "sandbox"
        only = { environment = "sandbox" }
        [rule.graduate]
        tasks_per_day = 1
        "#,
    );
    let h = Harness::with(|builder| builder.policy(policy.unwrap())).await;
    for workflow in ["tickets", "tickets", "refunds"] {
        let task = h.outlay.task("t").team("support").environment("sandbox").workflow(workflow).start();
        task.run(h.ask(HAIKU, 10, 10)).await;
        task.finish(Outcome::success());
    }
    let metrics = h.metrics();
    assert_eq!(rows(&metrics, "outlay.policy.graduations"), ["outlay.policy.rule=sandbox outlay.workflow=tickets 1"]);
    assert_eq!(
        rows(&metrics, "outlay.policy.violations"),
        ["outlay.policy.rule=sandbox outlay.task.name=t outlay.team=support 1"]
    );
}

#[tokio::test]
async fn refusals_are_counted_by_team() {
    let observed = BudgetRule::new("observed", Budget::calls(1).observe());
    let h = Harness::with(|builder| builder.budget_rule(observed)).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(10, 10)));
    for team in [Some("a"), Some("b"), None] {
        let task = h.outlay.task("t").budget(Usd::from_cents(1));
        let task = team.into_iter().fold(task, |task, team| task.team(team)).start();
        let at_most = |tokens| InferenceConfiguration::builder().max_tokens(tokens).build();
        task.run(haiku(&h.client).inference_config(at_most(100_000)).send()).await.unwrap_err();
        task.run(haiku(&h.client).inference_config(at_most(10)).send()).await.unwrap();
    }
    let metrics = h.metrics();
    assert_eq!(
        rows(&metrics, "outlay.budget.refused"),
        [
            "outlay.budget.name=t outlay.task.name=t 1",
            "outlay.budget.name=t outlay.task.name=t outlay.team=a 1",
            "outlay.budget.name=t outlay.task.name=t outlay.team=b 1"
        ]
    );
    assert_eq!(
        rows(&metrics, "outlay.budget.would_refuse"),
        [
            // The task without a team is the last.
            "outlay.budget.name=observed outlay.task.name=t 1",
            "outlay.budget.name=observed outlay.task.name=t outlay.team=b 1"
        ]
    );
}

#[tokio::test]
async fn rules_of_one_name_hide_none_of_each_others_figures() {
    let only = |workflow| BudgetRule::new("sandbox", Usd::from_dollars(1)).only("workflow", workflow);
    let nothing = BudgetRule::new("sandbox", Budget::new(Usd::ZERO).observe()).only("workflow", "b");
    let calls = BudgetRule::new("sandbox", Budget::calls(2));
    let h = Harness::with(|builder| builder.budget_rule(calls).budget_rule(only("a")).budget_rule(nothing)).await;
    for workflow in ["a", "b"] {
        let task = h.outlay.task("t").workflow(workflow).start();
        task.run(h.ask(HAIKU, 100_000, 10_000)).await;
        task.finish(Outcome::success());
    }
    let metrics = h.metrics();
    let name = "outlay.budget.name=sandbox";
    assert_eq!(rows(&metrics, "outlay.budget.used_ratio"), [format!("{name} 1")], "that of the calls");
    assert_eq!(rows(&metrics, "outlay.budget.spent"), [format!("{name} 0.165")]);
    assert_eq!(rows(&metrics, "outlay.budget.limit"), [format!("{name} 1")]);
}

#[tokio::test]
async fn a_rule_with_a_bracket_in_its_name_has_one_name_on_all_metrics() {
    let rules = ["prod [eu]", "prod [us]"].map(|name| BudgetRule::new(name, Budget::calls(1).observe()).per("team"));
    let h = Harness::with(|builder| rules.into_iter().fold(builder, outlay::OutlayBuilder::budget_rule)).await;
    for _ in 0..2 {
        spend(&h, "a").await;
    }
    let metrics = h.metrics();
    let names = |metric: &str| {
        let points = metrics.iter().filter(|p| p.name == metric && p.attribute("outlay.team") == Some("a"));
        let mut names: Vec<_> = points.map(|point| point.attribute("outlay.budget.name").unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    for metric in ["outlay.budget.used_ratio", "outlay.budget.would_refuse"] {
        assert_eq!(names(metric), ["prod [eu]", "prod [us]"], "{metric}");
    }
}
