//! The metrics of the telemetry contract: names, units and attributes, initial zeros and series limits.

use bedrock_sim::{Reply, Tokens};
use opentelemetry_sdk::metrics::{InMemoryMetricExporterBuilder, SdkMeterProvider, Temporality};
use outlay::{Budget, Outcome, Usd};
use outlay_tests::{HAIKU, Harness, MetricPoint, converse, haiku, read_points};

/// Returns the points of a metric that have all of these attributes.
fn points<'a>(all: &'a [MetricPoint], name: &str, attributes: &[(&str, &str)]) -> Vec<&'a MetricPoint> {
    let holds = |point: &&MetricPoint| {
        point.name == name && attributes.iter().all(|(key, value)| point.attribute(key) == Some(value))
    };
    all.iter().filter(holds).collect()
}

/// Returns the value of the only such point.
fn value(all: &[MetricPoint], name: &str, attributes: &[(&str, &str)]) -> f64 {
    let found = points(all, name, attributes);
    assert_eq!(found.len(), 1, "{name} {attributes:?} among {found:#?}");
    found[0].value
}

#[tokio::test]
async fn every_metric_is_exported_with_its_name_and_unit() {
    let h = Harness::new().await;
    h.ask(HAIKU, 1_000, 100).await;
    let open = h.outlay.task("open").start();
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    task.finish(Outcome::success().value(Usd::from_cents(250)));
    let mut found: Vec<_> = h.metrics().iter().map(|point| format!("{} {}", point.name, point.unit)).collect();
    found.sort_unstable();
    found.dedup();
    let expected = [
        "gen_ai.client.operation.duration s",
        "gen_ai.client.token.usage {token}",
        "outlay.attempts {attempt}",
        "outlay.attribution.ratio 1",
        "outlay.calls {call}",
        "outlay.cost USD",
        "outlay.outcome.value USD",
        "outlay.phase.cost USD",
        "outlay.price.age s",
        "outlay.task.cost USD",
        "outlay.task.cost.open_max USD",
        "outlay.task.duration s",
        "outlay.tasks {task}",
        "outlay.tasks.open {task}",
        "outlay.unattributed.cost USD",
        "outlay.unpriced_calls {call}",
        "outlay.wasted.cost USD",
    ];
    assert_eq!(found, expected);
    drop(open);
}

#[tokio::test]
async fn the_series_of_a_task_start_at_0_when_the_task_starts() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").team("support").environment("production").workflow("tickets").start();
    let metrics = h.metrics();
    for outcome in ["success", "failure", "abandoned"] {
        let attributes = [
            ("outlay.task.name", "t"),
            ("outlay.outcome.kind", outcome),
            ("outlay.team", "support"),
            ("outlay.environment", "production"),
            ("outlay.workflow", "tickets"),
        ];
        assert_eq!(value(&metrics, "outlay.tasks", &attributes), 0.0);
        assert_eq!(value(&metrics, "outlay.outcome.value", &attributes), 0.0);
        assert_eq!(value(&metrics, "outlay.wasted.cost", &attributes), 0.0);
    }
    for kind in ["plan", "tool", "act", "reflect", "verify", "retrieve", "retry", "direct"] {
        let phase = [("outlay.task.name", "t"), ("outlay.step.kind", kind)];
        assert_eq!(value(&metrics, "outlay.phase.cost", &phase), 0.0);
    }
    assert_eq!(value(&metrics, "outlay.tasks.open", &[("outlay.task.name", "t")]), 1.0);

    // The series of a model start when it is first called, before it has answered.
    h.sim.push(Reply::hang());
    let call = task.run(haiku(&h.client).send());
    tokio::select! {
        _ = call => panic!("the simulator answered"),
        _ = h.sim.wait_for(1) => {}
    }
    let metrics = h.metrics();
    for direction in ["input", "output"] {
        let series =
            [("gen_ai.request.model", HAIKU), ("outlay.cost.direction", direction), ("outlay.cost.status", "exact")];
        assert_eq!(value(&metrics, "outlay.cost", &series), 0.0);
    }
    for name in ["outlay.attempts", "outlay.unpriced_calls"] {
        assert!(!points(&metrics, name, &[("gen_ai.request.model", HAIKU)]).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn cost_per_useful_outcome_is_one_division() {
    let h = Harness::new().await;
    for (outcome, cents) in [(Outcome::success(), 250), (Outcome::success(), 150), (Outcome::failure(), 0)] {
        let task = h.outlay.task("t").start();
        task.run(h.ask(HAIKU, 1_000, 100)).await;
        task.finish(outcome.value(Usd::from_cents(cents)));
    }
    h.outlay.task("t").start();
    let metrics = h.metrics();
    let kind = |outcome: &'static str| [("outlay.outcome.kind", outcome)];
    let cost: f64 = points(&metrics, "outlay.cost", &[]).iter().map(|point| point.value).sum();
    assert_eq!(value(&metrics, "outlay.tasks", &kind("success")), 2.0);
    assert_eq!(value(&metrics, "outlay.tasks", &kind("failure")), 1.0);
    assert_eq!(value(&metrics, "outlay.tasks", &kind("abandoned")), 1.0);
    assert_eq!(value(&metrics, "outlay.outcome.value", &kind("success")), 4.0);
    assert!((cost / 2.0 - 0.002_475).abs() < 1e-12, "{cost}");
    let histogram = points(&metrics, "outlay.task.cost", &kind("success"));
    assert_eq!((histogram[0].count, histogram[0].value), (2, 0.0033));
    assert_eq!(points(&metrics, "outlay.task.duration", &kind("failure"))[0].count, 1);
}

/// The counters of outcomes have the tenant, product, cost center and segment, like `outlay.cost`.
#[tokio::test]
async fn cost_per_useful_outcome_can_be_split_by_tenant() {
    let h = Harness::with(|builder| builder.metric_dimension("tenant")).await;
    for (tenant, calls) in [("acme", 1), ("acme", 2), ("globex", 1)] {
        let task = h.outlay.task("t").dimension("tenant", tenant).dimension("seat", "7");
        let task = task.product("helpdesk").cost_center("cc-1").customer_segment("enterprise").start();
        for _ in 0..calls {
            task.run(h.ask(HAIKU, 1_000, 100)).await;
        }
        let id = task.id();
        task.finish(Outcome::success().value(Usd::from_cents(50)));
        h.outlay.set_outcome(id, Outcome::failure().value(Usd::from_cents(0)));
    }
    let metrics = h.metrics();
    let of_acme = [
        ("outlay.dim.tenant", "acme"),
        ("outlay.product", "helpdesk"),
        ("outlay.cost_center", "cc-1"),
        ("outlay.customer_segment", "enterprise"),
    ];
    let cost: f64 = points(&metrics, "outlay.cost", &of_acme).iter().map(|point| point.value).sum();
    assert!((cost - 3.0 * 0.001_65).abs() < 1e-12, "{cost}");
    let success = [&of_acme[..], &[("outlay.outcome.kind", "success")]].concat();
    assert_eq!(value(&metrics, "outlay.tasks", &success), 2.0);
    assert_eq!(value(&metrics, "outlay.outcome.value", &success), 1.0);
    assert_eq!(value(&metrics, "outlay.outcome.withdrawn_value", &success), 1.0);
    assert_eq!(value(&metrics, "outlay.wasted.cost", &success), 0.0);
    let failure = [&of_acme[..], &[("outlay.outcome.kind", "failure")]].concat();
    assert_eq!(value(&metrics, "outlay.outcomes.revised", &failure), 2.0);
    for name in ["outlay.task.cost", "outlay.task.duration"] {
        assert_eq!(points(&metrics, name, &[]).len(), 1, "{name} has no series for each tenant");
        assert!(points(&metrics, name, &[])[0].attribute("outlay.product").is_none());
    }
    assert!(metrics.iter().all(|point| point.attribute("outlay.dim.seat").is_none()));
}

/// Beyond the limit, the counters of tasks keep the team, cost center and environment and lose no values.
#[tokio::test]
async fn tenants_beyond_the_series_limit_are_summed() {
    let h = Harness::with(|builder| builder.metric_dimension("tenant")).await;
    for tenant in 0..400 {
        let task =
            h.outlay.task("t").dimension("tenant", &tenant.to_string()).team("a").cost_center("cc-1").product("p");
        task.start().finish(Outcome::success());
    }
    let metrics = h.metrics();
    let ended = points(&metrics, "outlay.tasks", &[("outlay.outcome.kind", "success")]);
    assert!(points(&metrics, "outlay.tasks", &[]).len() <= 1_500);
    assert_eq!(ended.iter().map(|point| point.value).sum::<f64>(), 400.0);
    let beyond: Vec<_> = ended.iter().filter(|point| point.attribute("outlay.task.name") == Some("other")).collect();
    assert_eq!(beyond.len(), 1);
    assert!(beyond[0].value > 50.0);
    assert_eq!(beyond[0].attribute("outlay.cost_center"), Some("cc-1"));
    assert_eq!(beyond[0].attribute("outlay.team"), Some("a"));
    assert_eq!((beyond[0].attribute("outlay.product"), beyond[0].attribute("outlay.dim.tenant")), (None, None));
}

#[tokio::test]
async fn refused_calls_are_counted_separately() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").budget(Budget::calls(1)).start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    for _ in 0..3 {
        task.run(haiku(&h.client).send()).await.unwrap_err();
    }
    let open = task.totals();
    assert_eq!((open.calls(), open.refusals(), open.attempts(), open.failed_calls()), (1, 3, 1, 0));
    let report = task.finish(Outcome::success());
    assert!(report.to_string().contains("1 call   "), "{report}");
    let metrics = h.metrics();
    let refused = [("outlay.call.refused", "true")];
    assert_eq!(value(&metrics, "outlay.calls", &refused), 3.0);
    let sent: f64 = points(&metrics, "outlay.calls", &[]).iter().map(|point| point.value).sum::<f64>() - 3.0;
    assert_eq!(sent, 1.0);
    for name in ["outlay.attempts", "outlay.unpriced_calls", "outlay.cost"] {
        assert!(points(&metrics, name, &refused).is_empty(), "{name}");
    }
    let spans = h.spans();
    let root = spans.one("invoke_workflow t");
    assert_eq!((root.int("outlay.total.calls"), root.int("outlay.total.failed_calls")), (Some(1), Some(0)));
    assert_eq!(spans.named(&format!("chat {HAIKU}")).last().unwrap().int("outlay.task.running.calls"), Some(1));
}

#[tokio::test]
async fn a_task_with_only_unpriced_calls_has_no_cost_in_the_histogram() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    task.run(h.ask("vendor.unknown-model-v1:0", 1_000, 100)).await;
    task.finish(Outcome::success());
    let metrics = h.metrics();
    assert!(points(&metrics, "outlay.task.cost", &[]).is_empty());
    assert_eq!(value(&metrics, "outlay.unpriced_calls", &[]), 1.0);
    assert_eq!(points(&metrics, "outlay.task.duration", &[]).len(), 1);
}

#[tokio::test]
async fn phases_calls_and_attempts_are_counted_in_their_task() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    h.sim.push(Reply::throttled()).push(Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
    task.run(outlay::plan("p").run(haiku(&h.client).send())).await.unwrap();
    task.run(outlay::step("critique", "c").run(h.ask(HAIKU, 1_000, 100))).await;
    task.charge("serp-api", Usd::from_cents(1));
    h.ask(HAIKU, 1_000, 100).await;
    task.finish(Outcome::success());
    let metrics = h.metrics();
    let phase = |kind| value(&metrics, "outlay.phase.cost", &[("outlay.task.name", "t"), ("outlay.step.kind", kind)]);
    assert_eq!((phase("plan"), phase("critique"), phase("direct"), phase("tool")), (0.001_65, 0.001_65, 0.01, 0.0));
    let of_task = |task| [("outlay.task.name", task)];
    assert_eq!(value(&metrics, "outlay.calls", &of_task("t")), 2.0);
    assert_eq!(value(&metrics, "outlay.attempts", &of_task("t")), 3.0);
    assert_eq!(value(&metrics, "outlay.calls", &of_task("unattributed")), 1.0);
    assert_eq!(value(&metrics, "outlay.unattributed.cost", &[]), 0.001_65);
}

#[tokio::test]
async fn a_custom_dimension_is_on_metrics_only_if_requested() {
    let h = Harness::with(|builder| builder.dimension("team", "platform").metric_dimension("tenant")).await;
    let task = h.outlay.task("t").dimension("tenant", "acme").dimension("shard", "7").start();
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    task.finish(Outcome::success());
    let metrics = h.metrics();
    let series = [("outlay.dim.tenant", "acme"), ("outlay.team", "platform"), ("outlay.cost.direction", "input")];
    assert_eq!(value(&metrics, "outlay.cost", &series), 0.0011);
    assert!(metrics.iter().all(|point| point.attribute("outlay.dim.shard").is_none()));
    let spans = h.spans();
    let call = spans.one(&format!("chat {HAIKU}"));
    assert_eq!((call.text("outlay.dim.shard"), call.text("outlay.team")), (Some("7"), Some("platform")));
}

#[tokio::test]
async fn task_names_beyond_two_hundred_are_summed_as_other() {
    let h = Harness::new().await;
    for number in 0..250 {
        let task = h.outlay.task(&format!("task-{number}")).start();
        task.charge("api", Usd::from_cents(1));
        task.finish(Outcome::success());
    }
    let metrics = h.metrics();
    let cost: f64 = points(&metrics, "outlay.cost", &[]).iter().map(|point| point.value).sum();
    assert!((cost - 2.5).abs() < 1e-9, "{cost}");
    assert_eq!(
        value(&metrics, "outlay.tasks", &[("outlay.task.name", "other"), ("outlay.outcome.kind", "success")]),
        50.0
    );
    let series = points(&metrics, "outlay.tasks", &[]).len();
    assert_eq!(series, 201 * 3);
    let open: Vec<_> = (0..250).map(|number| h.outlay.task(&format!("task-{number}")).start()).collect();
    open[220].charge("api", Usd::from_cents(3));
    open[240].charge("api", Usd::from_cents(2));
    let metrics = h.metrics();
    let others = [("outlay.task.name", "other")];
    assert_eq!(points(&metrics, "outlay.tasks.open", &[]).len(), 201);
    assert_eq!(value(&metrics, "outlay.tasks.open", &others), 50.0);
    assert_eq!(value(&metrics, "outlay.task.cost.open_max", &others), 0.03);
}

#[tokio::test]
async fn the_cost_of_a_kind_is_complete_beyond_the_series_cap() {
    let h = Harness::new().await;
    let cent = Usd::from_cents(1);
    for number in 0..200 {
        let task = h.outlay.task(&format!("task-{number}")).start();
        task.run_sync(|| {
            for kind in ["plan", "tool", "act", "reflect", "verify", "retrieve", "retry", "custom"] {
                outlay::step(kind, "s").run_sync(|| outlay::charge("c", cent));
            }
            outlay::charge("c", cent);
        });
        task.finish(Outcome::success());
    }
    let metrics = h.metrics();
    let sum = |kind| {
        let points = points(&metrics, "outlay.phase.cost", &[("outlay.step.kind", kind)]);
        points.iter().map(|point| point.value).sum::<f64>()
    };
    for kind in ["plan", "retry", "direct"] {
        assert!((sum(kind) - 2.0).abs() < 1e-9, "{kind}: {}", sum(kind));
    }
    assert!((sum("custom") + sum("other") - 2.0).abs() < 1e-9);
    assert!(sum("other") > 0.0);
}

#[tokio::test]
async fn the_most_expensive_open_task_is_listed_first_and_on_the_gauge() {
    let h = Harness::new().await;
    let cheap = h.outlay.task("t").start();
    let expensive = h.outlay.task("t").team("support").start();
    expensive.run(h.ask(HAIKU, 1_000_000, 0)).await;
    cheap
        .run(async {
            h.sim.push(Reply::message().usage(Tokens::new(10, 0)));
            converse(&h.client, HAIKU).send().await.unwrap();
        })
        .await;
    let open = h.outlay.open_tasks();
    assert_eq!(open.iter().map(|task| task.id).collect::<Vec<_>>(), [expensive.id(), cheap.id()]);
    assert_eq!((open[0].totals.turns(), open[0].totals.cost().to_string()), (1, "$1.100000 exact".to_owned()));
    let root = h.spans();
    let call = root.iter().find(|span| span.text("outlay.team") == Some("support")).unwrap();
    assert_eq!(open[0].trace_id, Some(call.data().span_context.trace_id().to_string()));
    let metrics = h.metrics();
    assert_eq!(value(&metrics, "outlay.tasks.open", &[]), 2.0);
    assert_eq!(value(&metrics, "outlay.task.cost.open_max", &[]), 1.1);
    expensive.finish(Outcome::success());
    cheap.finish(Outcome::success());
    assert!(h.outlay.open_tasks().is_empty());
    assert!(points(&h.metrics(), "outlay.tasks.open", &[]).is_empty());
}

#[tokio::test]
async fn delta_exports_sum_to_the_ledger() {
    let exporter = InMemoryMetricExporterBuilder::new().with_temporality(Temporality::Delta).build();
    let meter_provider = SdkMeterProvider::builder().with_periodic_exporter(exporter.clone()).build();
    let h = Harness::with(|builder| builder.meter_provider(&meter_provider)).await;
    let mut ledger = Usd::ZERO;
    for calls in [3, 0, 2] {
        let task = h.outlay.task("t").start();
        for _ in 0..calls {
            task.run(h.ask(HAIKU, 1_000, 100)).await;
        }
        let report = task.finish(Outcome::success());
        ledger = ledger.saturating_add(report.totals().cost().usd().unwrap());
        meter_provider.force_flush().unwrap();
    }
    assert_eq!(ledger, Usd::from_micros(5 * 1_650));
    let exports: Vec<_> = exporter.get_finished_metrics().unwrap().iter().map(read_points).collect();
    let sums = |name: &str, key: &str| -> Vec<f64> {
        let sum = |points: &Vec<MetricPoint>| points.iter().filter(|point| point.name == name).map(|p| p.value).sum();
        assert!(exports.iter().flatten().any(|p| p.name == name && p.attribute(key).is_some()), "{name}");
        exports.iter().map(sum).collect()
    };
    let close = |found: Vec<f64>, expected: &[f64]| {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?} and {expected:?}");
    };
    let per_export = [0.004_95, 0.0, 0.003_3];
    for name in ["outlay.cost", "outlay.phase.cost", "outlay.task.cost"] {
        close(sums(name, "outlay.task.name"), &per_export);
    }
    close(sums("outlay.calls", "gen_ai.request.model"), &[3.0, 0.0, 2.0]);
    close(sums("outlay.tasks", "outlay.outcome.kind"), &[1.0, 1.0, 1.0]);
    close(sums("gen_ai.client.token.usage", "gen_ai.token.type"), &[3_300.0, 0.0, 2_200.0]);
}
