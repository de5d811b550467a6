//! What applications write to logs and answers: totals, reports, open tasks, refusals and alerts as JSON.

use std::sync::{Arc, Mutex};

use bedrock_sim::{Reply, Tokens};
use outlay::alert::Notice;
use outlay::budget::{BudgetRule, Period};
use outlay::{Budget, Outcome, TaskId, Usd};
use outlay_tests::{HAIKU, Harness, converse, haiku};
use serde_json::{Value, json};

fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[tokio::test]
async fn totals_have_decimal_text_for_money_and_null_for_the_unknown() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(1_000, 100).cache_read(20)));
    task.run(outlay::plan("read").run(haiku(&h.client).send())).await.unwrap();
    task.run(h.ask("acme.unknown-v1:0", 10, 5)).await;
    let totals = to_json(&task.totals());
    assert_eq!((&totals["usd"], &totals["status"]), (&json!("0.0016522"), &json!("unpriced")));
    assert_eq!((&totals["calls"], &totals["unpriced_calls"]), (&json!(2), &json!(1)));
    assert_eq!((&totals["input_tokens"], &totals["cache_read_tokens"]), (&json!(1_030), &json!(20)));
    assert_eq!(totals["by_direction"]["output"], json!("0.00055"));
    assert_eq!(totals["by_kind"][0], json!({"kind": "plan", "usd": "0.0016522", "calls": 1}));
    let unknown = &totals["by_model"][1];
    assert_eq!((&unknown["model"], &unknown["usd"]), (&json!("acme.unknown-v1:0"), &Value::Null));

    let unpriced = h.outlay.task("u").start();
    unpriced.run(h.ask("acme.unknown-v1:0", 10, 5)).await;
    assert_eq!(to_json(&unpriced.totals())["usd"], Value::Null, "unknown is never zero");
}

#[tokio::test]
async fn a_report_lists_its_records_in_the_order_of_the_tree() {
    let h = Harness::new().await;
    let task = h.outlay.task("resolve-ticket").team("support").dimension("tenant", "acme").start();
    let work = outlay::agent("triage").run(async {
        outlay::tool("search").run(async { outlay::charge("serp-api", Usd::from_cents(1)) }).await;
        let _ = outlay::step("act", "draft").try_run(async { Err::<(), _>(std::io::Error::other("no")) }).await;
    });
    task.run(work).await;
    task.run(h.ask(HAIKU, 1_000, 100)).await;
    let report = task.finish(Outcome::success().value(Usd::from_dollars(2)));
    let json = to_json(&report);
    assert_eq!(json["task_id"], json!(task.id().to_string()));
    assert_eq!(
        (&json["task"], &json["outcome"], &json["value_usd"]),
        (&json!("resolve-ticket"), &json!("success"), &json!("2"))
    );
    assert_eq!(json["dimensions"], json!({"team": "support", "tenant": "acme"}));
    assert_eq!(json["totals"]["usd"], json!("0.01165"));
    assert!(json["started"].as_str().unwrap().ends_with('Z'), "{json}");
    let records: Vec<_> = json["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| format!("{} {} {} {}", record["depth"], record["kind"], record["name"], record["usd"]))
        .collect();
    assert_eq!(
        records,
        [
            r#"0 "agent" "triage" "0.01""#,
            r#"1 "tool" "search" "0.01""#,
            r#"2 "charge" "serp-api" "0.01""#,
            r#"1 "act" "draft" "0""#,
            &format!(r#"0 "call" "{HAIKU}" "0.00165""#),
        ]
    );
    assert_eq!(json["records"][3]["failure"], json!("returned an error"));
}

#[tokio::test]
async fn refusals_open_tasks_and_alerts_are_objects() {
    let notices = Arc::new(Mutex::new(Vec::new()));
    let seen = notices.clone();
    let rule = BudgetRule::new("teams", Budget::calls(0)).per("team").every(Period::Day);
    let h = Harness::with(|builder| {
        let on_alert = move |notice: &Notice| seen.lock().unwrap().push(to_json(notice));
        builder.budget_rule(rule).on_alert(on_alert)
    })
    .await;
    let task = h.outlay.task("t").team("support").start();
    let error = task.run(converse(&h.client, HAIKU).send()).await.unwrap_err();
    let refused = to_json(outlay::budget_exceeded(&error).unwrap());
    assert_eq!((&refused["rule"], &refused["key"]), (&json!("teams"), &json!({"team": "support"})));
    assert_eq!((&refused["limit"], &refused["reason"]), (&json!({"calls": 0}), &json!("over_limit")));
    assert!(refused["resets_at"].as_str().unwrap().ends_with("T00:00:00Z"), "{refused}");
    let notice = &notices.lock().unwrap()[0];
    assert_eq!((&notice["kind"], &notice["task"]), (&json!("refused"), &json!("t")));
    assert_eq!(notice["refusal"], refused);
    let open = &to_json(&h.outlay.open_tasks())[0];
    assert_eq!((&open["name"], &open["dimensions"]), (&json!("t"), &json!({"team": "support"})));
    assert_eq!(open["totals"]["refusals"], json!(1));
    assert!(open["age_seconds"].is_f64() && open["stopped"].is_null());

    let id: TaskId = serde_json::from_value(open["id"].clone()).unwrap();
    assert_eq!(id, task.id());
    assert!(serde_json::from_value::<TaskId>(json!("x")).unwrap_err().to_string().contains("expected a UUID"));
}
