//! Work outside any task: who is warned of it, where it is said to be, and how it is refused.

use std::process::Command;

use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use outlay::{Budget, BudgetRule, Outcome, Outlay, OutsideTasks, Usage, Usd};
use outlay_tests::{HAIKU, Harness, Warnings, converse, haiku};
use tracing::Instrument as _;

const OUTSIDE: &str = "work outside any task";

/// A harness whose process has had a task, and what is warned of from now on.
async fn after_a_task(set: impl FnOnce(outlay::Builder) -> outlay::Builder) -> (Harness, Warnings) {
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
async fn each_place_in_the_application_is_warned_of_once() {
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
    assert_eq!(warnings.count_with("outlay::in_scope(future)"), 3, "each says what to do");
}

/// The task's budget of one call does not hold what is spawned without the task, and that is said.
#[tokio::test]
async fn a_spawned_scope_without_its_task_is_named_by_its_call_site() {
    let (h, warnings) = after_a_task(|builder| builder).await;
    h.outlay.set_default();
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    let task = h.outlay.task("t").budget(Budget::calls(1)).start();
    let client = h.client.clone();
    h.sim.push(bedrock_sim::Reply::message().text("ok"));
    let spawned = async move {
        let search = async {
            // The agent inside is not another place: the task was lost at the tool.
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
async fn charges_and_recorded_calls_outside_a_task_are_named_by_where_they_are_made() {
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

/// At `debug` the SDK makes spans of its own around the call.
#[tokio::test]
async fn the_sdks_own_spans_are_no_place_in_the_application() {
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
async fn calls_outside_a_task_are_refused_where_the_application_says_so() {
    let (h, warnings) = after_a_task(|builder| builder.outside_tasks(OutsideTasks::Refuse)).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    let error = haiku(&h.client).send().await.unwrap_err();
    let refused = outlay::outside_task(&error).unwrap();
    assert_eq!((&**refused.model(), &**refused.site()), (HAIKU, &*format!("chat {HAIKU}")));
    assert!(refused.to_string().contains("outlay::in_scope(future)"), "{refused}");
    assert!(outlay::budget_exceeded(&error).is_none());
    assert_eq!(warnings.count_with(OUTSIDE), 0, "the error says it all: {warnings:?}");
    assert_eq!(h.sim.requests().len(), 0, "nothing was sent");
    let spans = h.spans();
    assert_eq!(spans.one(&format!("chat {HAIKU}")).text("error.type"), Some("outside_task"));
    assert_eq!((h.outlay.unattributed().calls(), h.outlay.unattributed().refusals()), (0, 1));

    // Calls inside a task are made as before.
    let task = h.outlay.task("t").start();
    task.run(h.ask(HAIKU, 1, 1)).await;
    assert_eq!(task.totals().calls(), 1);
}

/// A call that a budget refuses may be degraded, and one outside any task may not.
#[tokio::test]
async fn a_refused_call_outside_a_task_is_not_degraded() {
    let degrade = |_: &_| Some(outlay::Degrade::to_model("us.amazon.nova-lite-v1:0"));
    let (h, _) = after_a_task(|builder| builder.outside_tasks(OutsideTasks::Refuse).on_refusal(degrade)).await;
    let error = converse(&h.client, HAIKU).send().await.unwrap_err();
    assert!(outlay::outside_task(&error).is_some(), "{error:?}");
    assert_eq!(h.sim.requests().len(), 0);
}

#[tokio::test]
async fn allowed_work_is_not_warned_of() {
    let (h, warnings) = after_a_task(|builder| builder.outside_tasks(OutsideTasks::Allow)).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    h.ask(HAIKU, 1, 1).await;
    assert_eq!(warnings.count_with(OUTSIDE), 0);
    assert_eq!(sites(&h.outlay).len(), 1, "it is counted all the same");
}

/// In a process of its own, for others here have tasks.
#[test]
fn a_process_without_tasks_is_not_warned() {
    const CHILD: &str = "OUTLAY_TEST_WITHOUT_TASKS";
    if std::env::var_os(CHILD).is_none() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let name = "outside_tasks::a_process_without_tasks_is_not_warned";
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
        // As soon as there is a task, the same places may have lost it.
        assert_eq!(warnings.count_with("at outlay::agent ("), 1);
        h.ask(HAIKU, 1, 1).await;
        assert_eq!(warnings.count_with(OUTSIDE), 2);
    });
}

/// Whichever of the two refuses: the Outlay of the scope that is outside any task, or that of the client.
#[tokio::test]
async fn a_scope_outside_any_task_does_not_take_the_call_from_the_clients_rule() {
    Outlay::builder().build().set_default();
    let h = Harness::with(|builder| builder.outside_tasks(OutsideTasks::Refuse)).await;
    let error = outlay::tool("search").run(haiku(&h.client).send()).await.unwrap_err();
    let refused = outlay::outside_task(&error).unwrap();
    assert!(refused.site().starts_with("outlay::tool ("), "{refused}");
    assert_eq!(h.sim.requests().len(), 0);
}

/// As in a worker whose loop runs in an agent of ours.
#[tokio::test]
async fn a_task_inside_a_scope_outside_any_task_is_a_task_like_any_other() {
    let h = Harness::with(|builder| builder.budget_rule(BudgetRule::new("team", Usd::from_cents(5)).per("team"))).await;
    h.outlay.set_default();
    // Nobody's cents are spent.
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

/// Such as `names.map(outlay::tool)`.
#[tokio::test]
async fn a_function_that_is_called_by_the_standard_library_names_no_file_of_that() {
    let (h, _) = after_a_task(|builder| builder).await;
    h.outlay.set_default();
    for tool in ["a", "b"].map(outlay::tool) {
        tool.run_sync(|| outlay::charge("x", Usd::from_cents(1)));
    }
    assert_eq!(sites(&h.outlay), [("outlay::tool, called by the standard library".to_owned(), 0)]);
}

#[tokio::test]
async fn a_hostile_model_id_forges_no_line_and_fills_no_log() {
    for rule in [OutsideTasks::Warn, OutsideTasks::Refuse] {
        let (h, warnings) = after_a_task(|builder| builder.outside_tasks(rule)).await;
        let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
        let model = format!("x\n2026-11-29 WARN outlay: all is well {}", "y".repeat(2_000));
        let answered = converse(&h.client, &model).send().await;
        let site = h.outlay.attribution().unattributed[0].site.clone();
        assert!(site.len() < 300 && !site.contains('\n'), "{site}");
        if let Err(error) = answered {
            let text = outlay::outside_task(&error).unwrap().to_string();
            assert!(text.len() < 900 && !text.contains('\n'), "{text}");
        }
    }
}

/// Such as the models of many tenants: that there are more is said once.
#[tokio::test]
async fn beyond_two_hundred_places_one_warning_says_that_there_are_more() {
    let (h, warnings) = after_a_task(|builder| builder).await;
    let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
    for number in 0..203 {
        h.ask(&format!("acme.model-{number}"), 1, 1).await;
    }
    assert_eq!(warnings.count_with("work outside any task, at"), 200);
    assert_eq!(warnings.count_with("at more than 200 places"), 1);
}
