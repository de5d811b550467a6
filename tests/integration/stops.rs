//! Manual stops and stops by runaway rules. The next call is refused and nothing is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_bedrockruntime::error::SdkError;
use bedrock_sim::{Reply, Tokens};
use outlay::alert::{AlertKind, Notice};
use outlay::policy::{Runaway, RunawayRule, StopTarget};
use outlay::{Outcome, OutcomeKind, Usd};
use outlay_tests::{HAIKU, Harness, converse, haiku};
use serde_json::json;

/// Makes a call. Returns the reason of the stop if it is refused.
async fn ask(h: &Harness) -> Result<(), String> {
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
    stop_reason(haiku(&h.client).send().await)
}

fn stop_reason<T, E: std::error::Error + 'static>(result: Result<T, SdkError<E>>) -> Result<(), String>
where
    SdkError<E>: std::error::Error + 'static,
{
    match result {
        Ok(_) => Ok(()),
        Err(error) => Err(outlay::stopped(&error).expect("only stops refuse here").reason().to_owned()),
    }
}

/// Returns a harness with a runaway rule, and its notices.
async fn with_runaway_rule(rule: RunawayRule) -> (Harness, Arc<Mutex<Vec<Notice>>>) {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let received = notices.clone();
    let on_alert = move |notice: &Notice| received.lock().unwrap().push(notice.clone());
    // Different request metadata does not make a call a different one.
    let set = |builder: outlay::OutlayBuilder| builder.runaway(rule).on_alert(on_alert).request_metadata(["step.id"]);
    (Harness::with(set).await, notices)
}

#[tokio::test]
async fn the_next_call_in_a_stopped_task_or_its_inner_tasks_is_refused() {
    let h = Harness::new().await;
    let (task, other) = (h.outlay.task("t").start(), h.outlay.task("t").start());
    task.run(ask(&h)).await.unwrap();
    assert!(h.outlay.stop(task.id(), "enough"));
    assert_eq!(h.outlay.open_tasks().iter().filter(|open| open.stopped.as_deref() == Some("enough")).count(), 1);
    let requests = h.sim.requests().len();
    assert_eq!(task.run(ask(&h)).await, Err("enough".to_owned()));
    let inner = task.run_sync(|| outlay::agent("a").run_sync(|| h.outlay.task("inner").start()));
    assert_eq!(inner.run(ask(&h)).await, Err("enough".to_owned()), "an inner task is stopped");
    assert_eq!(h.sim.requests().len(), requests, "nothing was sent");
    other.run(ask(&h)).await.unwrap();

    assert!(h.outlay.resume(task.id()));
    assert!(!h.outlay.resume(task.id()));
    task.run(ask(&h)).await.unwrap();
    inner.finish(Outcome::success());
    other.finish(Outcome::success());
    let report = task.finish(Outcome::failure());
    assert_eq!(
        (report.totals().calls(), report.totals().refusals()),
        (2, 2),
        "a refused call is not counted as a call"
    );
    assert_eq!(report.record().non_budget_refusals.as_ref().map(|refused| refused.calls), Some(1));
    assert!(report.to_string().contains("stopped       enough   1 call refused"), "{report}");
    assert!(!h.outlay.stop(task.id(), "too late"), "the task has ended");
    let spans = h.spans();
    spans.assert_conserved();
    let refused: Vec<_> = spans
        .named(&format!("chat {HAIKU}"))
        .into_iter()
        .filter(|span| span.text("error.type") == Some("stopped"))
        .collect();
    assert_eq!(refused.len(), 2);
}

#[tokio::test]
async fn a_stop_of_a_workflow_or_dimension_holds_for_current_and_future_tasks() {
    let h = Harness::new().await;
    let early = h.outlay.task("t").workflow("tickets").start();
    assert!(h.outlay.stop(StopTarget::workflow("tickets"), "poisoned"));
    assert_eq!(early.run(ask(&h)).await, Err("poisoned".to_owned()));
    let late = h.outlay.task("u").workflow("tickets").dimension("tenant", "acme").start();
    assert_eq!(late.run(ask(&h)).await, Err("poisoned".to_owned()));
    h.outlay.task("t").workflow("other").start().run(ask(&h)).await.unwrap();
    ask(&h).await.unwrap();

    assert!(h.outlay.resume(StopTarget::workflow("tickets")));
    early.run(ask(&h)).await.unwrap();
    h.outlay.stop(StopTarget::dimension("tenant", "acme"), "unpaid");
    assert_eq!(late.run(ask(&h)).await, Err("unpaid".to_owned()));
    early.run(ask(&h)).await.unwrap();
}

#[tokio::test]
async fn a_repeated_call_gives_one_notice_and_is_stopped_if_enforced() {
    for enforced in [false, true] {
        let rule = RunawayRule::new().same_call(3);
        let (h, notices) = with_runaway_rule(if enforced { rule.enforce() } else { rule }).await;
        h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
        let task = h.outlay.task("t").start();
        let mut refused = 0;
        for n in 0..6 {
            let call = if n == 1 { converse(&h.client, "amazon.nova-lite-v1:0") } else { haiku(&h.client) };
            // Each step has another id.
            let step = outlay::step("act", "again").run(async { stop_reason(call.send().await) });
            refused += usize::from(task.run(step).await.is_err());
        }
        // Calls 0, 2 and 3 are the same. The task is stopped after the third of them.
        assert_eq!(refused, if enforced { 2 } else { 0 });
        let notices = notices.lock().unwrap();
        let runaways: Vec<_> = notices.iter().filter(|notice| matches!(notice.kind, AlertKind::Runaway(_))).collect();
        assert_eq!(runaways.len(), 1);
        assert_eq!(runaways[0].task_id, task.id());
        assert!(matches!(&runaways[0].kind, AlertKind::Runaway(Runaway::SameCall { times: 3, .. })));
        let stops = notices.iter().filter(|notice| matches!(notice.kind, AlertKind::Stopped(_))).count();
        assert_eq!(stops, refused);
        let metrics = h.metrics();
        let violations = metrics.iter().find(|point| point.name == "outlay.policy.violations").unwrap();
        assert_eq!((violations.value, violations.attribute("outlay.policy.rule")), (1.0, Some("same_call")));
    }
}

#[tokio::test]
async fn a_turn_without_an_answer_or_a_successful_step_makes_no_progress() {
    let (h, notices) = with_runaway_rule(RunawayRule::new().turns_without_progress(3)).await;
    let turn = async |tool_works: bool| {
        h.sim.push(Reply::message().tool_use("call-1", "search", json!({})).usage(Tokens::new(10, 10)));
        outlay::plan("next").try_run(haiku(&h.client).send()).await.unwrap();
        let _ = outlay::tool("search").try_run(async { if tool_works { Ok(()) } else { Err("no hits") } }).await;
    };
    let task = h.outlay.task("t").start();
    task.run(async {
        for tool_works in [false, true, false, true, false, false] {
            turn(tool_works).await;
        }
    })
    .await;
    assert!(notices.lock().unwrap().is_empty(), "the tool succeeded in between");
    task.run(turn(false)).await;
    let notices = notices.lock().unwrap();
    assert!(matches!(notices[0].kind, AlertKind::Runaway(Runaway::TurnsWithoutProgress { turns: 3 })), "{notices:?}");
}

#[tokio::test]
async fn a_spend_rate_counts_calls_and_charges_and_stops_only_its_task() {
    let rule = RunawayRule::new().spend_rate(Usd::from_cents(5), Duration::from_secs(60));
    let (h, notices) = with_runaway_rule(rule.enforce()).await;
    let task = h.outlay.task("t").start();
    task.run(ask(&h)).await.unwrap();
    task.charge("serp-api", Usd::from_cents(5));
    let refused = task.run(ask(&h)).await.unwrap_err();
    assert!(refused.contains("was spent within 60s"), "{refused}");
    assert_eq!(notices.lock().unwrap().len(), 2, "the runaway and the stop");
    h.outlay.task("t").start().run(ask(&h)).await.unwrap();
    // Runaway rules do not apply to unattributed calls.
    for _ in 0..40 {
        ask(&h).await.unwrap();
    }
    assert!(h.outlay.unattributed().cost().usd() > Some(Usd::from_cents(5)));
    // A resumed task starts with fresh runaway counts.
    assert!(h.outlay.resume(task.id()));
    task.run(ask(&h)).await.unwrap();
    assert_eq!(task.finish(Outcome::success()).outcome().kind(), OutcomeKind::Success);
    h.spans().assert_conserved();
}

#[tokio::test]
async fn a_runaway_of_an_outer_task_is_reported_for_the_outer_task() {
    let (h, notices) = with_runaway_rule(RunawayRule::new().same_call(2).enforce()).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
    let outer = h.outlay.task("outer").start();
    for call in 0..3 {
        let inner = outer.run_sync(|| h.outlay.task("inner").start());
        let answer = inner.run(async { stop_reason(haiku(&h.client).send().await) }).await;
        assert_eq!(answer.is_err(), call == 2);
    }
    let notices = notices.lock().unwrap();
    assert_eq!((notices[0].task_id, &*notices[0].task), (outer.id(), "outer"));
    assert!(matches!(notices[0].kind, AlertKind::Runaway(Runaway::SameCall { times: 2, .. })));
}

/// Many refusals of a persistent agent give one warning for the task and one event on each span.
#[tokio::test]
async fn repeated_refusals_give_one_warning() {
    let h = Harness::new().await;
    let warnings = outlay_tests::Warnings::default();
    let task = h.outlay.task("t").budget(outlay::Budget::calls(0)).start();
    for reason in ["outlay.budget.refused", "outlay.stopped"] {
        let _subscriber = tracing::subscriber::set_default(warnings.subscriber());
        for agent in ["a", "b"] {
            let repeated_calls = async {
                for _ in 0..4 {
                    haiku(&h.client).send().await.unwrap_err();
                }
            };
            task.run(outlay::agent(agent).run(repeated_calls)).await;
        }
        assert_eq!(warnings.count_with("refused"), 1, "{reason}: {warnings:?}");
        warnings.take();
        h.outlay.stop(task.id(), "enough");
    }
    task.finish(Outcome::failure());
    let spans = h.spans();
    for agent in ["invoke_agent a", "invoke_agent b"] {
        let events = spans.named(agent).into_iter().map(|span| {
            let events = span.data().events.iter().map(|event| event.name.to_string());
            events.collect::<Vec<_>>()
        });
        assert_eq!(events.collect::<Vec<_>>(), [["outlay.budget.refused"], ["outlay.stopped"]], "{agent}");
    }
}
