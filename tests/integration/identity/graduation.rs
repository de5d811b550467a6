//! A sandbox that is called by a production principal has grown up.

use bedrock_sim::StsFault;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _, TracerProvider as _};
use outlay::{AlertKind, Notice, Outcome, Policy, Violation};
use outlay_tests::{call_spans, eventually, haiku};

use super::*;

const POLICY: &str = r#"
    [[rule]]
    name = "sandbox"
    only = { environment = "sandbox" }
    graduate = { production_principals = ["arn:aws:iam::*:role/prod-*"] }
"#;

type Told = Arc<Mutex<Vec<Violation>>>;

#[tokio::test]
async fn what_is_told_after_the_task_has_closed_is_told_in_the_trace_of_the_call() {
    let sts = StsSim::start().await.unwrap();
    sts.know(BASE, "arn:aws:sts::123456789012:assumed-role/prod-tickets/s");
    sts.push(StsAction::GetCallerIdentity, StsFault::Delay(Duration::from_millis(100)));
    let traces = Arc::<Mutex<Vec<Option<String>>>>::default();
    let told = traces.clone();
    let tell = move |notice: &Notice| told.lock().unwrap().push(notice.trace_id.clone());
    let h = asking(&sts, |builder| builder.policy(Policy::from_toml(POLICY).unwrap()).on_alert(tell)).await;
    run(&h, "sandbox").await;
    let spans = h.spans();
    let call = call_spans(&spans)[0].data().span_context.trace_id().to_string();
    // Whatever else goes on where the answer is read.
    let tracer = h.tracer_provider.tracer("application");
    let foreign = opentelemetry::Context::new().with_span(tracer.start("foreign"));
    let attached = foreign.clone().attach();
    eventually("it is told", || !traces.lock().unwrap().is_empty()).await;
    drop(attached);
    foreign.span().end();
    assert_eq!(*traces.lock().unwrap(), [Some(call)]);
    assert!(h.spans().one("foreign").data().events.is_empty());
}

#[tokio::test]
async fn a_rule_that_looks_for_principals_where_nobody_is_asked_is_told_of_at_once() {
    let logged = Logged::default();
    let _subscriber = tracing::subscriber::set_default(logged.subscriber());
    let sts = StsSim::start().await.unwrap();
    let policy = || Policy::from_toml(POLICY).unwrap();
    asking(&sts, |builder| builder.policy(policy())).await;
    assert!(logged.with("production_principals").is_empty());
    Harness::with(|builder| builder.policy(policy())).await;
    assert_eq!(logged.with("production_principals").len(), 1);
}

async fn under_policy(sts: &StsSim) -> (Harness, Told) {
    let told = Told::default();
    let notices = told.clone();
    let tell = move |notice: &Notice| {
        if let AlertKind::Violation(why) = &notice.kind {
            notices.lock().unwrap().push(why.violation().clone());
        }
    };
    let h = asking(sts, |builder| builder.policy(Policy::from_toml(POLICY).unwrap()).on_alert(tell)).await;
    (h, told)
}

/// A task of one call, in this environment.
async fn run(h: &Harness, environment: &str) {
    let task = h.outlay.task("t").environment(environment).workflow("w").start();
    task.run(haiku(&h.client).send()).await.unwrap();
    task.finish(Outcome::success());
}

#[tokio::test]
async fn a_sandbox_workflow_that_a_production_principal_calls_is_told_once() {
    let sts = StsSim::start().await.unwrap();
    sts.know(BASE, "arn:aws:sts::123456789012:assumed-role/prod-tickets/s");
    // The task has closed by the time that it is known.
    sts.push(StsAction::GetCallerIdentity, StsFault::Delay(Duration::from_millis(100)));
    let (h, told) = under_policy(&sts).await;
    run(&h, "production").await;
    run(&h, "sandbox").await;
    assert!(told.lock().unwrap().is_empty(), "it is not known yet");
    eventually("it is told", || !told.lock().unwrap().is_empty()).await;
    for _ in 0..3 {
        run(&h, "sandbox").await;
        run(&h, "production").await;
    }
    let told = told.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
    let Violation::Graduation { workflow, principal, .. } = &told[0] else { panic!("{told:?}") };
    assert_eq!((&**workflow, principal.as_deref()), ("w", Some("arn:aws:iam::123456789012:role/prod-tickets")));
    let text = "the workflow `w` has outgrown it, called by arn:aws:iam::123456789012:role/prod-tickets";
    assert_eq!(told[0].to_string(), text);
    let metrics = h.metrics();
    let counted = metrics.iter().find(|point| point.name == "outlay.policy.violations").unwrap();
    assert_eq!((counted.attribute("outlay.policy.rule"), counted.value), (Some("sandbox"), 1.0));
}

#[tokio::test]
async fn another_principal_is_no_sign() {
    let sts = StsSim::start().await.unwrap();
    let (h, told) = under_policy(&sts).await;
    run(&h, "sandbox").await;
    eventually("it is known", || asked(&sts, StsAction::GetCallerIdentity) == 1).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    run(&h, "sandbox").await;
    assert!(told.lock().unwrap().is_empty());
}
