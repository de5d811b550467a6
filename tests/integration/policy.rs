//! A policy: what is allowed to whom, from a file that may change while the application runs.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use aws_sdk_bedrockruntime::types::{GuardrailContentBlock, GuardrailContentSource, GuardrailTextBlock};
use bedrock_sim::{Reply, Tokens};
use outlay::{AlertKind, Notice, Outcome, Outlay, Policy, PolicyRule, StopTarget, Usd, Violation};
use outlay_tests::{HAIKU, Harness, converse};
use serde_json::json;

type Told = Arc<Mutex<Vec<Notice>>>;

async fn under(policy: Policy) -> (Harness, Told) {
    let told = Told::default();
    let notices = told.clone();
    let tell = move |notice: &Notice| notices.lock().unwrap().push(notice.clone());
    let h = Harness::with(|builder| builder.policy(policy).on_alert(tell)).await;
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(1_000, 100)));
    (h, told)
}

/// The violations that were told, by rule.
fn violations(told: &Told) -> Vec<(String, Violation)> {
    let told = told.lock().unwrap();
    let violations = told.iter().filter_map(|notice| match &notice.kind {
        AlertKind::Violation(why) => Some((why.rule().to_owned(), why.violation().clone())),
        _ => None,
    });
    violations.collect()
}

/// A call, or the text of the policy's refusal.
async fn ask(h: &Harness, model: &str) -> Result<(), String> {
    match converse(&h.client, model).send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(outlay::policy_violation(&error).expect("only the policy refuses here").to_string()),
    }
}

/// A file of its own, which goes when it is dropped.
struct File(PathBuf);

impl File {
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

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_task_that_lacks_a_dimension_is_marked_and_refused_where_that_is_enforced() {
    let policy = Policy::from_toml(
        r#"
        [[rule]]
        name = "production"
        only = { environment = "production" }
        require = ["team", "tenant"]
        mode = "enforce"

        [[rule]]
        name = "everybody"
        require = ["workflow"]
        "#,
    );
    let (h, told) = under(policy.unwrap()).await;
    let nobody = h.outlay.task("t").environment("production").team("a").start();
    let missing = |keys: &[&str]| Violation::MissingDimensions(keys.iter().map(|key| (*key).into()).collect());
    let expected = [("production".to_owned(), missing(&["tenant"])), ("everybody".to_owned(), missing(&["workflow"]))];
    assert_eq!(violations(&told), expected, "before any call");
    let refused = nobody.run(ask(&h, HAIKU)).await.unwrap_err();
    assert_eq!(refused, "t violates the policy's rule `production`: the task sets no tenant");
    assert!(h.sim.requests().is_empty());
    let sandbox = h.outlay.task("t").environment("sandbox").start();
    sandbox.run(ask(&h, HAIKU)).await.unwrap();
    let whole =
        h.outlay.task("t").environment("production").team("a").dimension("tenant", "acme").workflow("w").start();
    whole.run(ask(&h, HAIKU)).await.unwrap();
    // A task inside another one has what that says.
    whole.run(async { h.outlay.task("inner").start().run(ask(&h, HAIKU)).await }).await.unwrap();
    ask(&h, HAIKU).await.unwrap();
    assert_eq!(violations(&told).len(), 3, "{told:?}");
    let report = nobody.finish(Outcome::failure()).to_string();
    assert!(report.contains("policy        production: the task sets no tenant   1 call refused"), "{report}");
    for task in [sandbox, whole] {
        task.finish(Outcome::success());
    }
    let spans = h.spans();
    spans.assert_conserved();
    let refused = spans.named(&format!("chat {HAIKU}")).into_iter().find(|span| span.text("error.type").is_some());
    assert_eq!(refused.unwrap().text("error.type"), Some("policy_violation"));
    let metrics = h.metrics();
    let counted = |rule: &str| {
        let of_rule = |point: &&outlay_tests::MetricPoint| point.attribute("outlay.policy.rule") == Some(rule);
        metrics.iter().filter(|p| p.name == "outlay.policy.violations").find(of_rule).map(|point| point.value)
    };
    assert_eq!((counted("production"), counted("everybody")), (Some(1.0), Some(2.0)));
}

#[tokio::test]
async fn a_model_that_is_not_allowed_is_told_and_refused_where_that_is_enforced() {
    let text = |mode: &str| {
        format!(
            "mode = \"{mode}\"\n[[rule]]\nname = \"models\"\n[[rule.allow]]\nmodels = [\"anthropic.claude-haiku-4-5*\"]\n\
             owner = \"ana\"\nreason = \"enough\"\nreview = 2099-01-01\n"
        )
    };
    for (mode, refuses) in [("observe", false), ("enforce", true)] {
        let (h, told) = under(Policy::from_toml(&text(mode)).unwrap()).await;
        let task = h.outlay.task("t").start();
        task.run(ask(&h, HAIKU)).await.unwrap();
        assert!(violations(&told).is_empty());
        let other = task.run(ask(&h, "us.amazon.nova-lite-v1:0")).await;
        assert_eq!(other.is_err(), refuses, "{other:?}");
        assert_eq!(h.sim.requests().len(), if refuses { 1 } else { 2 });
        assert_eq!(violations(&told), [("models".to_owned(), Violation::Model("us.amazon.nova-lite-v1:0".into()))]);
    }
}

#[tokio::test]
async fn a_guardrail_is_no_model_that_could_be_forbidden() {
    let policy = Policy::new().rule(PolicyRule::new("models").allow_model("anthropic.*").enforce());
    let (h, told) = under(policy).await;
    h.sim.push(Reply::json(json!({"usage": {}, "action": "NONE", "outputs": [], "assessments": []})));
    let text = GuardrailTextBlock::builder().text("hello").build().unwrap();
    let call = h.client.apply_guardrail().guardrail_identifier("gr-1").guardrail_version("1");
    let call = call.source(GuardrailContentSource::Input).content(GuardrailContentBlock::Text(text));
    h.outlay.task("t").start().run(call.send()).await.unwrap();
    assert!(violations(&told).is_empty());
}

#[tokio::test]
async fn an_alert_finds_its_task_and_a_panic_in_it_reaches_nobody() {
    let outlay = Arc::new(OnceLock::<Outlay>::new());
    let own = outlay.clone();
    let policy = Policy::new().rule(PolicyRule::new("everybody").require("my team"));
    let tell = move |notice: &Notice| {
        assert!(own.get().unwrap().stop(notice.task_id, "says no team"), "the task can be found");
        panic!("on purpose");
    };
    let h = Harness::with(|builder| builder.policy(policy).on_alert(tell)).await;
    outlay.set(h.outlay.clone()).unwrap();
    let task = h.outlay.task("t").start();
    let error = task.run(converse(&h.client, HAIKU).send()).await.unwrap_err();
    assert_eq!(outlay::stopped(&error).unwrap().reason(), "says no team");
    task.finish(Outcome::failure());
    assert!(h.outlay.open_tasks().is_empty());
    h.spans().assert_conserved();
    // The key as the task has it.
    let said = h.outlay.task("t").dimension("my team", "a").start();
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(1, 1)));
    said.run(converse(&h.client, HAIKU).send()).await.unwrap();
}

#[tokio::test]
async fn a_task_that_is_dearer_than_expected_and_a_sandbox_that_has_grown_up_are_told() {
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
    let (h, told) = under(policy.unwrap()).await;
    for _ in 0..3 {
        let task = h.outlay.task("t").environment("sandbox").workflow("w").start();
        task.run(ask(&h, HAIKU)).await.unwrap();
        task.finish(Outcome::success());
    }
    let cost = Usd::from_picos(1_000 * 1_100_000 + 100 * 5_500_000);
    let dear = Violation::Cost { cost, expected: Usd::from_micros(1_000) };
    let told: Vec<_> = violations(&told).into_iter().map(|(_, violation)| violation).collect();
    let cost = Usd::from_picos(cost.picos() * 3);
    let grown = Violation::Graduation { workflow: "w".into(), tasks: 3, cost, principal: None };
    assert_eq!(told, [dear.clone(), dear.clone(), dear, grown]);
}

#[tokio::test]
async fn a_file_that_changes_is_in_force_and_one_that_is_broken_is_not() {
    let file = File::new("[[stop]]\nonly = { workflow = \"w\" }\nreason = \"the file says so\"\n");
    let (h, _) = under(Policy::from_path(&file.0).unwrap()).await;
    h.outlay.stop(StopTarget::dimension("team", "a"), "by hand");
    let stopped = async |workflow: &str| {
        let task = h.outlay.task("t").workflow(workflow).start();
        let error = task.run(converse(&h.client, HAIKU).send()).await.err()?;
        outlay::stopped(&error).map(|why| why.reason().to_owned())
    };
    assert_eq!(stopped("w").await.as_deref(), Some("the file says so"));

    file.write("[[stop]]\nonly = { workflow = \"w\" }\nreson = \"typo\"\n");
    let error = h.outlay.reload_policy().unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:3: unknown field `reson`", file.0.display())), "{error}");
    assert_eq!(stopped("w").await.as_deref(), Some("the file says so"), "the one before stays");

    // One that was emptied may be about to be written.
    file.write("# later\n");
    let error = h.outlay.reload_policy().unwrap_err().to_string();
    assert!(error.contains("the policy has no entries"), "{error}");
    assert_eq!(stopped("w").await.as_deref(), Some("the file says so"), "the one before stays");

    // By itself, without a word from us.
    file.write("[[stop]]\nonly = { workflow = \"v\" }\nreason = \"another\"\n[[budget]]\nname = \"b\"\ncalls = 0\nmode = \"enforce\"\n");
    let begun = Instant::now();
    while stopped("v").await.as_deref() != Some("another") {
        assert!(begun.elapsed() < Duration::from_secs(20), "the file is looked at again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(stopped("w").await, None, "it is a budget that refuses it now");
    let error = h.outlay.task("t").start().run(converse(&h.client, HAIKU).send()).await.unwrap_err();
    assert_eq!(outlay::budget_exceeded(&error).unwrap().scope(), "b");
    let by_hand = h.outlay.task("t").team("a").start();
    let error = by_hand.run(converse(&h.client, HAIKU).send()).await.unwrap_err();
    assert_eq!(outlay::stopped(&error).unwrap().reason(), "by hand", "what the code has stopped stays");

    std::fs::remove_file(&file.0).unwrap();
    assert!(h.outlay.reload_policy().is_err());
    assert_eq!(stopped("v").await.as_deref(), Some("another"), "a file that is gone takes nothing back");
}
