//! The OTLP wire format, decoded by a third-party receiver: names, types and sums.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bedrock_sim::{Reply, Tokens};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Outlay, Usd};
use outlay_tests::{HAIKU, Independent, SONNET, client_config, converse, haiku};

/// A decoded span.
#[derive(Debug, Default)]
pub(super) struct WireSpan {
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) name: String,
    kind: String,
    status: String,
    /// The type and text of each attribute.
    pub(super) attributes: BTreeMap<String, (String, String)>,
    /// The keys that occur more than once.
    repeated: Vec<String>,
}

/// A decoded point of the `outlay.cost` metric.
#[derive(Debug, Default)]
struct CostPoint {
    attributes: BTreeMap<String, String>,
    value: f64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_party_receiver_decodes_the_tree_and_its_sums_agree() {
    let Some(rotel) = Independent::start("rotel.sh", &["ROTEL_GRPC", "ROTEL_LOG"]) else { return };
    let spans = SpanExporter::builder().with_tonic().with_endpoint(rotel.value("ROTEL_GRPC")).build().unwrap();
    let metrics = MetricExporter::builder().with_tonic().with_endpoint(rotel.value("ROTEL_GRPC")).build().unwrap();
    let tracer_provider = SdkTracerProvider::builder().with_batch_exporter(spans).build();
    let meter_provider = SdkMeterProvider::builder().with_periodic_exporter(metrics).build();
    run_a_task(&tracer_provider, &meter_provider).await;
    tokio::task::spawn_blocking(move || {
        tracer_provider.shutdown().unwrap();
        meter_provider.shutdown().unwrap();
    })
    .await
    .unwrap();

    let log = wait_for(rotel.value("ROTEL_LOG"), &["invoke_workflow resolve-ticket", "Name: outlay.cost"]).await;
    let spans = read_spans(&log);
    assert_names_and_types(&spans);
    assert_sums(&spans);
    assert_metric(&spans, &read_cost(&log));
}

/// Runs a task with concurrency, a throttled call, a failed step, a retry, a nested agent and a paid tool.
async fn run_a_task(tracer_provider: &SdkTracerProvider, meter_provider: &SdkMeterProvider) {
    let sim = bedrock_sim::BedrockSim::start().await.unwrap();
    let outlay = Outlay::builder().tracer_provider(tracer_provider).meter_provider(meter_provider).build();
    let config = client_config(&sim.url()).build();
    let client = aws_sdk_bedrockruntime::Client::from_conf(config).metered(&outlay);
    let task = outlay
        .task("resolve-ticket")
        .team("support")
        .cost_center("cc-4711")
        .environment("production")
        .dimension("tenant", "acme")
        .conversation("c-17")
        .budget(Usd::from_dollars(5))
        .start();
    task.run(outlay::agent("triage").run(async {
        let cached = Tokens::new(412, 186).cache_write_1h(3_000).cache_write_5m(1_096).cache_read(77);
        sim.push(Reply::message().text("plan").usage(cached));
        outlay::plan("read").run(converse(&client, SONNET).send()).await.unwrap();
        sim.push(Reply::throttled());
        sim.push_times(8, Reply::message().text("ok").usage(Tokens::new(333, 77)));
        let (a, b, c) = outlay::agent("researcher")
            .run(async {
                tokio::join!(
                    outlay::tool("a").run(haiku(&client).send()),
                    outlay::tool("b").run(haiku(&client).send()),
                    outlay::step("critique", "c").run(haiku(&client).send()),
                )
            })
            .await;
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        outlay::charge("serp-api", Usd::from_micros(5_001));
        let failed = outlay::step("act", "draft").try_run(async {
            haiku(&client).send().await.unwrap();
            Err::<(), ()>(())
        });
        failed.await.unwrap_err();
        outlay::retry(2).run(haiku(&client).send()).await.unwrap();
    }))
    .await;
    task.finish(Outcome::success().value(Usd::from_dollars(1)));
}

pub(super) async fn wait_for(path: &str, texts: &[&str]) -> String {
    let start = Instant::now();
    loop {
        let log = std::fs::read_to_string(path).unwrap_or_default();
        if texts.iter().all(|text| log.contains(text)) {
            // Wait until the last line is written completely.
            tokio::time::sleep(Duration::from_millis(300)).await;
            return std::fs::read_to_string(path).unwrap_or_default();
        }
        assert!(start.elapsed() < Duration::from_secs(20), "the receiver has not received {texts:?}:\n{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(super) fn read_spans(log: &str) -> Vec<WireSpan> {
    let mut spans: Vec<WireSpan> = Vec::new();
    let mut in_span = false;
    for line in log.lines() {
        if line.starts_with("Span #") {
            spans.push(WireSpan::default());
            in_span = true;
        } else if line.starts_with("Metric #") || line.starts_with("Resource") || line.starts_with("Events:") {
            in_span = false;
        }
        let Some(span) = spans.last_mut().filter(|_| in_span) else { continue };
        if let Some((key, value)) = line.trim().strip_prefix("-> ").and_then(|l| l.split_once(": ")) {
            let (kind, text) = value.split_once('(').unwrap_or((value, ""));
            let text = text.strip_suffix(')').unwrap_or(text);
            if span.attributes.insert(key.to_owned(), (kind.to_owned(), text.to_owned())).is_some() {
                span.repeated.push(key.to_owned());
            }
        } else if let Some((key, value)) = line.split_once(':') {
            let value = value.trim().to_owned();
            match key.trim() {
                "Trace ID" => span.trace = value,
                "Parent ID" => span.parent = value,
                "ID" => span.id = value,
                "Name" => span.name = value,
                "Kind" => span.kind = value,
                "Status code" => span.status = value,
                _ => {}
            }
        }
    }
    spans
}

fn read_cost(log: &str) -> Vec<CostPoint> {
    let mut points: Vec<CostPoint> = Vec::new();
    let mut in_cost = false;
    for line in log.lines() {
        if let Some(name) = line.trim().strip_prefix("-> Name: ") {
            in_cost = name == "outlay.cost";
        } else if line.starts_with("Metric #") || line.starts_with("Span #") {
            in_cost = false;
        }
        if !in_cost {
            continue;
        }
        if line.starts_with("NumberDataPoints #") {
            points.push(CostPoint::default());
        }
        let Some(point) = points.last_mut() else { continue };
        if let Some((key, value)) = line.trim().strip_prefix("-> ").and_then(|l| l.split_once(": ")) {
            let text = value.split_once('(').map_or(value, |(_, text)| text.trim_end_matches(')'));
            point.attributes.insert(key.to_owned(), text.to_owned());
        } else if let Some(value) = line.trim().strip_prefix("Value: ") {
            point.value = value.parse().unwrap();
        }
    }
    points
}

/// The names of the telemetry contract with their types on the wire. `*` stands for a custom name.
const CONTRACT: &[(&str, &str)] = &[
    ("gen_ai.operation.name", "Str"),
    ("gen_ai.provider.name", "Str"),
    ("gen_ai.request.model", "Str"),
    ("gen_ai.request.stream", "Bool"),
    ("gen_ai.request.max_tokens", "Int"),
    ("gen_ai.response.finish_reasons", "Slice"),
    ("gen_ai.response.time_to_first_chunk", "Double"),
    ("gen_ai.usage.input_tokens", "Int"),
    ("gen_ai.usage.output_tokens", "Int"),
    ("gen_ai.usage.cache_read.input_tokens", "Int"),
    ("gen_ai.usage.cache_creation.input_tokens", "Int"),
    ("gen_ai.conversation.id", "Str"),
    ("gen_ai.workflow.name", "Str"),
    ("gen_ai.agent.name", "Str"),
    ("gen_ai.tool.name", "Str"),
    ("gen_ai.tool.type", "Str"),
    ("error.type", "Str"),
    ("server.address", "Str"),
    ("server.port", "Int"),
    ("aws.request_id", "Str"),
    ("cloud.region", "Str"),
    ("http.response.status_code", "Int"),
    ("outlay.task.id", "Str"),
    ("outlay.task.name", "Str"),
    ("outlay.task.root", "Bool"),
    ("outlay.task.running.usd", "Double"),
    ("outlay.task.running.picousd", "Int"),
    ("outlay.task.running.calls", "Int"),
    ("outlay.agent.id", "Str"),
    ("outlay.agent.name", "Str"),
    ("outlay.step.id", "Str"),
    ("outlay.step.kind", "Str"),
    ("outlay.step.name", "Str"),
    ("outlay.team", "Str"),
    ("outlay.cost_center", "Str"),
    ("outlay.environment", "Str"),
    ("outlay.dim.*", "Str"),
    ("outlay.cost.usd", "Double"),
    ("outlay.cost.picousd", "Int"),
    ("outlay.cost.status", "Str"),
    ("outlay.cost.input.usd", "Double"),
    ("outlay.cost.output.usd", "Double"),
    ("outlay.cost.cache_read.usd", "Double"),
    ("outlay.cost.cache_write.usd", "Double"),
    ("outlay.cost.other.usd", "Double"),
    ("outlay.cost.band", "Str"),
    ("outlay.price.version", "Str"),
    ("outlay.price.effective_from", "Str"),
    ("outlay.price.routing", "Str"),
    ("outlay.price.tier", "Str"),
    ("outlay.price.source", "Str"),
    ("outlay.price.region", "Str"),
    ("outlay.price.confidence", "Str"),
    ("outlay.call.attempts", "Int"),
    ("outlay.attempt.number", "Int"),
    ("outlay.charge.name", "Str"),
    ("outlay.total.usd", "Double"),
    ("outlay.total.picousd", "Int"),
    ("outlay.total.status", "Str"),
    ("outlay.total.exact_usd", "Double"),
    ("outlay.total.estimated_usd", "Double"),
    ("outlay.total.bounded_usd", "Double"),
    ("outlay.total.failed_usd", "Double"),
    ("outlay.total.input_tokens", "Int"),
    ("outlay.total.output_tokens", "Int"),
    ("outlay.total.cache_read_tokens", "Int"),
    ("outlay.total.cache_write_tokens", "Int"),
    ("outlay.total.calls", "Int"),
    ("outlay.total.attempts", "Int"),
    ("outlay.total.failed_calls", "Int"),
    ("outlay.total.unpriced_calls", "Int"),
    ("outlay.total.turns", "Int"),
    ("outlay.total.models", "Str"),
    ("outlay.total.kinds", "Str"),
    ("outlay.total.kind.plan.usd", "Double"),
    ("outlay.total.kind.tool.usd", "Double"),
    ("outlay.total.kind.act.usd", "Double"),
    ("outlay.total.kind.retry.usd", "Double"),
    ("outlay.total.kind.direct.usd", "Double"),
    ("outlay.total.kind.other.usd", "Double"),
    ("outlay.outcome.kind", "Str"),
    ("outlay.outcome.value_usd", "Double"),
    ("outlay.budget.limit_usd", "Double"),
    ("outlay.budget.used_ratio", "Double"),
    ("outlay.budget.exceeded", "Bool"),
];

fn assert_names_and_types(spans: &[WireSpan]) {
    let expected: BTreeMap<_, _> = CONTRACT.iter().copied().collect();
    for span in spans {
        assert!(span.repeated.is_empty(), "{:?} twice on `{}`", span.repeated, span.name);
        for (key, (kind, _)) in &span.attributes {
            let name = if key.starts_with("outlay.dim.") { "outlay.dim.*" } else { key.as_str() };
            assert_eq!(expected.get(name), Some(&kind.as_str()), "{key} on `{}`", span.name);
        }
        assert!(span.attributes.contains_key("outlay.task.id"), "`{}` has its task", span.name);
        let is_call = span.name.starts_with("chat ");
        assert_eq!(span.kind == "SPAN_KIND_CLIENT", is_call, "{}", span.name);
        let has_usage = span.attributes.keys().any(|key| key.starts_with("gen_ai.usage."));
        assert_eq!(has_usage, is_call, "only calls have usage: {}", span.name);
        if span.name == "attempt" {
            assert!(span.attributes.keys().all(|key| !key.starts_with("gen_ai.")), "{span:?}");
        }
    }
    let names = |name: &str| spans.iter().filter(|s| s.name == name).count();
    assert_eq!(names("attempt"), 2, "the throttled call has two attempts");
    assert_eq!(names(&format!("chat {HAIKU}")), 5);
    assert_eq!(names(&format!("chat {SONNET}")), 1);
    let failed: Vec<_> = spans.iter().filter(|s| s.status == "STATUS_CODE_ERROR").map(|s| &*s.name).collect();
    assert_eq!(failed.len(), 2, "the failed step and the throttled attempt: {failed:?}");
}

fn int(span: &WireSpan, key: &str) -> Option<i64> {
    span.attributes.get(key).map(|(_, text)| text.parse().unwrap())
}

fn sum_below(spans: &[WireSpan], id: &str) -> i64 {
    let children = spans.iter().filter(|s| s.parent == id);
    children.map(|s| int(s, "outlay.cost.picousd").unwrap_or(0) + sum_below(spans, &s.id)).sum()
}

fn assert_sums(spans: &[WireSpan]) {
    let scopes: Vec<_> = spans.iter().filter(|s| s.attributes.contains_key("outlay.total.picousd")).collect();
    assert_eq!(scopes.len(), 9);
    for scope in scopes {
        assert_eq!(int(scope, "outlay.total.picousd"), Some(sum_below(spans, &scope.id)), "{}", scope.name);
    }
}

fn assert_metric(spans: &[WireSpan], points: &[CostPoint]) {
    let root = spans.iter().find(|s| s.attributes.contains_key("outlay.task.root")).unwrap();
    let total = int(root, "outlay.total.picousd").unwrap();
    let sum: f64 = points.iter().map(|p| p.value).sum();
    // The error of each double is far below a pico-dollar.
    assert!((sum * 1e12 - total as f64).abs() < 1.0, "{sum} and {total}");
    let external: f64 = points
        .iter()
        .filter(|p| p.attributes.get("outlay.cost.direction").is_some_and(|d| d == "external"))
        .map(|p| p.value)
        .sum();
    assert!((external - 0.005001).abs() < 1e-15, "{external}");
    for point in points {
        assert_eq!(point.attributes["outlay.task.name"], "resolve-ticket");
        assert_eq!(point.attributes["outlay.team"], "support");
        assert!(!point.attributes.keys().any(|k| k.contains("tenant") || k.ends_with(".id")), "{point:?}");
    }
}
