//! Outcomes that another process sets, by a token.

use std::time::Duration;

use outlay::outcome::{OutcomeKey, OutcomeTokenError};
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, ManualClock, MetricPoint};

const KEY: &str = "sixteen or more bytes";

/// Returns the series of a metric, each as its labels and its value.
fn series(metrics: &[MetricPoint], name: &str) -> Vec<String> {
    let label = |point: &MetricPoint, key: &str| point.attribute(key).unwrap_or("-").to_owned();
    let text = |point: &MetricPoint| {
        let labels = ["outlay.task.name", "outlay.team", "outlay.outcome.kind", "outlay.outcome.from"];
        format!("{} {}", labels.map(|key| label(point, key)).join(" "), point.value)
    };
    let mut all: Vec<_> = metrics.iter().filter(|point| point.name == name && point.value != 0.0).map(text).collect();
    all.sort();
    all
}

async fn with_key(key: &str) -> Harness {
    let key = OutcomeKey::new(key).unwrap();
    Harness::with(|builder| builder.outcome_key(key)).await
}

#[tokio::test]
async fn another_process_sets_the_outcome_and_links_its_span_to_the_task() {
    let (one, other) = (with_key(KEY).await, with_key(KEY).await);
    let task = one.outlay.task("resolve-ticket").team("support").owner("ana").dimension("tenant", "acme").start();
    task.run(one.ask(HAIKU, 1_000, 100)).await;
    let success = Outcome::success().value(Usd::from_dollars(2));
    task.finish(success);
    let token = task.outcome_token().with_dimensions().with_cost().to_string();
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{token}");

    for outcome in [Outcome::failure(), Outcome::failure(), Outcome::success().value(Usd::from_dollars(3))] {
        other.outlay.record_outcome(&token, outcome).unwrap();
    }
    let (here, there) = (one.spans(), other.spans());
    let root = here.one("invoke_workflow resolve-ticket");
    let spans = there.named("outcome resolve-ticket");
    assert_eq!(spans.len(), 2, "a repeated outcome adds no span");
    let first = spans[0];
    assert_eq!(first.text("outlay.task.id"), root.text("outlay.task.id"));
    assert_eq!(
        (first.text("outlay.outcome.kind"), first.text("outlay.outcome.from")),
        (Some("failure"), Some("success"))
    );
    let dimensions = ["outlay.team", "outlay.owner", "outlay.dim.tenant"].map(|key| first.text(key).unwrap());
    assert_eq!(dimensions, ["support", "ana", "acme"]);
    assert_eq!(first.int("outlay.total.picousd"), Some(1_650_000_000));
    assert_eq!((first.double("outlay.total.usd"), first.text("outlay.total.status")), (Some(0.001_65), Some("exact")));
    let link = &first.data().links.iter().next().unwrap().span_context;
    assert_eq!((link.trace_id(), link.span_id()), (root.data().span_context.trace_id(), root.id()));

    let metrics = other.metrics();
    assert_eq!(series(&metrics, "outlay.tasks"), Vec::<String>::new(), "only the first process counts the task");
    assert_eq!(
        series(&metrics, "outlay.outcomes.revised"),
        ["resolve-ticket support failure success 1", "resolve-ticket support success failure 1"]
    );
    assert_eq!(series(&metrics, "outlay.outcome.value"), ["resolve-ticket support success - 3"]);
    assert_eq!(series(&metrics, "outlay.outcome.withdrawn_value"), ["resolve-ticket support success - 2"]);
}

#[tokio::test]
async fn a_token_has_no_dimensions_and_no_cost_unless_asked() {
    let (one, other) = (Harness::new().await, Harness::new().await);
    let task = one.outlay.task("t").team("support").start();
    task.charge("serp-api", Usd::from_cents(1));
    let token = task.outcome_token().to_string();
    other.outlay.record_outcome(&token, Outcome::success()).unwrap();
    let spans = other.spans();
    let outcome = spans.one("outcome t");
    assert!(!outcome.has("outlay.team") && !outcome.has("outlay.total.usd") && !outcome.has("outlay.total.status"));
    // The task was open, and the outcome that it would have was not known.
    assert_eq!(series(&other.metrics(), "outlay.outcomes.revised"), ["t - success unknown 1"]);
    assert_eq!(outcome.text("outlay.outcome.from"), Some("unknown"));
}

#[tokio::test]
async fn the_process_of_the_task_uses_what_it_knows_itself() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").team("support").start();
    let token = task.run_sync(|| outlay::current_task().unwrap().outcome_token().to_string());
    // While the task is open, its own span has the outcome.
    h.outlay.record_outcome(&token, Outcome::failure()).unwrap();
    drop(task);
    assert_eq!(h.spans().one("invoke_workflow t").text("outlay.outcome.kind"), Some("failure"));
    assert!(h.spans().named("outcome t").is_empty());
    h.outlay.record_outcome(&token, Outcome::success()).unwrap();
    assert_eq!(series(&h.metrics(), "outlay.outcomes.revised"), ["t support success failure 1"]);
}

#[tokio::test]
async fn an_expected_outcome_is_the_one_that_is_replaced() {
    let (one, other) = (Harness::new().await, Harness::new().await);
    let task = one.outlay.task("t").start();
    let token = task.outcome_token().with_outcome(Outcome::success()).to_string();
    task.finish(Outcome::success());
    other.outlay.record_outcome(&token, Outcome::success()).unwrap();
    assert_eq!(series(&other.metrics(), "outlay.outcomes.revised"), Vec::<String>::new(), "nothing has changed");
    other.outlay.record_outcome(&token, Outcome::failure()).unwrap();
    assert_eq!(series(&other.metrics(), "outlay.outcomes.revised"), ["t - failure success 1"]);
}

#[tokio::test]
async fn concurrent_redemptions_count_once() {
    let (one, other) = (Harness::new().await, Harness::new().await);
    let token = one.outlay.task("t").start().outcome_token().to_string();
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| other.outlay.record_outcome(&token, Outcome::success()).unwrap());
        }
    });
    assert_eq!(series(&other.metrics(), "outlay.outcomes.revised"), ["t - success unknown 1"]);
}

#[tokio::test]
async fn an_unsigned_changed_or_foreign_token_is_refused_where_a_key_is_set() {
    let (signing, unsigned, other_key) =
        (with_key(KEY).await, Harness::new().await, with_key("another long key").await);
    let token = |h: &Harness| h.outlay.task("t").start().outcome_token().to_string();
    let redeem = |h: &Harness, token: &str| h.outlay.record_outcome(token, Outcome::success()).unwrap_err();
    assert_eq!(redeem(&signing, &token(&unsigned)), OutcomeTokenError::Unsigned);
    assert_eq!(redeem(&unsigned, &token(&signing)), OutcomeTokenError::NoKey);
    assert_eq!(redeem(&other_key, &token(&signing)), OutcomeTokenError::BadSignature);
    let (mine, yours) = (token(&signing), token(&signing));
    let (payload, signature) = (mine.rsplit_once('.').unwrap().0, yours.rsplit_once('.').unwrap().1);
    for signature in [signature, "", "!", &signature[..20]] {
        assert_eq!(redeem(&signing, &format!("{payload}.{signature}")), OutcomeTokenError::BadSignature, "{signature}");
    }
    assert!(signing.spans().named("outcome t").is_empty());
    assert_eq!(
        OutcomeKey::new("too short").unwrap_err().to_string(),
        "the key for outcome tokens has 9 bytes: use at least 16 random bytes"
    );
    assert_eq!(format!("{:?}", OutcomeKey::new(KEY).unwrap()), "OutcomeKey(..)", "the key is not logged");
}

#[tokio::test]
async fn a_token_expires() {
    let clock = ManualClock::at_noon();
    for (lifetime, days) in [(None, 30), (Some(Duration::from_hours(24)), 1)] {
        let (set_clock, token_clock) = (clock.clone(), clock.clone());
        let one = Harness::with(|builder| match lifetime {
            Some(lifetime) => builder.clock(set_clock).outcome_lifetime(lifetime),
            None => builder.clock(set_clock),
        });
        let token = one.await.outlay.task("t").start().outcome_token().to_string();
        let other = Harness::with(|builder| builder.clock(token_clock)).await;
        clock.advance(days * 86_400 - 1);
        assert_eq!(other.outlay.record_outcome(&token, Outcome::success()), Ok(()));
        clock.advance(1);
        assert_eq!(other.outlay.record_outcome(&token, Outcome::success()), Err(OutcomeTokenError::Expired));
    }
}

#[tokio::test]
async fn what_is_not_a_token_is_an_error_that_says_why() {
    use base64::Engine as _;
    let h = Harness::new().await;
    let of_json = |json: &str| format!("outlay1.{}", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(json));
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let valid = |rest: &str| of_json(&format!(r#"{{"i":"{id}","t":"{id}","n":"t","x":99999999999{rest}}}"#));
    for (text, expected) in [
        (String::new(), "expected `outlay1.`"),
        ("outlay1".to_owned(), "expected `outlay1.`"),
        ("outlay2.e30".to_owned(), "expected `outlay1.`"),
        ("outlay1.e30.e30.e30".to_owned(), "expected `outlay1.`"),
        ("outlay1.***".to_owned(), "not base64url"),
        ("outlay1.".to_owned(), "EOF"),
        (of_json("{}"), "missing field `i`"),
        (of_json(&"[".repeat(40_000)), "invalid type: sequence"),
        (of_json(&format!(r#"{{"i":"{id}","t":"x","n":"t","x":1}}"#)), "invalid task id"),
        (valid(r#","o":{"kind":"great"}"#), "the kind of the outcome is not known"),
        (valid(r#","o":{"kind":"success","picousd":"1e9"}"#), "an amount is invalid"),
        (valid(r#","o":{"kind":"success","picousd":"1000000000000000000001"}"#), "an amount is invalid"),
        (valid(r#","c":{"status":"certain"}"#), "the status of the cost is not known"),
        ("x".repeat(100_000), "100000 bytes, and the maximum is 65536"),
    ] {
        let error = h.outlay.record_outcome(&text, Outcome::success()).unwrap_err().to_string();
        assert!(error.starts_with("not an outcome token: ") && error.contains(expected), "{error}");
    }
    // Unknown members are ignored, and an invalid span is left out.
    let later = valid(r#","future":[1],"s":"garbage","d":{"team":"a\u0000b","dim.te nant":"x","unknown":"y"}"#);
    h.outlay.record_outcome(&format!(" {later}\n"), Outcome::success()).unwrap();
    let spans = h.spans();
    let outcome = spans.one("outcome t");
    assert_eq!((outcome.text("outlay.team"), outcome.text("outlay.dim.te_nant")), (Some("ab"), Some("x")));
    assert!(!outcome.has("outlay.unknown") && outcome.data().links.is_empty());
}

#[tokio::test]
async fn the_largest_token_can_be_redeemed() {
    let (one, other) = (with_key(KEY).await, with_key(KEY).await);
    let value = "\u{1f600}".repeat(300);
    let mut task = one.outlay.task(&value).team(&value).product(&value).cost_center(&value).environment(&value);
    task = task.customer_segment(&value).workflow(&value).owner(&value);
    for key in 0..40 {
        task = task.dimension(&format!("{key}{}", "k".repeat(80)), &value);
    }
    let token = task.start().outcome_token().with_dimensions().with_cost().to_string();
    other.outlay.record_outcome(&token, Outcome::success()).unwrap();
    assert_eq!(other.spans().iter().next().unwrap().text("outlay.workflow").unwrap().chars().count(), 256);
}
