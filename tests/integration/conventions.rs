//! The names of each release of the GenAI conventions, on spans and metrics, and what samplers see of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use bedrock_sim::{Fault, Operation as Simulated, Reply, Tokens};
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SamplingResult, SdkTracerProvider, ShouldSample};
use outlay::otel::{Operation, Semconv, Viewer};
use outlay::prices::{Unit, UnitCount};
use outlay::propagation::Incoming;
use outlay::{Outcome, Outlay, Usage, Usd};
use outlay_tests::{HAIKU, Harness, MetricPoint, Span, Streamed, eventually, haiku, invoke, read_stream};
use serde_json::json;
use tracing::instrument::WithSubscriber as _;

async fn under(semconv: Semconv) -> Harness {
    Harness::with(|builder| builder.semconv(semconv)).await
}

/// Runs a task with a plan and a tool in an agent, a tool that fails, a cut stream and a call outside the agent.
async fn run_a_task(h: &Harness) {
    let task = h.outlay.task("resolve-ticket").start();
    let work = outlay::agent("triage").run(async {
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 5).cache_read(3).cache_write_5m(9)));
        outlay::plan("read").run(haiku(&h.client).send()).await.unwrap();
        outlay::tool("search").run(async {}).await;
        let failed = outlay::tool("write").try_run(async { Err::<(), ()>(()) });
        failed.await.unwrap_err();
        h.sim.push(Reply::error(bedrock_sim::ErrorKind::Validation));
        haiku(&h.client).send().await.unwrap_err();
        outlay::agent("researcher").run(h.ask(HAIKU, 10, 5)).await;
    });
    task.run(work).await;
    task.run(outlay::plan("wrap up").run(h.ask(HAIKU, 10, 5))).await;
    task.finish(Outcome::success());
}

/// Returns the names of the attributes and metrics that start with `gen_ai.`.
fn gen_ai_names(h: &Harness) -> BTreeSet<String> {
    let spans = h.spans();
    let attributes = spans.iter().flat_map(|span| span.data().attributes.iter().map(|a| a.key.to_string()));
    let metrics = h.metrics();
    let of_metrics = metrics.iter().flat_map(|point| point.attributes.keys().cloned().chain([point.name.clone()]));
    attributes.chain(of_metrics).filter(|name| name.starts_with("gen_ai.")).collect()
}

/// The names of 1.41 that the newer release does not have.
const ONLY_1_41: [&str; 5] = [
    "gen_ai.client.token.usage",
    "gen_ai.token.type",
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.workflow.name",
    "gen_ai.client.operation.duration",
];
/// The names of the newer release that 1.41 does not have.
const ONLY_LATEST: [&str; 13] = [
    "gen_ai.client.inference.duration",
    "gen_ai.client.inference.operation.input_tokens",
    "gen_ai.client.inference.operation.output_tokens",
    "gen_ai.client.inference.usage.cache_read.input_tokens",
    "gen_ai.client.inference.usage.cache_write.input_tokens",
    "gen_ai.client.inference.usage.input_tokens",
    "gen_ai.client.inference.usage.output_tokens",
    "gen_ai.execute_tool.duration",
    "gen_ai.invoke_agent.duration",
    "gen_ai.invoke_agent.inference_calls",
    "gen_ai.invoke_agent.tool_calls",
    "gen_ai.token.modality",
    "gen_ai.usage.cache_write.input_tokens",
];

#[tokio::test]
async fn each_release_has_its_own_names_and_none_of_the_other() {
    let of = async |semconv| {
        let h = under(semconv).await;
        run_a_task(&h).await;
        gen_ai_names(&h)
    };
    let (older, newer) = (of(Semconv::V1_41).await, of(Semconv::Latest).await);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(older.difference(&newer).cloned().collect::<BTreeSet<_>>(), names(&ONLY_1_41));
    assert_eq!(newer.difference(&older).cloned().collect::<BTreeSet<_>>(), names(&ONLY_LATEST));
}

#[tokio::test]
async fn spans_have_the_schema_of_1_41_and_none_under_the_newer_release() {
    for (semconv, schema) in
        [(Semconv::V1_41, Some("https://opentelemetry.io/schemas/1.41.1")), (Semconv::Latest, None)]
    {
        let h = under(semconv).await;
        run_a_task(&h).await;
        for span in h.spans().iter() {
            assert_eq!(span.data().instrumentation_scope.schema_url(), schema, "{}", span.name());
        }
        assert_eq!(h.metric_schemas(), BTreeSet::from([schema.map(str::to_owned)]));
    }
}

#[tokio::test]
async fn a_workflow_is_an_agent_and_a_plan_has_its_agents_name_in_the_newer_release() {
    let h = under(Semconv::Latest).await;
    run_a_task(&h).await;
    let spans = h.spans();
    let task = spans.one("invoke_workflow resolve-ticket");
    assert_eq!(task.text("gen_ai.agent.name"), Some("resolve-ticket"));
    assert_eq!(task.text("gen_ai.operation.name"), Some("invoke_workflow"));
    let plan = spans.one("plan triage");
    assert_eq!((plan.text("outlay.step.name"), plan.text("gen_ai.agent.name")), (Some("read"), Some("triage")));
    assert!(!spans.one("plan").has("gen_ai.agent.name"));
    assert_eq!(spans.one("plan").text("outlay.step.name"), Some("wrap up"), "a plan outside any agent");
    let h = under(Semconv::V1_41).await;
    run_a_task(&h).await;
    let spans = h.spans();
    // Release 1.41 has the agent only on its own span.
    assert!(!spans.one("plan read").has("gen_ai.agent.name"));
}

#[tokio::test]
async fn tools_have_a_type_and_an_agent_and_a_failed_scope_has_an_error_type() {
    for semconv in [Semconv::V1_41, Semconv::Latest] {
        let h = under(semconv).await;
        run_a_task(&h).await;
        let spans = h.spans();
        for (name, error) in [("execute_tool search", None), ("execute_tool write", Some("_OTHER"))] {
            let tool = spans.one(name);
            assert_eq!(tool.text("gen_ai.tool.type"), Some("function"));
            assert_eq!(tool.text("gen_ai.agent.name"), Some("triage").filter(|_| semconv == Semconv::Latest));
            assert_eq!((tool.text("error.type"), tool.is_error()), (error, error.is_some()));
        }
    }
}

fn finish_reasons(span: &Span) -> Option<String> {
    span.value("gen_ai.response.finish_reasons").map(Value::to_string)
}

#[tokio::test]
async fn a_reason_that_never_came_is_an_error_in_the_newer_release() {
    for (semconv, of_failed) in [(Semconv::V1_41, None), (Semconv::Latest, Some(r#"["error"]"#.to_owned()))] {
        let h = under(semconv).await;
        h.ask(HAIKU, 10, 5).await;
        h.sim.push(Reply::error(bedrock_sim::ErrorKind::Validation));
        haiku(&h.client).send().await.unwrap_err();
        h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)).fault(Fault::ResetAt(2)));
        read_stream(&h.client, Simulated::ConverseStream, HAIKU).await.error.unwrap();
        h.client.count_tokens().model_id(HAIKU).send().await.unwrap();
        let spans = h.spans();
        let calls = spans.named(&format!("chat {HAIKU}"));
        let reasons: Vec<_> = calls.iter().map(|call| finish_reasons(call)).collect();
        assert_eq!(reasons, [Some(r#"["end_turn"]"#.to_owned()), of_failed.clone(), of_failed]);
        assert_eq!(finish_reasons(spans.one(&format!("count_tokens {HAIKU}"))), None, "it has no finish reason");
    }
}

#[tokio::test]
async fn a_call_says_that_it_streams_only_if_it_does() {
    let h = under(Semconv::V1_41).await;
    h.ask(HAIKU, 10, 5).await;
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 10)));
    let read = read_stream(&h.client, Simulated::ConverseStream, HAIKU).await;
    assert_eq!(read.error, None);
    let spans = h.spans();
    let streams: Vec<_> =
        spans.named(&format!("chat {HAIKU}")).iter().map(|call| call.value("gen_ai.request.stream").cloned()).collect();
    assert_eq!(streams, [None, Some(Value::Bool(true))]);
}

#[tokio::test]
async fn the_answers_own_id_is_on_the_span() {
    let h = under(Semconv::V1_41).await;
    let usage = json!({"input_tokens": 10, "output_tokens": 5});
    let answers = [
        (json!({"id": "msg_01", "type": "message", "usage": usage, "stop_reason": "end_turn"}), Some("msg_01")),
        (json!({"id": 7, "type": "message", "usage": usage}), None),
        (json!({"id": "x".repeat(129), "usage": usage}), None),
        (json!({"usage": usage}), None),
    ];
    for (answer, _) in &answers {
        h.sim.push(Reply::json(answer.clone()));
        invoke(&h.client, HAIKU).send().await.unwrap();
    }
    let spans = h.spans();
    let ids: Vec<_> =
        spans.starting("chat ").iter().map(|call| call.text("gen_ai.response.id").map(str::to_owned)).collect();
    assert_eq!(ids, answers.map(|(_, id)| id.map(str::to_owned)));
}

/// Returns the value or the count of the only such point.
fn point<'a>(points: &'a [MetricPoint], name: &str, attributes: &[(&str, &str)]) -> &'a MetricPoint {
    let holds = |point: &&MetricPoint| {
        point.name == name && attributes.iter().all(|(key, value)| point.attribute(key) == Some(value))
    };
    let found: Vec<_> = points.iter().filter(holds).collect();
    assert_eq!(found.len(), 1, "{name} {attributes:?} among {found:#?}");
    found[0]
}

#[tokio::test]
async fn the_newer_metrics_count_tokens_calls_and_tools() {
    let h = under(Semconv::Latest).await;
    run_a_task(&h).await;
    let metrics = h.metrics();
    let usage = |name: &str| {
        let name = format!("gen_ai.client.inference.usage.{name}");
        let points: Vec<_> = metrics.iter().filter(|point| point.name == name).collect();
        assert!(points.iter().all(|point| point.attribute("gen_ai.token.modality") == Some("unknown")), "{points:?}");
        points.iter().map(|point| point.value).sum::<f64>()
    };
    // The input includes the cache: 10 + 3 + 9, and two calls with 10.
    assert_eq!((usage("input_tokens"), usage("output_tokens")), (42.0, 15.0));
    assert_eq!((usage("cache_read.input_tokens"), usage("cache_write.input_tokens")), (3.0, 9.0));
    assert_eq!(usage("reasoning.output_tokens"), 0.0);

    let failed = [("error.type", "ValidationException")];
    let of_failed = point(&metrics, "gen_ai.client.inference.operation.input_tokens", &failed);
    assert_eq!((of_failed.count, of_failed.value), (1, 0.0), "a failed call counts no tokens");
    assert_eq!(point(&metrics, "gen_ai.client.inference.duration", &failed).count, 1);

    let agent = |name| [("gen_ai.agent.name", name)];
    let calls = |name| point(&metrics, "gen_ai.invoke_agent.inference_calls", &agent(name)).value;
    let tools = |name| point(&metrics, "gen_ai.invoke_agent.tool_calls", &agent(name)).value;
    // The failed call counts, and the calls of an inner agent do not.
    assert_eq!([calls("triage"), calls("researcher"), calls("resolve-ticket")], [2.0, 1.0, 1.0]);
    assert_eq!([tools("triage"), tools("researcher"), tools("resolve-ticket")], [2.0, 0.0, 0.0]);
    for name in ["triage", "researcher", "resolve-ticket"] {
        assert_eq!(point(&metrics, "gen_ai.invoke_agent.duration", &agent(name)).count, 1);
    }
    let write = [("gen_ai.tool.name", "write"), ("gen_ai.tool.type", "function"), ("gen_ai.agent.name", "triage")];
    assert_eq!(point(&metrics, "gen_ai.execute_tool.duration", &write).attribute("error.type"), Some("_OTHER"));
}

#[tokio::test]
async fn other_operations_keep_their_duration_and_embeddings_have_none_in_the_newer_release() {
    let h = under(Semconv::Latest).await;
    h.client.count_tokens().model_id(HAIKU).send().await.unwrap();
    h.sim.push(Reply::json(json!({"embedding": [0.1], "inputTextTokenCount": 4})));
    invoke(&h.client, "amazon.titan-embed-text-v2:0").send().await.unwrap();
    let metrics = h.metrics();
    let of = |name: &str| {
        let points = metrics.iter().filter(|point| point.name == name);
        points.map(|point| point.attribute("gen_ai.operation.name").unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("gen_ai.client.operation.duration"), ["count_tokens"]);
    assert_eq!(of("gen_ai.client.inference.duration"), Vec::<String>::new());
    assert!(metrics.iter().all(|point| !point.name.starts_with("gen_ai.client.inference")), "{metrics:#?}");
}

/// A sampler that records what it sees of each span.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<SeenSpan>>>);

/// A span's name and the keys of its attributes.
type SeenSpan = (String, BTreeSet<String>);

impl ShouldSample for Seen {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let keys = attributes.iter().map(|attribute| attribute.key.to_string()).collect();
        self.0.lock().unwrap().push((name.to_owned(), keys));
        Sampler::AlwaysOn.should_sample(parent, trace, name, kind, attributes, links)
    }
}

#[tokio::test]
async fn samplers_see_the_attributes_of_each_span() {
    for is_layered in [false, true] {
        let seen = Seen::default();
        let exporter = InMemorySpanExporter::default();
        let provider =
            SdkTracerProvider::builder().with_sampler(seen.clone()).with_simple_exporter(exporter.clone()).build();
        let h = Harness::with(|builder| builder.tracer_provider(&provider)).await;
        let work = async {
            let task = h.outlay.task("resolve-ticket").team("support").start();
            let agent = outlay::agent("triage").run(async {
                outlay::plan("read").run(h.ask(HAIKU, 10, 5)).await;
                outlay::tool("search").run(async {}).await;
            });
            task.run(agent).await;
            task.finish(Outcome::success());
        };
        if is_layered {
            use opentelemetry::trace::TracerProvider as _;
            use tracing_subscriber::layer::SubscriberExt as _;
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("application"));
            work.with_subscriber(tracing_subscriber::registry().with(layer)).await;
        } else {
            work.await;
        }
        let expected = [
            ("invoke_workflow resolve-ticket", &["gen_ai.workflow.name", "outlay.task.root", "outlay.team"][..]),
            ("invoke_agent triage", &["gen_ai.agent.name", "outlay.task.name", "outlay.team"]),
            ("plan read", &["gen_ai.operation.name", "outlay.step.kind"]),
            (
                "chat us.anthropic.claude-haiku-4-5-20251001-v1:0",
                &["gen_ai.provider.name", "gen_ai.request.model", "server.address"],
            ),
            ("execute_tool search", &["gen_ai.tool.name", "gen_ai.tool.type"]),
        ];
        let seen = seen.0.lock().unwrap();
        let own: Vec<_> = seen.iter().filter(|(_, keys)| keys.contains("outlay.task.id")).collect();
        assert_eq!(own.len(), expected.len(), "layered: {is_layered}: {seen:?}");
        for (name, keys) in expected {
            let (_, found) = own.iter().find(|(seen, _)| seen == name).unwrap();
            for key in keys.iter().chain(&["gen_ai.operation.name"]) {
                assert!(found.contains(*key), "layered: {is_layered}: `{name}` without {key}: {found:?}");
            }
        }
        // Each attribute is set once, and reaches the exporter.
        let spans = exporter.get_finished_spans().unwrap();
        for span in spans.iter().filter(|span| expected.iter().any(|(name, _)| *name == span.name)) {
            let mut keys: Vec<_> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
            keys.sort_unstable();
            let all = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), all, "a key occurs twice on `{}`", span.name);
            assert!(keys.contains(&"gen_ai.operation.name"), "{}", span.name);
        }
    }
}

#[tokio::test]
async fn the_proposed_cost_attributes_are_on_generations_only_if_requested() {
    for is_requested in [false, true] {
        let set = |builder: outlay::OutlayBuilder| if is_requested { builder.cost_attributes() } else { builder };
        let h = Harness::with(set).await;
        let task = h.outlay.task("t").start();
        task.run(h.ask(HAIKU, 1_000, 100)).await;
        task.charge("serp-api", Usd::from_cents(1));
        task.run(h.ask("acme.unknown-v1:0", 1_000, 100)).await;
        task.finish(Outcome::success());
        let spans = h.spans();
        for span in spans.iter() {
            let has_cost = is_requested && span.name() == format!("chat {HAIKU}");
            assert_eq!(span.double("gen_ai.usage.cost.amount"), has_cost.then_some(0.001_65), "{}", span.name());
            assert_eq!(span.text("gen_ai.usage.cost.currency"), has_cost.then_some("USD"));
            assert_eq!(span.text("gen_ai.usage.cost.source"), has_cost.then_some("local"));
        }
    }
}

#[tokio::test]
async fn the_proposed_cost_attributes_are_refused_beside_a_viewer_that_misreads_them() {
    let both = || Outlay::builder().viewer(Viewer::Langfuse).cost_attributes();
    let error = both().try_build().unwrap_err().to_string();
    assert!(error.contains("cost_attributes") && error.contains("Langfuse") && error.contains("remove one"), "{error}");
    for other in [Viewer::Mlflow, Viewer::Logfire, Viewer::OpenInference] {
        assert!(Outlay::builder().viewer(other).cost_attributes().try_build().is_ok(), "{other:?}");
    }
    assert!(matches!(both().build().ignored_settings(), [outlay::BuildError::CostAttributes(_)]));
    let h = Harness::with(|builder| builder.cost_attributes().viewer(Viewer::Langfuse)).await;
    h.ask(HAIKU, 1_000, 100).await;
    let spans = h.spans();
    let call = spans.one(&format!("chat {HAIKU}"));
    assert_eq!(call.double("gen_ai.usage.cost"), Some(0.001_65));
    assert!(!call.has("gen_ai.usage.cost.amount"));
}

#[tokio::test]
async fn a_refused_call_is_no_operation_and_no_inference() {
    for semconv in [Semconv::V1_41, Semconv::Latest] {
        let h = under(semconv).await;
        let task = h.outlay.task("t").budget(Usd::ZERO).start();
        task.run(haiku(&h.client).send()).await.unwrap_err();
        task.finish(Outcome::failure());
        let spans = h.spans();
        assert_eq!(finish_reasons(spans.one(&format!("chat {HAIKU}"))), None);
        let metrics = h.metrics();
        let names = metrics.iter().map(|point| point.name.as_str());
        let of_inferences: Vec<_> = names.filter(|name| name.starts_with("gen_ai.client.")).collect();
        assert_eq!(of_inferences, [""; 0], "{semconv:?}");
        if semconv == Semconv::Latest {
            let calls = point(&metrics, "gen_ai.invoke_agent.inference_calls", &[]);
            assert_eq!((calls.count, calls.value), (1, 0.0));
        }
        assert_eq!(point(&metrics, "outlay.calls", &[("outlay.call.refused", "true")]).value, 1.0);
    }
}

#[tokio::test]
async fn a_call_that_settles_after_its_task_was_finished_counts_as_the_tasks_own() {
    let h = under(Semconv::Latest).await;
    let task = h.outlay.task("t").start();
    h.sim.push(Reply::message().text("ok").usage(Tokens::new(10, 5)).delay(std::time::Duration::from_millis(200)));
    let call = task.run(haiku(&h.client).send());
    let finish = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        task.finish(Outcome::success())
    };
    let (answer, _) = tokio::join!(call, finish);
    answer.unwrap();
    let metrics = h.metrics();
    assert_eq!(point(&metrics, "gen_ai.invoke_agent.inference_calls", &[]).value, 1.0);
}

#[tokio::test]
async fn a_recorded_call_has_one_attempt_and_a_duration_only_if_its_start_is_known() {
    for semconv in [Semconv::V1_41, Semconv::Latest] {
        let h = under(semconv).await;
        let task = h.outlay.task("t").start();
        let usage = outlay::Usage::new().with_uncached_input(10).with_output(5);
        let start = outlay_ledger::Clock::now(&outlay_ledger::SystemClock) - std::time::Duration::from_secs(2);
        task.run_sync(|| {
            outlay::call(HAIKU).usage(usage).record();
            outlay::call(HAIKU).usage(usage).started(start).record();
        });
        task.finish(Outcome::success());
        let metrics = h.metrics();
        let durations =
            metrics.iter().filter(|p| p.name.starts_with("gen_ai.client.") && p.name.ends_with(".duration"));
        let durations: Vec<_> = durations.map(|point| (point.count, point.value >= 2.0)).collect();
        assert_eq!(durations, [(1, true)], "{semconv:?}");
        let counted = |name: &str| point(&metrics, name, &[("outlay.task.name", "t")]).value;
        assert_eq!((counted("outlay.calls"), counted("outlay.attempts")), (2.0, 2.0));
    }
}

#[tokio::test]
async fn names_beyond_two_hundred_are_summed_under_the_newer_release() {
    let h = under(Semconv::Latest).await;
    for number in 0..250 {
        let task = h.outlay.task(&format!("task {number}")).start();
        let agent = async {
            outlay::agent(&format!("agent {number}"))
                .run(async { outlay::tool(&format!("tool {number}")).run(async {}).await })
                .await;
        };
        task.run(agent).await;
        task.finish(Outcome::success());
    }
    let metrics = h.metrics();
    let series = |name: &str| metrics.iter().filter(|point| point.name == name).count();
    assert_eq!(series("gen_ai.invoke_agent.duration"), 201 + 200, "`other` is that of tasks and of agents");
    assert_eq!(series("gen_ai.execute_tool.duration"), 201);
}

#[tokio::test]
async fn what_was_not_counted_has_no_tokens() {
    for semconv in [Semconv::V1_41, Semconv::Latest] {
        let h = under(semconv).await;
        let task = h.outlay.task("t").start();
        task.run_sync(|| {
            let images = UnitCount::new(Unit::OutputImage, 1);
            outlay::call("amazon.nova-canvas-v1:0").operation(Operation::GenerateContent).units(images).record();
            let embedded = Usage::new().with_uncached_input(10);
            outlay::call("amazon.titan-embed-text-v2:0").operation(Operation::Embeddings).usage(embedded).record();
        });
        task.finish(Outcome::success());
        let spans = h.spans();
        let tokens = |name: &str| {
            let span = spans.one(name);
            (span.int("gen_ai.usage.input_tokens"), span.int("gen_ai.usage.output_tokens"))
        };
        assert_eq!(tokens("generate_content amazon.nova-canvas-v1:0"), (None, None));
        assert_eq!(tokens("embeddings amazon.titan-embed-text-v2:0"), (Some(10), None));
        let of_tokens = |point: &&MetricPoint| point.name.starts_with("gen_ai.") && point.name.contains("token");
        let counted: f64 = h.metrics().iter().filter(of_tokens).map(|point| point.count.max(1) as f64).sum();
        assert_eq!(counted, if semconv == Semconv::V1_41 { 1.0 } else { 0.0 }, "only the input of the embeddings");
    }
}

#[tokio::test]
async fn a_dropped_stream_has_the_tokens_that_were_counted() {
    for semconv in [Semconv::V1_41, Semconv::Latest] {
        let h =
            Harness::with(|builder| builder.semconv(semconv).viewer(Viewer::Langfuse).viewer(Viewer::OpenInference))
                .await;
        let usage = json!({"input_tokens": 10, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30});
        let start = json!({"type": "message_start", "message": {"role": "assistant", "content": [], "usage": usage}});
        let delta = json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "well"}});
        h.sim.push(Reply::chunks([start, delta.clone(), delta]));
        let mut stream = Streamed::open(&h.client, Simulated::InvokeModelWithResponseStream, HAIKU).await.unwrap();
        assert_eq!(stream.read(2).await.events.len(), 2);
        drop(stream);
        eventually("the call settles", || !h.spans().is_empty()).await;
        let spans = h.spans();
        let call = spans.one(&format!("chat {HAIKU}"));
        assert_eq!(call.text("outlay.cost.status"), Some("bounded"));
        assert_eq!(finish_reasons(call).is_some(), semconv == Semconv::Latest, "the end was not seen");
        assert_eq!((call.int("gen_ai.usage.input_tokens"), call.int("gen_ai.usage.output_tokens")), (Some(60), None));
        let langfuse: serde_json::Value =
            serde_json::from_str(call.text("langfuse.observation.usage_details").unwrap()).unwrap();
        assert_eq!(
            langfuse,
            json!({"input": 10, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 30}),
            "without an output, which was not counted"
        );
        let phoenix = |key: &str| call.int(&format!("llm.token_count.{key}"));
        assert_eq!((phoenix("prompt"), phoenix("completion"), phoenix("total")), (Some(60), None, None));
        assert_eq!((phoenix("prompt_details.cache_read"), phoenix("prompt_details.cache_write")), (Some(20), Some(30)));
        let (name, attributes) = match semconv {
            Semconv::V1_41 => ("gen_ai.client.token.usage", [("gen_ai.token.type", "input")]),
            _ => ("gen_ai.client.inference.usage.input_tokens", [("gen_ai.token.modality", "unknown")]),
        };
        assert_eq!(point(&h.metrics(), name, &attributes).value, 60.0);
    }
}

#[tokio::test]
async fn tokens_of_speech_are_counted_by_modality_in_the_newer_release() {
    let h = under(Semconv::Latest).await;
    let usage = Usage::new().with_uncached_input(100).with_input_audio(80).with_output(50).with_output_audio(40);
    h.outlay.task("t").start().run_sync(|| outlay::call("amazon.nova-sonic-v1:0").usage(usage).record());
    let metrics = h.metrics();
    let tokens = |kind: &str, modality: &str| {
        let name = format!("gen_ai.client.inference.usage.{kind}_tokens");
        point(&metrics, &name, &[("gen_ai.token.modality", modality)]).value
    };
    assert_eq!([tokens("input", "text"), tokens("input", "audio")], [100.0, 80.0]);
    assert_eq!([tokens("output", "text"), tokens("output", "audio")], [50.0, 40.0]);
    assert_eq!(point(&metrics, "gen_ai.client.inference.operation.input_tokens", &[]).value, 180.0);
}

#[tokio::test]
async fn a_joined_task_has_the_agent_of_its_caller() {
    let (h, worker) = (under(Semconv::Latest).await, under(Semconv::Latest).await);
    let task = h.outlay.task("t").start();
    let mut message = HashMap::new();
    let work = task.run_sync(|| outlay::agent("triage").run_sync(|| outlay::remote("queue")));
    work.inject(&mut message);
    let part = worker.outlay.join(&Incoming::from_trusted(&message).unwrap()).start();
    part.run_sync(|| {
        outlay::plan("read").run_sync(|| {});
        outlay::tool("search").run_sync(|| {});
    });
    part.finish(Outcome::success());
    work.receive(&part.receipt().to_string()).unwrap();
    let spans = worker.spans();
    assert_eq!(spans.one("plan triage").text("gen_ai.agent.name"), Some("triage"));
    assert_eq!(spans.one("execute_tool search").text("gen_ai.agent.name"), Some("triage"));
    let of_tool = [("gen_ai.tool.name", "search"), ("gen_ai.agent.name", "triage")];
    assert_eq!(point(&worker.metrics(), "gen_ai.execute_tool.duration", &of_tool).count, 1);
}

#[tokio::test]
async fn a_refused_call_has_no_proposed_cost() {
    let h = Harness::with(|builder| builder.cost_attributes()).await;
    h.outlay.task("t").budget(Usd::ZERO).start().run(haiku(&h.client).send()).await.unwrap_err();
    assert!(!h.spans().one(&format!("chat {HAIKU}")).has("gen_ai.usage.cost.amount"));
}

#[tokio::test]
async fn samplers_see_the_id_of_the_tool_call() {
    let seen = Seen::default();
    let provider = SdkTracerProvider::builder().with_sampler(seen.clone()).build();
    let outlay = Outlay::builder().tracer_provider(&provider).build();
    outlay.task("t").start().run_sync(|| outlay::tool("search").tool_call_id("call-1").run_sync(|| {}));
    let seen = seen.0.lock().unwrap();
    let (_, keys) = seen.iter().find(|(name, _)| name == "execute_tool search").unwrap();
    assert!(keys.contains("gen_ai.tool.call.id"), "{keys:?}");
}
