//! Graduation: a sandbox workflow that a production principal calls is reported.

use bedrock_sim::StsFault;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use outlay::Outcome;
use outlay::alert::{AlertKind, Notice};
use outlay::policy::{Policy, Violation};
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

const POLICY: &str = r#"
    [[rule]]
    name = "sandbox"
    only = { environment = "sandbox" }
    graduate = { production_principals = ["arn:aws:iam::*:role/prod-*"] }
"#;

type Violations = Arc<Mutex<Vec<Violation>>>;

#[tokio::test]
async fn a_notice_after_the_task_has_closed_has_the_trace_of_its_call() {
    let sts = StsSim::start().await.unwrap();
    sts.know(BASE, "arn:aws:sts::123456789012:assumed-role/prod-tickets/s");
    sts.push(StsAction::GetCallerIdentity, StsFault::Delay(Duration::from_millis(100)));
    let traces = Arc::<Mutex<Vec<Option<String>>>>::default();
    let received = traces.clone();
    let on_alert = move |notice: &Notice| received.lock().unwrap().push(notice.trace_id.clone());
    let h =
        with_principals(&sts, |builder| builder.policy(Policy::from_toml(POLICY).unwrap()).on_alert(on_alert)).await;
    run(&h, "sandbox").await;
    let spans = h.spans();
    let call = call_spans(&spans)[0].data().span_context.trace_id().to_string();
    // An unrelated span is active while the answer is read.
    let tracer = h.tracer_provider.tracer("application");
    let foreign = opentelemetry::Context::new().with_span(tracer.start("foreign"));
    let attached = foreign.clone().attach();
    eventually("the notice arrives", || !traces.lock().unwrap().is_empty()).await;
    drop(attached);
    #[allow(clippy::disallowed_methods, reason = "the span is the application's")]
    foreign.span().end();
    assert_eq!(*traces.lock().unwrap(), [Some(call)]);
    assert!(h.spans().one("foreign").data().events.is_empty());
}

#[tokio::test]
async fn a_rule_with_principals_gives_a_warning_if_no_principals_are_resolved() {
    let log = Log::default();
    let _subscriber = tracing::subscriber::set_default(log.subscriber());
    let sts = StsSim::start().await.unwrap();
    let policy = || Policy::from_toml(POLICY).unwrap();
    with_principals(&sts, |builder| builder.policy(policy())).await;
    assert!(log.lines_with("production_principals").is_empty());
    Harness::with(|builder| builder.policy(policy())).await;
    assert_eq!(log.lines_with("production_principals").len(), 1);
}

async fn under_policy(sts: &StsSim) -> (Harness, Violations) {
    let violations = Violations::default();
    let received = violations.clone();
    let on_alert = move |notice: &Notice| {
        if let AlertKind::Violation(why) = &notice.kind {
            received.lock().unwrap().push(why.violation().clone());
        }
    };
    let h = with_principals(sts, |builder| builder.policy(Policy::from_toml(POLICY).unwrap()).on_alert(on_alert)).await;
    (h, violations)
}

/// Runs a task with one call in this environment.
async fn run(h: &Harness, environment: &str) {
    let task = h.outlay.task("t").environment(environment).workflow("w").start();
    task.run(haiku(&h.client).send()).await.unwrap();
    task.finish(Outcome::success());
}

#[tokio::test]
async fn a_sandbox_workflow_called_by_a_production_principal_gives_one_violation() {
    let sts = StsSim::start().await.unwrap();
    sts.know(BASE, "arn:aws:sts::123456789012:assumed-role/prod-tickets/s");
    // The task has closed by the time the principal is known.
    sts.push(StsAction::GetCallerIdentity, StsFault::Delay(Duration::from_millis(100)));
    let (h, violations) = under_policy(&sts).await;
    run(&h, "production").await;
    run(&h, "sandbox").await;
    assert!(violations.lock().unwrap().is_empty(), "the principal is not known yet");
    eventually("the notice arrives", || !violations.lock().unwrap().is_empty()).await;
    for _ in 0..3 {
        run(&h, "sandbox").await;
        run(&h, "production").await;
    }
    let violations = violations.lock().unwrap().clone();
    assert_eq!(violations.len(), 1, "{violations:?}");
    let Violation::Graduation { workflow, principal, .. } = &violations[0] else { panic!("{violations:?}") };
    assert_eq!((&**workflow, principal.as_deref()), ("w", Some("arn:aws:iam::123456789012:role/prod-tickets")));
    let text = "the workflow `w` has outgrown it, called by arn:aws:iam::123456789012:role/prod-tickets";
    assert_eq!(violations[0].to_string(), text);
    let metrics = h.metrics();
    let counted = metrics.iter().find(|point| point.name == "outlay.policy.violations").unwrap();
    assert_eq!((counted.attribute("outlay.policy.rule"), counted.value), (Some("sandbox"), 1.0));
}

#[tokio::test]
async fn another_principal_gives_no_violation() {
    let sts = StsSim::start().await.unwrap();
    let (h, violations) = under_policy(&sts).await;
    run(&h, "sandbox").await;
    eventually("STS has been asked", || request_count(&sts, StsAction::GetCallerIdentity) == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    run(&h, "sandbox").await;
    assert!(violations.lock().unwrap().is_empty());
}
