//! A third-party agent framework: unmodified rig with a metered client.

use std::time::Duration;

use aws_sdk_bedrockruntime::Client;
use bedrock_sim::{Match, Reply, Tokens};
use futures_util::StreamExt as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::trace::SpanExporter as _;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Independent, SONNET, Spans, converse};
use rig_agent::prelude::*;
use rig_agent::tool::ToolContext;
use rig_bedrock::client::BedrockRuntime;
use serde_json::json;
use tracing::instrument::WithSubscriber as _;

use super::otlp_wire::{read_spans, wait_for};

/// The span filter of an application that uses rig. It drops the spans that rig creates for each call, because they have
/// the same tokens under the same names.
const FILTER: &str = "info,rig=off";

const PROMPT: &str = "How large may an export be?";

/// A tool that makes a model call.
struct LookUp(Client);

#[derive(serde::Deserialize)]
struct Query {
    query: String,
}

#[derive(Debug)]
struct LookUpError;

impl std::fmt::Display for LookUpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing was found")
    }
}

impl std::error::Error for LookUpError {}

impl Tool for LookUp {
    const NAME: &'static str = "look_up";
    type Error = LookUpError;
    type Args = Query;
    type Output = String;

    fn description(&self) -> String {
        "Looks something up.".to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        json!({"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]})
    }

    async fn call(&self, _: &mut ToolContext, query: Query) -> Result<String, LookUpError> {
        let name = format!("look_up {}", query.query);
        let looked_up = outlay::tool(&name).try_run(converse(&self.0, HAIKU).send()).await;
        looked_up.map(|_| "10,000 rows".to_owned()).map_err(|_| LookUpError)
    }
}

fn agent(h: &Harness) -> Agent {
    AgentBuilder::new(BedrockRuntime::from(h.client.clone()).completion(SONNET))
        .max_tokens(256)
        .tool(LookUp(h.client.clone()))
        .build()
}

/// Queues a turn that requests two tools at once, the calls of both tools, and the answer.
fn queue_replies(h: &Harness) {
    h.sim
        .when(Match::model("sonnet"))
        .push(
            Reply::message()
                .tool_use("t1", "look_up", json!({"query": "one"}))
                .tool_use("t2", "look_up", json!({"query": "two"}))
                .usage(Tokens::new(1_000, 100).cache_read(500)),
        )
        .push(Reply::message().text("10,000 rows").usage(Tokens::new(2_000, 50)));
    h.sim.when(Match::model("haiku")).push_times(2, Reply::message().text("ok").usage(Tokens::new(300, 20)));
}

/// Returns the sum of a token attribute over all spans, including those of rig.
fn tokens(spans: &Spans, name: &str) -> u64 {
    let texts = spans.iter().filter_map(|span| span.value(name)).map(ToString::to_string);
    texts.map(|text| text.parse::<u64>().expect("a number")).sum()
}

async fn run(h: &Harness, filter: &str) -> Spans {
    queue_replies(h);
    let task = h.outlay.task("ask-rig").team("support").start();
    let answer = task
        .try_run(outlay::agent("assistant").try_run(async { agent(h).prompt(PROMPT).max_turns(4).await }))
        .with_subscriber(h.subscriber(filter))
        .await;
    assert_eq!(answer.expect("the simulator answers").output(), "10,000 rows");
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().calls(), 4);
    assert_eq!(report.totals().usage().input_tokens(), 4_100);
    assert_eq!(h.outlay.unattributed().calls(), 0);
    h.spans()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_token_of_a_rig_agent_is_exported_once() {
    let Some(rotel) = Independent::start("rotel.sh", &["ROTEL_GRPC", "ROTEL_LOG"]) else { return };
    let h = Harness::new().await;
    let spans = run(&h, FILTER).await;
    let otlp = SpanExporter::builder().with_tonic().with_endpoint(rotel.value("ROTEL_GRPC")).build().unwrap();
    otlp.export(spans.iter().map(|span| span.data().clone()).collect()).await.unwrap();
    let log = wait_for(rotel.value("ROTEL_LOG"), &["invoke_workflow ask-rig"]).await;
    let decoded = read_spans(&log);
    assert_eq!(decoded.len(), spans.len());
    let sum = |key: &str| -> i64 {
        decoded.iter().filter_map(|span| span.attributes.get(key)).map(|(_, n)| n.parse::<i64>().unwrap()).sum()
    };
    assert_eq!(sum("gen_ai.usage.input_tokens"), 1_500 + 2_000 + 300 + 300);
    assert_eq!(sum("gen_ai.usage.output_tokens"), 100 + 50 + 20 + 20);
}

#[tokio::test]
async fn calls_and_tools_of_a_rig_agent_are_in_the_tree_and_each_token_counts_once() {
    let h = Harness::new().await;
    let spans = run(&h, FILTER).await;
    spans.assert_conserved();
    assert_eq!(tokens(&spans, "gen_ai.usage.input_tokens"), 1_500 + 2_000 + 300 + 300);
    assert_eq!(tokens(&spans, "gen_ai.usage.output_tokens"), 100 + 50 + 20 + 20);
    assert_eq!(tokens(&spans, "gen_ai.usage.cache_read.input_tokens"), 500);

    let root = spans.one("invoke_workflow ask-rig");
    // 3,000 x 3.30 + 500 x 0.33 + 150 x 16.50 and 600 x 1.10 + 40 x 5.50, in dollars per million tokens.
    assert_eq!(root.int("outlay.total.picousd"), Some(12_540_000_000 + 880_000_000));
    let agent = spans.one("invoke_agent assistant");
    let mut below: Vec<_> = spans.children(agent).iter().map(|span| span.name()).collect();
    below.sort_unstable();
    let chat = format!("chat {SONNET}");
    assert_eq!(below, [&chat, &chat, "execute_tool look_up one", "execute_tool look_up two"]);
    for tool in ["execute_tool look_up one", "execute_tool look_up two"] {
        let tool = spans.one(tool);
        assert_eq!(spans.children(tool)[0].name(), format!("chat {HAIKU}"));
        assert_eq!(tool.int("outlay.total.picousd"), Some(440_000_000));
    }
}

#[tokio::test]
async fn without_the_filter_the_spans_of_rig_count_its_tokens_again() {
    let h = Harness::new().await;
    let spans = run(&h, "info").await;
    assert_eq!(tokens(&spans, "gen_ai.usage.input_tokens"), 1_500 + 2_000 + 300 + 300 + 3_500);
}

#[tokio::test]
async fn a_run_created_outside_its_agent_counts_in_the_agent() {
    let h = Harness::new().await;
    queue_replies(&h);
    let agent = agent(&h);
    let task = h.outlay.task("ask-rig").start();
    let answer = async {
        // rig keeps the current span, which is the task's, and enters it at each poll.
        let prompt = agent.prompt(PROMPT).max_turns(4).run();
        outlay::agent("assistant").try_run(prompt).await
    };
    task.try_run(answer).with_subscriber(h.subscriber(FILTER)).await.expect("the simulator answers");
    task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(spans.one("invoke_agent assistant").int("outlay.total.calls"), Some(4));
}

#[tokio::test]
async fn a_streamed_rig_run_is_counted() {
    let h = Harness::new().await;
    queue_replies(&h);
    let agent = agent(&h);
    let task = h.outlay.task("ask-rig").start();
    let read = async {
        let mut items = agent.prompt(PROMPT).max_turns(4).stream();
        let mut read = 0;
        while let Some(item) = items.next().await {
            item.expect("the simulator answers");
            read += 1;
        }
        read
    };
    let read = task.run(outlay::agent("assistant").run(read)).with_subscriber(h.subscriber(FILTER)).await;
    assert!(read > 0);
    let report = task.finish(Outcome::success());
    assert_eq!(report.totals().cost().to_string(), "$0.013420 exact");
    let spans = h.spans();
    spans.assert_conserved();
    assert_eq!(tokens(&spans, "gen_ai.usage.input_tokens"), 4_100);
    assert_eq!(spans.one("invoke_agent assistant").int("outlay.total.calls"), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_tasks_are_each_charged_for_their_own_run() {
    let h = Harness::new().await;
    let runs = 24;
    let subscriber = tracing::Dispatch::new(h.subscriber(FILTER));
    h.sim.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(100, 10)).delay(Duration::from_millis(20)));
    let runs: Vec<_> = (0..runs)
        .map(|_| {
            // Each task has its own agent, because one task polls rig's shared state for all, in its own scope.
            let (task, agent) = (h.outlay.task("ask-rig").start(), agent(&h));
            let run = async move {
                let answer = async { agent.prompt(PROMPT).await };
                task.try_run(outlay::agent("assistant").try_run(answer)).await.expect("the simulator answers");
                task.finish(Outcome::success()).totals().calls()
            };
            tokio::spawn(run.with_subscriber(subscriber.clone()))
        })
        .collect();
    let mut calls = Vec::new();
    for run in runs {
        calls.push(run.await.expect("no panic"));
    }
    assert_eq!(calls, vec![1; calls.len()]);
}

#[tokio::test]
async fn a_budget_refusal_is_in_the_report_although_rig_replaces_the_error() {
    let h = Harness::new().await;
    let task = h.outlay.task("ask-rig").budget(Usd::from_micros(100)).start();
    let agent = agent(&h);
    let error = task
        .try_run(outlay::agent("assistant").try_run(async { agent.prompt(PROMPT).await }))
        .with_subscriber(h.subscriber(FILTER))
        .await
        .expect_err("the budget refuses the call");
    assert!(outlay::budget_exceeded(&error).is_none(), "rig now keeps the source of the error: {error:?}");
    assert!(h.sim.requests().is_empty());

    assert_eq!(task.refusals().len(), 1);
    let report = task.finish(Outcome::failure());
    assert_eq!(report.refusals().len(), 1);
    let refusal = &report.refusals()[0];
    assert!(refusal.limit() == Usd::from_micros(100) && refusal.spent() == Usd::ZERO, "{refusal}");
    assert_eq!(refusal.model(), SONNET);
    assert!(report.to_string().contains("refused       1 call by the budget"), "{report}");
    h.spans().assert_conserved();
}
