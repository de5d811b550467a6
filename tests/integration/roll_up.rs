//! The total of a task's calls and charges, on its span and in its totals.

use bedrock_sim::{Reply, Tokens};
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, SONNET, converse};

#[tokio::test]
async fn the_span_of_a_task_has_the_total_of_its_agents_steps_and_charges() {
    let h = Harness::new().await;
    let task = h.outlay.task("resolve-ticket").team("support").environment("production").start();
    task.run(async {
        outlay::agent("triage")
            .run(async {
                outlay::plan("read the ticket").run(h.ask(SONNET, 1_000, 100)).await;
                outlay::tool("search_kb")
                    .run(async {
                        h.ask(HAIKU, 2_000, 50).await;
                        outlay::charge("serp-api", Usd::from_micros(5_000));
                    })
                    .await;
            })
            .await;
    })
    .await;
    let live = task.totals();
    let report = task.finish(Outcome::success());
    // 1,000 x 3.30 + 100 x 16.50 and 2,000 x 1.10 + 50 x 5.50, in dollars per million tokens, plus half a cent.
    let expected = Usd::from_micros(3_300 + 1_650 + 2_200 + 275 + 5_000);
    assert_eq!(live.cost().usd(), Some(expected));
    assert_eq!(report.totals().cost().usd(), Some(expected));

    let spans = h.spans();
    spans.assert_conserved();
    let root = spans.one("invoke_workflow resolve-ticket");
    assert_eq!(root.int("outlay.total.picousd"), Some(12_425_000_000));
    assert_eq!(root.text("outlay.total.status"), Some("exact"));
    assert_eq!(root.int("outlay.total.calls"), Some(2));
    assert_eq!(root.text("outlay.team"), Some("support"));
    assert_eq!(root.text("outlay.outcome.kind"), Some("success"));
    assert_eq!(root.double("outlay.total.kind.plan.usd"), Some(0.00495));
    assert_eq!(root.double("outlay.total.kind.tool.usd"), Some(0.007475));
    let names: Vec<_> = spans.below(root).iter().map(|s| s.name().to_owned()).collect();
    assert_eq!(
        names,
        [
            "invoke_agent triage".to_owned(),
            "plan read the ticket".to_owned(),
            "execute_tool search_kb".to_owned(),
            format!("chat {SONNET}"),
            format!("chat {HAIKU}"),
            "charge serp-api".to_owned(),
        ]
    );
}

#[tokio::test]
async fn cache_reads_and_writes_are_priced_by_lifetime_and_counted_as_input() {
    let h = Harness::new().await;
    let task = h.outlay.task("t").start();
    let usage = Tokens::new(1_000, 500).cache_read(20_000).cache_write_5m(1_000).cache_write_1h(3_000);
    h.sim.push(Reply::message().text("ok").usage(usage));
    task.run(converse(&h.client, SONNET).send()).await.unwrap();
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().to_string(), "$0.042075 exact");
    let spans = h.spans();
    let call = spans.one(&format!("chat {SONNET}"));
    assert_eq!(call.int("gen_ai.usage.input_tokens"), Some(25_000));
    assert_eq!(call.int("gen_ai.usage.cache_read.input_tokens"), Some(20_000));
    assert_eq!(call.int("gen_ai.usage.cache_creation.input_tokens"), Some(4_000));
}
