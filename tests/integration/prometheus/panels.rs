//! Panels without data, with chosen values of Grafana's variables, with several services and beyond the series cap.

use std::collections::BTreeSet;
use std::time::SystemTime;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use outlay::budget::BudgetRule;
use outlay::{Budget, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, MetricStore};

use super::queries::{ALL, alert_queries, document_queries, panel_queries};
use super::{exporting_to, flush};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_data_no_query_gives_a_figure() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    for (name, query) in panel_queries(&ALL).into_iter().chain(alert_queries()).chain(document_queries()) {
        assert_eq!(store.rows(&query, now()).await, [], "{name}: {query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_of_what_never_happened_are_zero_once_there_are_calls() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    let (meter_provider, h) = service(&store, "helpdesk").await;
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    task.finish(Outcome::success());
    flush(&meter_provider).await;
    store.wait_for("sum(last_over_time(outlay_calls_total[1m]))", 1.0).await;
    let mut zeros = BTreeSet::new();
    for (name, query) in panel_queries(&ALL) {
        if let [(labels, value)] = store.rows(&query, now()).await.as_slice()
            && labels.is_empty()
            && *value == 0.0
        {
            zeros.insert(name);
        }
    }
    let expected = [
        "Beyond the series cap A",
        "Cache share of the prompt cost A",
        "Outside any task A",
        "Refused by budgets A",
        "Retried attempts A",
        "Unpriced calls A",
        "Value by workflow A",
        "Value by workflow B",
        "Violations A",
    ];
    assert_eq!(zeros, expected.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_panel_of_budgets_shows_each_service_and_budgets_that_the_chosen_values_share() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    let mut running = Vec::new();
    for (name, cents) in [("helpdesk", 100), ("shop", 200)] {
        let (meter_provider, h) = service(&store, name).await;
        for (team, environment) in [("support", "production"), ("support", "sandbox"), ("research", "production")] {
            let task = h.outlay.task("t").team(team).dimension("environment", environment).start();
            task.charge("serp-api", Usd::from_cents(cents));
            task.finish(Outcome::success());
        }
        flush(&meter_provider).await;
        running.push((meter_provider, h));
    }
    store.wait_for("sum(outlay_budget_spent_USD{outlay_budget_name=\"all\"})", 9.0).await;

    let chosen = [("$team", "support"), ("$environment", "(production|staging)"), ("$task", ".*")];
    let query = panel_queries(&chosen).into_iter().find(|(name, _)| name == "Budgets B").unwrap().1;
    // Nothing is spent of the budgets of what has no team or environment.
    let found = store.rows(&query, now()).await.into_iter().filter(|(_, value)| *value != 0.0).map(|(row, value)| {
        let label = |name: &str| row.get(name).map_or("", String::as_str);
        let whose = [label("job"), label("outlay_budget_name"), label("outlay_team"), label("outlay_environment")];
        format!("{} {value}", whose.join(","))
    });
    let expected = [
        "helpdesk,all,, 3",
        "helpdesk,environments,,production 2",
        "helpdesk,teams,support, 2",
        "shop,all,, 6",
        "shop,environments,,production 4",
        "shop,teams,support, 4",
    ];
    assert_eq!(found.collect::<BTreeSet<_>>(), expected.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_share_beyond_the_series_cap_is_that_of_what_lost_its_labels() {
    let Some(store) = MetricStore::start("prometheus.sh") else { return };
    let (meter_provider, h) = service(&store, "helpdesk").await;
    for workflow in 0..1_250 {
        let task = h.outlay.task("t").workflow(&workflow.to_string()).start();
        task.charge("serp-api", Usd::from_cents(1));
        task.finish(Outcome::success());
    }
    flush(&meter_provider).await;
    store.wait_for("round(100 * sum(last_over_time(outlay_cost_USD_total[1m])))", 1_250.0).await;
    let (_, query) = panel_queries(&ALL).into_iter().find(|(name, _)| name == "Beyond the series cap A").unwrap();
    let share = store.sum(&query).await.unwrap();
    let with_labels = store.sum("count(outlay_cost_USD_total{outlay_task_name=\"t\"})").await.unwrap();
    assert!((900.0..=1_000.0).contains(&with_labels), "{with_labels}");
    assert!((share - (1.0 - with_labels / 1_250.0)).abs() < 1e-9, "{share}");
}

/// Returns a service that exports to the store when flushed.
async fn service(store: &MetricStore, name: &'static str) -> (SdkMeterProvider, Harness) {
    let resource = Resource::builder().with_service_name(name).build();
    let meter_provider = exporting_to(store).await.with_resource(resource).build();
    let budget = || Budget::new(Usd::from_dollars(100)).observe();
    let h = Harness::with(|builder| {
        builder
            .meter_provider(&meter_provider)
            .budget_rule(BudgetRule::new("all", budget()))
            .budget_rule(BudgetRule::new("teams", budget()).per("team"))
            .budget_rule(BudgetRule::new("environments", budget()).per("environment"))
    })
    .await;
    (meter_provider, h)
}

/// Returns the current time, rounded up to seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 1
}
