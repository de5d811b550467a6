//! Policies, also from a file that changes while the application runs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::types::{GuardrailContentBlock, GuardrailContentSource, GuardrailTextBlock};
use bedrock_sim::{Reply, Tokens};
use outlay::alert::{AlertKind, Notice};
use outlay::policy::{Policy, PolicyRule, StopTarget, Violation};
use outlay::{Outcome, Outlay, Usd};
use outlay_tests::{HAIKU, Harness, converse};
use serde_json::json;

type Notices = Arc<Mutex<Vec<Notice>>>;

async fn under_policy(policy: Policy) -> (Harness, Notices) {
    let notices = Notices::default();
    let received = notices.clone();
    let on_alert = move |notice: &Notice| received.lock().unwrap().push(notice.clone());
    let h = Harness::with(|builder| builder.policy(policy).on_alert(on_alert)).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
    (h, notices)
}

/// Returns the violations among the notices, with their rules.
fn violations(notices: &Notices) -> Vec<(String, Violation)> {
    let notices = notices.lock().unwrap();
    let violations = notices.iter().filter_map(|notice| match &notice.kind {
        AlertKind::Violation(violation) => Some((violation.rule().to_owned(), violation.violation().clone())),
        _ => None,
    });
    violations.collect()
}

/// Makes a call and returns the text of the policy's refusal, if any.
async fn ask(h: &Harness, model: &str) -> Result<(), String> {
    match converse(&h.client, model).send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(outlay::policy_violation(&error).expect("only the policy refuses here").to_string()),
    }
}

/// A temporary file with a unique name. It is removed on drop.
struct TempFile(PathBuf);

impl TempFile {
    fn new(text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("outlay-{}-{}.toml", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_task_without_a_required_dimension_is_reported_and_refused_if_enforced() {
    let policy = Policy::from_toml(
        r#"
        [[rule]]
        name = "production"
        only = { environment = "production" }
        require = ["team", "tenant"]
        mode = "enforce"

        [[rule]]
        name = "all-tasks"
        require = ["workflow"]
        "#,
    );
    let (h, notices) = under_policy(policy.unwrap()).await;
    let incomplete = h.outlay.task("t").environment("production").team("a").start();
    let missing = |keys: &[&str]| Violation::MissingDimensions(keys.iter().map(|key| (*key).into()).collect());
    let expected = [("production".to_owned(), missing(&["tenant"])), ("all-tasks".to_owned(), missing(&["workflow"]))];
    assert_eq!(violations(&notices), expected, "before any call");
    let refused = incomplete.run(ask(&h, HAIKU)).await.unwrap_err();
    assert_eq!(refused, "t violates the policy's rule `production`: the task sets no tenant");
    assert!(h.sim.requests().is_empty());
    let sandbox = h.outlay.task("t").environment("sandbox").start();
    sandbox.run(ask(&h, HAIKU)).await.unwrap();
    let complete =
        h.outlay.task("t").environment("production").team("a").dimension("tenant", "acme").workflow("w").start();
    complete.run(ask(&h, HAIKU)).await.unwrap();
    // An inner task inherits the dimensions of the outer one.
    complete.run(async { h.outlay.task("inner").start().run(ask(&h, HAIKU)).await }).await.unwrap();
    ask(&h, HAIKU).await.unwrap();
    assert_eq!(violations(&notices).len(), 3, "{notices:?}");
    let report = incomplete.finish(Outcome::failure()).to_string();
    assert!(report.contains("policy        production: the task sets no tenant   1 call refused"), "{report}");
    for task in [sandbox, complete] {
        task.finish(Outcome::success());
    }
    let spans = h.spans();
    spans.assert_conserved();
    let refused = spans.named(&format!("chat {HAIKU}")).into_iter().find(|span| span.text("error.type").is_some());
    assert_eq!(refused.unwrap().text("error.type"), Some("policy_violation"));
    let metrics = h.metrics();
    let counted = |rule: &str| {
        let of_rule = |point: &&outlay_tests::MetricPoint| point.attribute("outlay.policy.rule") == Some(rule);
        let points = metrics.iter().filter(|point| point.name == "outlay.policy.violations").filter(of_rule);
        points.map(|point| (point.attribute("outlay.team"), point.value)).collect::<Vec<_>>()
    };
    assert_eq!(counted("production"), [(Some("a"), 1.0)]);
    let mut of_all = counted("all-tasks");
    of_all.sort_by_key(|(team, _)| *team);
    assert_eq!(of_all, [(None, 1.0), (Some("a"), 1.0)]);
}

#[tokio::test]
async fn a_forbidden_model_is_reported_and_refused_if_enforced() {
    let text = |mode: &str| {
        format!(
            "mode = \"{mode}\"\n[[rule]]\nname = \"models\"\n[[rule.allow]]\nmodels = [\"anthropic.claude-haiku-4-5*\"]\n\
             owner = \"ana\"\nreason = \"enough\"\nreview = 2099-01-01\n"
        )
    };
    for (mode, refuses) in [("observe", false), ("enforce", true)] {
        let (h, notices) = under_policy(Policy::from_toml(&text(mode)).unwrap()).await;
        let task = h.outlay.task("t").start();
        task.run(ask(&h, HAIKU)).await.unwrap();
        assert!(violations(&notices).is_empty());
        let other = task.run(ask(&h, "us.amazon.nova-lite-v1:0")).await;
        assert_eq!(other.is_err(), refuses, "{other:?}");
        assert_eq!(h.sim.requests().len(), if refuses { 1 } else { 2 });
        assert_eq!(violations(&notices), [("models".to_owned(), Violation::Model("us.amazon.nova-lite-v1:0".into()))]);
    }
}

#[tokio::test]
async fn a_model_rule_does_not_forbid_a_guardrail() {
    let policy = Policy::new().rule(PolicyRule::new("models").allow_model("anthropic.*").enforce());
    let (h, notices) = under_policy(policy).await;
    h.sim.push(Reply::json(json!({"usage": {}, "action": "NONE", "outputs": [], "assessments": []})));
    let text = GuardrailTextBlock::builder().text("hello").build().unwrap();
    let call = h.client.apply_guardrail().guardrail_identifier("gr-1").guardrail_version("1");
    let call = call.source(GuardrailContentSource::Input).content(GuardrailContentBlock::Text(text));
    h.outlay.task("t").start().run(call.send()).await.unwrap();
    assert!(violations(&notices).is_empty());
}

#[tokio::test]
async fn an_alert_handler_can_stop_its_task_and_may_panic() {
    let outlay = Arc::new(OnceLock::<Outlay>::new());
    let shared = outlay.clone();
    let policy = Policy::new().rule(PolicyRule::new("all-tasks").require("my team"));
    let on_alert = move |notice: &Notice| {
        assert!(shared.get().unwrap().stop(notice.task_id, "no team"), "the handler can find the task");
        panic!("on purpose");
    };
    let h = Harness::with(|builder| builder.policy(policy).on_alert(on_alert)).await;
    outlay.set(h.outlay.clone()).unwrap();
    let task = h.outlay.task("t").start();
    let error = task.run(converse(&h.client, HAIKU).send()).await.unwrap_err();
    assert_eq!(outlay::stopped(&error).unwrap().reason(), "no team");
    task.finish(Outcome::failure());
    assert!(h.outlay.open_tasks().is_empty());
    h.spans().assert_conserved();
    // The rule matches the key as the task sets it.
    let with_team = h.outlay.task("t").dimension("my team", "a").start();
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(1, 1)));
    with_team.run(converse(&h.client, HAIKU).send()).await.unwrap();
}

#[tokio::test]
async fn an_expensive_task_and_a_graduated_sandbox_are_reported() {
    let policy = Policy::from_toml(
        r#"
        mode = "enforce"
        [[rule]]
        name = "sandbox"
        only = { environment = "sandbox" }
        expected_cost = "0.001"
        graduate = { tasks_per_day = 2 }
        "#,
    );
    let (h, notices) = under_policy(policy.unwrap()).await;
    for _ in 0..3 {
        let task = h.outlay.task("t").environment("sandbox").workflow("w").start();
        task.run(ask(&h, HAIKU)).await.unwrap();
        task.finish(Outcome::success());
    }
    let cost = Usd::from_picos(1_000 * 1_100_000 + 100 * 5_500_000);
    let over_expected = Violation::Cost { cost, expected: Usd::from_micros(1_000) };
    let violations: Vec<_> = violations(&notices).into_iter().map(|(_, violation)| violation).collect();
    let cost = Usd::from_picos(cost.picos() * 3);
    let graduated = Violation::Graduation { workflow: "w".into(), tasks: 3, cost, principal: None };
    assert_eq!(violations, [over_expected.clone(), over_expected.clone(), over_expected, graduated]);
}

#[tokio::test]
async fn a_changed_file_takes_effect_and_an_invalid_one_does_not() {
    let file = TempFile::new("[[stop]]\nonly = { workflow = \"w\" }\nreason = \"the file says so\"\n");
    let (h, _) = under_policy(Policy::from_path(&file.0).unwrap()).await;
    h.outlay.stop(StopTarget::dimension("team", "a"), "by hand");
    let stopped = async |workflow: &str| {
        let task = h.outlay.task("t").workflow(workflow).start();
        let error = task.run(converse(&h.client, HAIKU).send()).await.err()?;
        outlay::stopped(&error).map(|refusal| refusal.reason().to_owned())
    };
    assert_eq!(stopped("w").await.as_deref(), Some("the file says so"));

    file.write("[[stop]]\nonly = { workflow = \"w\" }\nreson = \"typo\"\n");
    let error = h.outlay.reload_policy().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:3: unknown field `reson`", file.0.display())), "{error}");
    assert_eq!(stopped("w").await.as_deref(), Some("the file says so"), "the previous policy stays in force");

    // An empty file may be about to be written.
    file.write("# later\n");
    let error = h.outlay.reload_policy().unwrap_err().to_string();
    assert!(error.contains("the policy has no entries"), "{error}");
    assert_eq!(stopped("w").await.as_deref(), Some("the file says so"), "the previous policy stays in force");

    // The file is reloaded without a call to `reload_policy`.
    file.write("[[stop]]\nonly = { workflow = \"v\" }\nreason = \"another\"\n[[budget]]\nname = \"b\"\ncalls = 0\nmode = \"enforce\"\n");
    let started = Instant::now();
    while stopped("v").await.as_deref() != Some("another") {
        assert!(started.elapsed() < Duration::from_secs(20), "the file was not reloaded");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(stopped("w").await, None, "now a budget refuses the call");
    let error = h.outlay.task("t").start().run(converse(&h.client, HAIKU).send()).await.unwrap_err();
    assert_eq!(outlay::budget_exceeded(&error).unwrap().scope(), "b");
    let by_hand = h.outlay.task("t").team("a").start();
    let error = by_hand.run(converse(&h.client, HAIKU).send()).await.unwrap_err();
    assert_eq!(outlay::stopped(&error).unwrap().reason(), "by hand", "a stop by the code stays in force");

    std::fs::remove_file(&file.0).unwrap();
    assert!(h.outlay.reload_policy().is_err());
    assert_eq!(stopped("v").await.as_deref(), Some("another"), "a missing file removes nothing");
}
