//! Snapshots of all spans of a small task: names, kinds, statuses, attributes and their types.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bedrock_sim::{Reply, Tokens};
use opentelemetry::Value;
use outlay::bedrock::DroppedStream;
use outlay::{Outcome, Usd};
use outlay_tests::{HAIKU, Harness, Span, haiku};

/// A clock that advances one second with each reading.
#[derive(Debug, Default)]
struct TickingClock(AtomicU64);

impl outlay_ledger::Clock for TickingClock {
    fn now(&self) -> SystemTime {
        let seconds = 1_795_000_000 + self.0.fetch_add(1, Ordering::Relaxed);
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }
}

#[derive(Debug, Default)]
struct SequentialIds(AtomicU64);

impl outlay_ledger::IdSource for SequentialIds {
    fn next_id(&self) -> uuid::Uuid {
        uuid::Uuid::from_u64_pair(0, self.0.fetch_add(1, Ordering::Relaxed))
    }
}

async fn harness(set: impl FnOnce(outlay::OutlayBuilder) -> outlay::OutlayBuilder) -> Harness {
    Harness::with(|b| set(b.clock(TickingClock::default()).ids(SequentialIds::default()))).await
}

fn text(span: &Span) -> String {
    let data = span.data();
    let mut lines: Vec<String> = data
        .attributes
        .iter()
        .map(|a| {
            let value = match (a.key.as_str(), &a.value) {
                ("server.port", Value::I64(_)) => "int the simulator's".to_owned(),
                (_, Value::I64(n)) => format!("int {n}"),
                (_, Value::F64(n)) => format!("double {n}"),
                (_, Value::Bool(b)) => format!("bool {b}"),
                (_, Value::String(s)) => format!("string {s}"),
                (_, other) => format!("array {other}"),
            };
            format!("  {} = {value}", a.key)
        })
        .collect();
    lines.sort();
    format!("{} {:?} {:?}\n{}", span.name(), data.span_kind, data.status, lines.join("\n"))
}

#[tokio::test]
async fn a_call_span_has_all_attributes_of_the_call() {
    let h = harness(|b| b).await;
    let task = h
        .outlay
        .task("resolve-ticket")
        .team("support")
        .product("helpdesk")
        .cost_center("cc-4711")
        .environment("production")
        .customer_segment("enterprise")
        .workflow("tickets")
        .owner("ana")
        .dimension("tenant", "acme")
        .conversation("c-17")
        .start();
    h.sim.push(Reply::throttled());
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(1_000, 100).cache_read(4_096).cache_write_1h(10)));
    let config = aws_sdk_bedrockruntime::types::InferenceConfiguration::builder();
    let config = config.max_tokens(200).temperature(0.7).top_p(0.9).build();
    let call = haiku(&h.client).inference_config(config);
    task.run(outlay::agent("triage").run(outlay::tool("search").tool_call_id("tooluse_1").run(call.send())))
        .await
        .unwrap();
    task.finish(Outcome::success());
    let spans = h.spans();
    spans.assert_conserved();
    insta::assert_snapshot!(text(spans.one(&format!("chat {HAIKU}"))), @r##"
    chat us.anthropic.claude-haiku-4-5-20251001-v1:0 Client Unset
      aws.request_id = string 00000000-0000-4000-8000-000000000001
      cloud.region = string us-east-1
      gen_ai.conversation.id = string c-17
      gen_ai.operation.name = string chat
      gen_ai.provider.name = string aws.bedrock
      gen_ai.request.max_tokens = int 200
      gen_ai.request.model = string us.anthropic.claude-haiku-4-5-20251001-v1:0
      gen_ai.request.temperature = double 0.7
      gen_ai.request.top_p = double 0.9
      gen_ai.response.finish_reasons = array ["end_turn"]
      gen_ai.usage.cache_creation.input_tokens = int 10
      gen_ai.usage.cache_read.input_tokens = int 4096
      gen_ai.usage.input_tokens = int 5106
      gen_ai.usage.output_tokens = int 100
      outlay.agent.id = string 00000000-0000-0000-0000-000000000002
      outlay.agent.name = string triage
      outlay.call.attempts = int 2
      outlay.cost.cache_read.usd = double 0.00045056
      outlay.cost.cache_write.usd = double 0.000022
      outlay.cost.input.usd = double 0.0011
      outlay.cost.output.usd = double 0.00055
      outlay.cost.picousd = int 2122560000
      outlay.cost.status = string exact
      outlay.cost.usd = double 0.00212256
      outlay.cost_center = string cc-4711
      outlay.customer_segment = string enterprise
      outlay.dim.tenant = string acme
      outlay.environment = string production
      outlay.owner = string ana
      outlay.price.confidence = string listed
      outlay.price.routing = string us
      outlay.price.source = string aws-price-list+litellm-1.110.2+genai-prices-0.2.3
      outlay.price.tier = string default
      outlay.price.version = string 2026-11-28
      outlay.product = string helpdesk
      outlay.step.id = string 00000000-0000-0000-0000-000000000003
      outlay.step.kind = string tool
      outlay.step.name = string search
      outlay.task.id = string 00000000-0000-0000-0000-000000000001
      outlay.task.name = string resolve-ticket
      outlay.task.running.calls = int 1
      outlay.task.running.picousd = int 2122560000
      outlay.task.running.usd = double 0.00212256
      outlay.team = string support
      outlay.workflow = string tickets
      server.address = string 127.0.0.1
      server.port = int the simulator's
    "##);
    let attempts: Vec<_> = spans.named("attempt").into_iter().map(text).collect();
    insta::assert_snapshot!(attempts.join("\n"), @r##"
    attempt Internal Error { description: "ThrottlingException" }
      aws.request_id = string 00000000-0000-4000-8000-000000000000
      error.type = string ThrottlingException
      http.response.status_code = int 429
      outlay.agent.id = string 00000000-0000-0000-0000-000000000002
      outlay.agent.name = string triage
      outlay.attempt.number = int 1
      outlay.step.id = string 00000000-0000-0000-0000-000000000003
      outlay.step.kind = string tool
      outlay.step.name = string search
      outlay.task.id = string 00000000-0000-0000-0000-000000000001
      outlay.task.name = string resolve-ticket
    attempt Internal Unset
      aws.request_id = string 00000000-0000-4000-8000-000000000001
      http.response.status_code = int 200
      outlay.agent.id = string 00000000-0000-0000-0000-000000000002
      outlay.agent.name = string triage
      outlay.attempt.number = int 2
      outlay.step.id = string 00000000-0000-0000-0000-000000000003
      outlay.step.kind = string tool
      outlay.step.name = string search
      outlay.task.id = string 00000000-0000-0000-0000-000000000001
      outlay.task.name = string resolve-ticket
    "##);
}

#[tokio::test]
async fn scope_spans_have_totals_and_the_task_span_has_the_outcome() {
    let h = harness(|b| b).await;
    let task = h.outlay.task("resolve-ticket").team("support").budget(Usd::from_cents(50)).start();
    task.run(outlay::agent("triage").run(async {
        outlay::step("critique", "custom kind").run(h.ask(HAIKU, 1_000, 100)).await;
        outlay::charge("serp-api", Usd::from_micros(5_000));
    }))
    .await;
    task.finish(Outcome::success().value(Usd::from_dollars(2)));
    let spans = h.spans();
    spans.assert_conserved();
    insta::assert_snapshot!(text(spans.one("invoke_workflow resolve-ticket")), @r##"
    invoke_workflow resolve-ticket Internal Unset
      gen_ai.operation.name = string invoke_workflow
      gen_ai.workflow.name = string resolve-ticket
      outlay.budget.exceeded = bool false
      outlay.budget.limit_usd = double 0.5
      outlay.budget.used_ratio = double 0.0133
      outlay.cost.band = string <0.01
      outlay.outcome.kind = string success
      outlay.outcome.value_usd = double 2
      outlay.task.id = string 00000000-0000-0000-0000-000000000001
      outlay.task.name = string resolve-ticket
      outlay.task.root = bool true
      outlay.team = string support
      outlay.total.attempts = int 1
      outlay.total.bounded_usd = double 0
      outlay.total.cache_read_tokens = int 0
      outlay.total.cache_write_tokens = int 0
      outlay.total.calls = int 1
      outlay.total.estimated_usd = double 0
      outlay.total.exact_usd = double 0.00665
      outlay.total.failed_calls = int 0
      outlay.total.failed_usd = double 0
      outlay.total.input_tokens = int 1000
      outlay.total.kind.direct.usd = double 0.005
      outlay.total.kind.other.usd = double 0.00165
      outlay.total.kinds = string {"critique":0.00165}
      outlay.total.models = string {"us.anthropic.claude-haiku-4-5-20251001-v1:0":{"calls":1,"input_tokens":1000,"output_tokens":100,"usd":0.00165}}
      outlay.total.output_tokens = int 100
      outlay.total.picousd = int 6650000000
      outlay.total.status = string exact
      outlay.total.turns = int 1
      outlay.total.unpriced_calls = int 0
      outlay.total.usd = double 0.00665
    "##);
    insta::assert_snapshot!(text(spans.one("invoke_agent triage")), @r##"
    invoke_agent triage Internal Unset
      gen_ai.agent.name = string triage
      gen_ai.operation.name = string invoke_agent
      outlay.agent.id = string 00000000-0000-0000-0000-000000000002
      outlay.agent.name = string triage
      outlay.task.id = string 00000000-0000-0000-0000-000000000001
      outlay.task.name = string resolve-ticket
      outlay.team = string support
      outlay.total.attempts = int 1
      outlay.total.bounded_usd = double 0
      outlay.total.cache_read_tokens = int 0
      outlay.total.cache_write_tokens = int 0
      outlay.total.calls = int 1
      outlay.total.estimated_usd = double 0
      outlay.total.exact_usd = double 0.00665
      outlay.total.failed_calls = int 0
      outlay.total.failed_usd = double 0
      outlay.total.input_tokens = int 1000
      outlay.total.kind.direct.usd = double 0.005
      outlay.total.kind.other.usd = double 0.00165
      outlay.total.kinds = string {"critique":0.00165}
      outlay.total.output_tokens = int 100
      outlay.total.picousd = int 6650000000
      outlay.total.status = string exact
      outlay.total.unpriced_calls = int 0
      outlay.total.usd = double 0.00665
    "##);
    insta::assert_snapshot!(text(spans.one("critique custom kind")), @r##"
    critique custom kind Internal Unset
      outlay.agent.id = string 00000000-0000-0000-0000-000000000002
      outlay.agent.name = string triage
      outlay.step.id = string 00000000-0000-0000-0000-000000000003
      outlay.step.kind = string critique
      outlay.step.name = string custom kind
      outlay.task.id = string 00000000-0000-0000-0000-000000000001
      outlay.task.name = string resolve-ticket
      outlay.total.attempts = int 1
      outlay.total.bounded_usd = double 0
      outlay.total.cache_read_tokens = int 0
      outlay.total.cache_write_tokens = int 0
      outlay.total.calls = int 1
      outlay.total.estimated_usd = double 0
      outlay.total.exact_usd = double 0.00165
      outlay.total.failed_calls = int 0
      outlay.total.failed_usd = double 0
      outlay.total.input_tokens = int 1000
      outlay.total.kind.other.usd = double 0.00165
      outlay.total.kinds = string {"critique":0.00165}
      outlay.total.output_tokens = int 100
      outlay.total.picousd = int 1650000000
      outlay.total.status = string exact
      outlay.total.unpriced_calls = int 0
      outlay.total.usd = double 0.00165
    "##);
    insta::assert_snapshot!(text(spans.one("charge serp-api")), @r##"
    charge serp-api Internal Unset
      outlay.agent.id = string 00000000-0000-0000-0000-000000000002
      outlay.agent.name = string triage
      outlay.charge.name = string serp-api
      outlay.cost.picousd = int 5000000000
      outlay.cost.status = string exact
      outlay.cost.usd = double 0.005
      outlay.task.id = string 00000000-0000-0000-0000-000000000001
      outlay.task.name = string resolve-ticket
      outlay.team = string support
    "##);
}

#[tokio::test]
async fn prompts_and_answers_reach_no_span_metric_or_report() {
    const SECRET: &str = "xyzzy-secret-text";
    let h = Harness::with(|b| b.on_dropped_stream(DroppedStream::Drain)).await;
    let task = h.outlay.task("t").start();
    h.sim.push(Reply::message().text(SECRET).usage(Tokens::new(10, 10)));
    task.run(haiku(&h.client).messages(outlay_tests::user(SECRET)).send()).await.unwrap();
    h.sim.push(Reply::error_saying(bedrock_sim::ErrorKind::Validation, SECRET));
    task.run(haiku(&h.client).messages(outlay_tests::user(SECRET)).send()).await.unwrap_err();
    let report = task.finish(Outcome::failure());
    assert!(!report.to_string().contains(SECRET));
    for span in h.spans().iter() {
        assert!(!format!("{:?}", span.data()).contains(SECRET), "{}", span.name());
    }
    assert!(!format!("{:?}", h.metrics()).contains(SECRET));
}
