//! Work outside any task: its warnings, its sites and its refusal.

use std::process::Command;

use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use outlay::budget::BudgetRule;
use outlay::policy::OutsideTasks;
use outlay::{Budget, Outcome, Outlay, Usage, Usd};
use outlay_tests::{HAIKU, Harness, Warnings, converse, haiku};
use tracing::Instrument as _;

const OUTSIDE: &str = "work outside any task";

/// Returns a harness after its first task, and an empty list of warnings.
async fn after_a_task(set: impl FnOnce(outlay::OutlayBuilder) -> outlay::OutlayBuilder) -> (Harness, Warnings) {
    let h = Harness::with(set).await;
    h.outlay.task("t").start().finish(Outcome::success());
    (h, Warnings::default())
}

fn sites(outlay: &Outlay) -> Vec<(String, u64)> {
    let sites = outlay.attribution().unattributed;
    let mut sites: Vec<_> = sites.into_iter().map(|site| (site.site.to_string(), site.calls)).collect();
    sites.sort();
    sites
}

#[tokio::test]
async fn each_unattributed_site_gives_one_warning() {
    let (h, warnings) = after_a_task(|builder| builder).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    for _ in 0..3 {
        h.ask(HAIKU, 1, 1).await;
        h.ask("us.amazon.nova-lite-v1:0", 1, 1).await;
        h.ask(HAIKU, 1, 1).instrument(tracing::info_span!("nightly")).await;
    }
    assert_eq!(warnings.count_with(OUTSIDE), 3, "{warnings:?}");
    assert_eq!(warnings.count_with(&format!("at chat {HAIKU}: ")), 1);
    assert_eq!(warnings.count_with("at chat us.amazon.nova-lite-v1:0: "), 1);
    assert_eq!(warnings.count_with("integration::outside_tasks: nightly ("), 1);
    assert_eq!(warnings.count_with("outlay::in_scope(future)"), 3, "each warning suggests a fix");
}

/// The task's budget of one call does not apply to work that is spawned outside the task. A warning reports that work.
#[tokio::test]
async fn a_spawned_scope_outside_its_task_is_reported_by_its_call_site() {
    let (h, warnings) = after_a_task(|builder| builder).await;
    h.outlay.set_default();
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    let task = h.outlay.task("t").budget(Budget::calls(1)).start();
    let client = h.client.clone();
    h.sim.push(bedrock_sim::Reply::message().text("ok"));
    let spawned = async move {
        let search = async {
            // The agent inside is not a second site: the task was lost at the tool.
            let inner = outlay::agent("researcher").run(async { haiku(&client).send().await });
            inner.await.unwrap();
        };
        outlay::tool("search_kb").run(search).await;
    };
    let line = line!() - 2;
    task.run(async { tokio::spawn(spawned).await.unwrap() }).await;
    assert_eq!(task.totals().calls(), 0);
    let site = format!("outlay::tool (tests/integration/outside_tasks.rs:{line})");
    let found = sites(&h.outlay).into_iter().find(|(site, _)| site.starts_with("outlay::tool"));
    let (named, calls) = found.unwrap();
    assert!(site.ends_with(&named.replace("outlay::tool (", "")) || named == site, "{named} is not {site}");
    assert_eq!(calls, 1);
    assert_eq!(warnings.count_with(&named), 1, "{warnings:?}");
}

#[tokio::test]
async fn unattributed_charges_and_recorded_calls_are_reported_by_their_call_sites() {
    let (h, warnings) = after_a_task(|builder| builder).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    h.outlay.set_default();
    for _ in 0..2 {
        outlay::charge("serp-api", Usd::from_cents(1));
        outlay::call(HAIKU).usage(Usage::new().with_uncached_input(1)).record();
    }
    let lines = [line!() - 3, line!() - 3];
    for (function, line) in ["outlay::charge", "outlay::call"].into_iter().zip(lines) {
        assert_eq!(warnings.count_with(&format!("outside_tasks.rs:{line}): ")), 1, "{function} {warnings:?}");
        assert_eq!(warnings.count_with(&format!("at {function} (")), 1);
    }
    let charged = h.outlay.attribution().unattributed.into_iter().find(|site| site.site.starts_with("outlay::charge"));
    assert_eq!(charged.map(|site| (site.calls, site.cost)), Some((0, Usd::from_cents(2))));
}

/// At level `debug` the SDK creates its own spans around a call.
#[tokio::test]
async fn spans_of_the_sdk_are_not_reported_as_sites() {
    let h = Harness::new().await;
    let _subscriber = tracing::subscriber::set_default(h.subscriber("trace"));
    h.ask(HAIKU, 1, 1).instrument(tracing::info_span!("nightly")).await;
    h.ask(HAIKU, 1, 1).await;
    let sites = sites(&h.outlay);
    assert_eq!(sites.len(), 2, "{sites:?}");
    assert_eq!(sites[0].0, format!("chat {HAIKU}"));
    assert!(sites[1].0.starts_with("integration::outside_tasks: nightly ("), "{sites:?}");
}

#[tokio::test]
async fn unattributed_calls_are_refused_if_configured() {
    let (h, warnings) = after_a_task(|builder| builder.outside_tasks(OutsideTasks::Refuse)).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    let error = haiku(&h.client).send().await.unwrap_err();
    let refused = outlay::outside_task(&error).unwrap();
    assert_eq!((&**refused.model(), &**refused.site()), (HAIKU, &*format!("chat {HAIKU}")));
    assert!(refused.to_string().contains("outlay::in_scope(future)"), "{refused}");
    assert!(outlay::budget_exceeded(&error).is_none());
    assert_eq!(warnings.count_with(OUTSIDE), 0, "the error suffices: {warnings:?}");
    assert_eq!(h.sim.requests().len(), 0, "nothing was sent");
    let spans = h.spans();
    assert_eq!(spans.one(&format!("chat {HAIKU}")).text("error.type"), Some("outside_task"));
    assert_eq!((h.outlay.unattributed().calls(), h.outlay.unattributed().refusals()), (0, 1));

    // Calls inside a task are not affected.
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1, 1)).await;
    assert_eq!(task.totals().calls(), 1);
}

/// Only a call that a budget refuses may be downgraded.
#[tokio::test]
async fn a_refused_unattributed_call_is_not_downgraded() {
    let downgrade = |_: &_| Some(outlay::budget::Downgrade::to_model("us.amazon.nova-lite-v1:0"));
    let (h, _) = after_a_task(|builder| builder.outside_tasks(OutsideTasks::Refuse).on_refusal(downgrade)).await;
    let error = converse(&h.client, HAIKU).send().await.unwrap_err();
    assert!(outlay::outside_task(&error).is_some(), "{error:?}");
    assert_eq!(h.sim.requests().len(), 0);
}

#[tokio::test]
async fn allowed_unattributed_work_gives_no_warning() {
    let (h, warnings) = after_a_task(|builder| builder.outside_tasks(OutsideTasks::Allow)).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    h.ask(HAIKU, 1, 1).await;
    assert_eq!(warnings.count_with(OUTSIDE), 0);
    assert_eq!(sites(&h.outlay).len(), 1, "it is still counted");
}

/// Runs in its own process, because other tests of this one have tasks.
#[test]
fn a_process_without_tasks_gives_no_warning() {
    const CHILD: &str = "OUTLAY_TEST_WITHOUT_TASKS";
    if std::env::var_os(CHILD).is_none() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let name = "outside_tasks::a_process_without_tasks_gives_no_warning";
        assert!(child.args(["--exact", name]).env(CHILD, "1").status().unwrap().success());
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (h, warnings) = (Harness::new().await, Warnings::default());
        let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
        h.outlay.set_default();
        let in_a_scope = async {
            h.ask(HAIKU, 1, 1).await;
            assert_eq!(warnings.count_with(OUTSIDE), 0);
            h.outlay.task("t").start().finish(Outcome::success());
            h.ask(HAIKU, 1, 1).await;
        };
        outlay::agent("daemon").run(in_a_scope).await;
        // Once there is a task, the same sites may have lost it.
        assert_eq!(warnings.count_with("at outlay::agent ("), 1);
        h.ask(HAIKU, 1, 1).await;
        assert_eq!(warnings.count_with(OUTSIDE), 2);
    });
}

/// A call is refused if either the `Outlay` of its scope outside any task or that of its client refuses it.
#[tokio::test]
async fn a_scope_outside_any_task_does_not_override_the_refusal_of_the_client() {
    Outlay::builder().build().set_default();
    let h = Harness::with(|builder| builder.outside_tasks(OutsideTasks::Refuse)).await;
    let error = outlay::tool("search").run(haiku(&h.client).send()).await.unwrap_err();
    let refused = outlay::outside_task(&error).unwrap();
    assert!(refused.site().starts_with("outlay::tool ("), "{refused}");
    assert_eq!(h.sim.requests().len(), 0);
}

/// As in a worker whose loop runs in an agent scope.
#[tokio::test]
async fn a_task_inside_a_scope_outside_any_task_is_an_ordinary_task() {
    let h = Harness::with(|builder| builder.budget_rule(BudgetRule::new("team", Usd::from_cents(5)).per("team"))).await;
    h.outlay.set_default();
    // This charge is unattributed.
    outlay::charge("x", Usd::from_cents(5));
    let worker = async {
        let task = h.outlay.task("job").team("a").start();
        let at_most = InferenceConfiguration::builder().max_tokens(10).build();
        h.sim.push(bedrock_sim::Reply::message().usage(bedrock_sim::Tokens::new(1_000, 0)));
        task.run(haiku(&h.client).inference_config(at_most).send()).await.unwrap();
        task.finish(Outcome::failure());
    };
    outlay::agent("worker").run(worker).await;
    let attribution = h.outlay.attribution();
    assert_eq!(attribution.in_tasks, Usd::from_micros(1_100));
    assert_eq!(attribution.unattributed.iter().map(|site| site.cost).sum::<Usd>(), Usd::from_cents(5));
    assert_eq!(h.outlay.unattributed().cost().usd(), Some(Usd::from_cents(5)));
    let wasted: f64 = h.metrics().iter().filter(|p| p.name == "outlay.wasted.cost").map(|p| p.value).sum();
    assert!((wasted - 0.001_1).abs() < 1e-12, "{wasted}");
    assert!(h.spans().one("invoke_workflow job").has("outlay.task.root"));
}

/// As in `names.map(outlay::tool)`.
#[tokio::test]
async fn a_scope_created_by_the_standard_library_has_no_file_in_its_site() {
    let (h, _) = after_a_task(|builder| builder).await;
    h.outlay.set_default();
    for tool in ["a", "b"].map(outlay::tool) {
        tool.run_sync(|| outlay::charge("x", Usd::from_cents(1)));
    }
    assert_eq!(sites(&h.outlay), [("outlay::tool, called by the standard library".to_owned(), 0)]);
}

#[tokio::test]
async fn a_hostile_model_id_cannot_forge_or_flood_log_lines() {
    for rule in [OutsideTasks::Warn, OutsideTasks::Refuse] {
        let (h, warnings) = after_a_task(|builder| builder.outside_tasks(rule)).await;
        let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
        let model = format!("x\n2026-11-29 WARN outlay: all is well {}", "y".repeat(2_000));
        let result = converse(&h.client, &model).send().await;
        let site = h.outlay.attribution().unattributed[0].site.clone();
        assert!(site.len() < 300 && !site.contains('\n'), "{site}");
        if let Err(error) = result {
            let text = outlay::outside_task(&error).unwrap().to_string();
            assert!(text.len() < 900 && !text.contains('\n'), "{text}");
        }
    }
}

/// As with the models of many tenants.
#[tokio::test]
async fn beyond_two_hundred_sites_one_warning_reports_that_there_are_more() {
    let (h, warnings) = after_a_task(|builder| builder).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    for number in 0..203 {
        h.ask(&format!("acme.model-{number}"), 1, 1).await;
    }
    assert_eq!(warnings.count_with("work outside any task, at"), 200);
    assert_eq!(warnings.count_with("at more than 200 places"), 1);
}
