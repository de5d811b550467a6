//! A sandbox that is called by a production principal has grown up.

use bedrock_sim::StsFault;
use outlay::{AlertKind, Notice, Outcome, Policy, Violation};
use outlay_tests::{eventually, haiku};

use super::*;

const POLICY: &str = r#"
    [[rule]]
    name = "sandbox"
    only = { environment = "sandbox" }
    graduate = { production_principals = ["arn:aws:iam::*:role/prod-*"] }
"#;

type Told = Arc<Mutex<Vec<Violation>>>;

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
    let text = "the workflow `w` has grown out of it, called by arn:aws:iam::123456789012:role/prod-tickets";
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
