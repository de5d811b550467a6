//! Measures what metering adds to a Converse call, compared to the same telemetry written by hand: spans, attributes and
//! metric updates.
//!
//! `cargo bench -p outlay-benches --bench metered_call`
#![allow(clippy::print_stdout, missing_docs, reason = "a benchmark prints its results")]

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
use bedrock_sim::{Operation, Reply, Tokens};
use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use opentelemetry::trace::{Span as _, SpanKind, Tracer as _, TracerProvider as _};
use opentelemetry::{Array, Context, KeyValue, Value};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use outlay::bedrock::{Metered as _, Principals};
use outlay::{Outcome, Outlay};
use outlay_benches::{Chunks, Sink, client, median, paired, replay, rounds, sts};

const MODEL: &str = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
const PAIRS: usize = 15;

/// Enough calls that exports run at the same time, as in production.
fn count() -> usize {
    rounds(4_000)
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let reply = Reply::from(Reply::message().text("hello").usage(Tokens::new(1_000, 100).cache_read(4_096)));
    let bare = client(replay(&reply, Operation::Converse, MODEL, Chunks::Whole));
    let (metered_sink, hand_sink) = (Sink::default(), Sink::default());
    let (metered_traces, metered_metrics) = (metered_sink.tracer_provider(), metered_sink.meter_provider());
    let (hand_traces, hand_metrics) = (hand_sink.tracer_provider(), hand_sink.meter_provider());
    let outlay = Outlay::builder().tracer_provider(&metered_traces).meter_provider(&metered_metrics).build();
    let metered = bare.clone().metered(&outlay);
    let by_hand = ByHand::new(&hand_traces, &hand_metrics);

    let calls = |client: &Client| {
        runtime.block_on(async {
            for _ in 0..count() {
                ask(client).await;
            }
        });
    };
    let call = paired(
        PAIRS,
        || {
            let task = start_task(&outlay);
            task.run_sync(|| {
                outlay::agent("triage").run_sync(|| outlay::plan("read").run_sync(|| calls(&metered)));
            });
            task.finish(Outcome::success());
            metered_traces.force_flush().expect("the sink accepts all spans");
        },
        || calls(&bare),
    );
    // The same calls with a known principal on the span and the metrics.
    let principal_sink = Sink::default();
    let (traces, metrics) = (principal_sink.tracer_provider(), principal_sink.meter_provider());
    let principals = Principals::new(sts("arn:aws:sts::123456789012:assumed-role/agents/session"));
    let with_principal =
        Outlay::builder().principals(principals).tracer_provider(&traces).meter_provider(&metrics).build();
    let principal_client = bare.clone().metered(&with_principal);
    let principal = paired(
        PAIRS,
        || {
            let task = start_task(&with_principal);
            task.run_sync(|| {
                outlay::agent("triage").run_sync(|| outlay::plan("read").run_sync(|| calls(&principal_client)));
            });
            task.finish(Outcome::success());
            traces.force_flush().expect("the sink accepts all spans");
        },
        || calls(&bare),
    );
    let idle_client = Client::from_conf(bare.config().to_builder().interceptor(Idle).build());
    let idle = paired(PAIRS, || calls(&idle_client), || calls(&bare));
    // Recorded by hand after each call, so that the CPU caches are in the same state.
    let hand = paired(
        PAIRS,
        || {
            runtime.block_on(async {
                for _ in 0..count() {
                    ask(&bare).await;
                    by_hand.record();
                }
            });
            hand_traces.force_flush().expect("the sink accepts all spans");
        },
        || calls(&bare),
    );

    let micros = |seconds: f64| seconds / count() as f64 * 1e6;
    let adds = micros(call.median_of(|metered, bare| metered - bare));
    let hand = micros(hand.median_of(|by_hand, bare| by_hand - bare));
    println!("bare Converse, no network            {:8.2} us", micros(median(call.b.clone())));
    println!("metered                              {:8.2} us", micros(median(call.a.clone())));
    println!("an interceptor that does nothing     {:8.2} us", micros(idle.median_of(|idle, bare| idle - bare)));
    println!("metering adds                        {adds:8.2} us");
    println!("the same telemetry by hand adds      {hand:8.2} us");
    let principal = micros(principal.median_of(|metered, bare| metered - bare));
    println!("metering with the principal adds     {principal:8.2} us");
    println!("ratio (bar: 1.50)                    {:8.2}", adds / hand);
    // Each run has three scope spans and one span per call. One run is a warm-up.
    let expected = (call.a.len() + 1) * (count() + 3);
    assert_eq!(metered_sink.spans(), expected, "no span is dropped");
}

/// An interceptor that does nothing, to measure the cost of an interceptor in the SDK.
#[derive(Debug)]
struct Idle;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl aws_smithy_runtime_api::client::interceptors::Intercept for Idle {
    fn name(&self) -> &'static str {
        "Idle"
    }
}

async fn ask(client: &Client) {
    let message = Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Text("hello".to_owned()))
        .build()
        .expect("role and content are set");
    client.converse().model_id(MODEL).messages(message).send().await.expect("the replay answers");
}

fn start_task(outlay: &Outlay) -> outlay::Task {
    outlay
        .task("resolve-ticket")
        .team("support")
        .product("helpdesk")
        .cost_center("cc-4711")
        .environment("production")
        .customer_segment("enterprise")
        .workflow("tickets")
        .owner("ana")
        .start()
}

/// The same telemetry as an application would write it. The values are constant: nothing is counted or priced.
struct ByHand {
    tracer: SdkTracer,
    cost: Counter<f64>,
    tokens: Histogram<u64>,
    duration: Histogram<f64>,
    phase_cost: Counter<f64>,
    calls: Counter<u64>,
    attempts: Counter<u64>,
    ids: [Arc<str>; 3],
}

impl ByHand {
    fn new(traces: &SdkTracerProvider, metrics: &SdkMeterProvider) -> Self {
        let meter = metrics.meter("by-hand");
        Self {
            tracer: traces.tracer("by-hand"),
            cost: meter.f64_counter("outlay.cost").build(),
            tokens: meter.u64_histogram("gen_ai.client.token.usage").build(),
            duration: meter.f64_histogram("gen_ai.client.operation.duration").build(),
            phase_cost: meter.f64_counter("outlay.phase.cost").build(),
            calls: meter.u64_counter("outlay.calls").build(),
            attempts: meter.u64_counter("outlay.attempts").build(),
            ids: [(); 3].map(|()| Arc::from("01890a5d-ac96-774b-bcce-b302099a8057")),
        }
    }

    fn record(&self) {
        #[allow(clippy::disallowed_methods, reason = "like an application")]
        let started = SystemTime::now();
        let [task, agent, step] = self.ids.clone();
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", "aws.bedrock"),
            KeyValue::new("gen_ai.request.model", MODEL),
            KeyValue::new("gen_ai.request.stream", false),
            KeyValue::new("cloud.region", "us-east-1"),
            KeyValue::new("outlay.task.id", task.to_string()),
            KeyValue::new("outlay.task.name", "resolve-ticket"),
            KeyValue::new("outlay.agent.id", agent.to_string()),
            KeyValue::new("outlay.agent.name", "triage"),
            KeyValue::new("outlay.step.id", step.to_string()),
            KeyValue::new("outlay.step.kind", "plan"),
            KeyValue::new("outlay.step.name", "read"),
        ];
        attributes.extend(dimensions());
        attributes.extend([
            KeyValue::new("aws.request_id", "00000000-0000-4000-8000-000000000000".to_owned()),
            KeyValue::new("server.address", "bedrock.invalid".to_owned()),
            KeyValue::new("server.port", 80),
            KeyValue::new(
                "gen_ai.response.finish_reasons",
                Value::Array(Array::String(vec!["end_turn".to_owned().into()])),
            ),
            KeyValue::new("outlay.call.attempts", 1),
            KeyValue::new("gen_ai.usage.input_tokens", 5_096),
            KeyValue::new("gen_ai.usage.output_tokens", 100),
            KeyValue::new("gen_ai.usage.cache_read.input_tokens", 4_096),
            KeyValue::new("outlay.cost.status", "exact"),
            KeyValue::new("outlay.cost.usd", 0.00210056),
            KeyValue::new("outlay.cost.picousd", 2_100_560_000_i64),
            KeyValue::new("outlay.cost.input.usd", 0.0011),
            KeyValue::new("outlay.cost.output.usd", 0.00055),
            KeyValue::new("outlay.cost.cache_read.usd", 0.00045056),
            KeyValue::new("outlay.task.running.usd", 0.00210056),
            KeyValue::new("outlay.task.running.picousd", 2_100_560_000_i64),
            KeyValue::new("outlay.task.running.calls", 1),
            KeyValue::new("outlay.price.version", "2026-11-20"),
            KeyValue::new("outlay.price.routing", "us"),
            KeyValue::new("outlay.price.tier", "default"),
            KeyValue::new("outlay.price.source", "litellm"),
        ]);
        let builder = self
            .tracer
            .span_builder(format!("chat {MODEL}"))
            .with_kind(SpanKind::Client)
            .with_start_time(started)
            .with_attributes(attributes);
        let mut span = self.tracer.build_with_context(builder, &Context::current());
        #[allow(clippy::disallowed_methods, reason = "the span is written without Outlay")]
        span.end();
        self.record_metrics();
    }

    fn record_metrics(&self) {
        for (direction, usd) in [("input", 0.0011), ("output", 0.00055), ("cache_read", 0.00045056)] {
            let mut attributes = vec![
                KeyValue::new("outlay.task.name", "resolve-ticket"),
                KeyValue::new("outlay.agent.name", "triage"),
                KeyValue::new("gen_ai.request.model", MODEL),
                KeyValue::new("outlay.cost.status", "exact"),
                KeyValue::new("outlay.cost.direction", direction),
            ];
            attributes.extend(dimensions());
            self.cost.add(usd, &attributes);
        }
        let task = KeyValue::new("outlay.task.name", "resolve-ticket");
        self.phase_cost.add(0.00210056, &[task.clone(), KeyValue::new("outlay.step.kind", "plan")]);
        let labels = [task, KeyValue::new("gen_ai.request.model", MODEL)];
        self.calls.add(1, &labels);
        self.attempts.add(1, &labels);
        let common = || {
            vec![
                KeyValue::new("gen_ai.operation.name", "chat"),
                KeyValue::new("gen_ai.provider.name", "aws.bedrock"),
                KeyValue::new("gen_ai.request.model", MODEL),
                KeyValue::new("server.address", "bedrock.invalid"),
                KeyValue::new("server.port", 80),
            ]
        };
        for (kind, tokens) in [("input", 5_096), ("output", 100)] {
            let mut attributes = common();
            attributes.push(KeyValue::new("gen_ai.token.type", kind));
            self.tokens.record(tokens, &attributes);
        }
        self.duration.record(0.0001, &common());
    }
}

fn dimensions() -> [KeyValue; 7] {
    [
        KeyValue::new("outlay.team", "support"),
        KeyValue::new("outlay.product", "helpdesk"),
        KeyValue::new("outlay.cost_center", "cc-4711"),
        KeyValue::new("outlay.owner", "ana"),
        KeyValue::new("outlay.environment", "production"),
        KeyValue::new("outlay.customer_segment", "enterprise"),
        KeyValue::new("outlay.workflow", "tickets"),
    ]
}
