//! Two processes that export to one third-party receiver. Their spans form one tree with matching sums.

use std::collections::BTreeSet;
use std::process::Stdio;

use bedrock_sim::{BedrockSim, Reply, Tokens};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use outlay::bedrock::Metered as _;
use outlay::{Outcome, Outlay};
use outlay_tests::{Independent, SONNET, client_config, converse};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tower::ServiceExt as _;

use super::worker::{client, post, read};
use crate::otlp_wire::{WireSpan, read_spans, wait_for};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_party_receiver_gets_one_tree_with_matching_sums() {
    let Some(rotel) = Independent::start("rotel.sh", &["ROTEL_GRPC", "ROTEL_LOG"]) else { return };
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(rotel.value("ROTEL_GRPC")).build().unwrap();
    let tracer_provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let (mut worker, address) = worker(rotel.value("ROTEL_GRPC")).await;

    let bedrock = BedrockSim::start().await.unwrap();
    bedrock.otherwise(|_| Reply::message().text("ok").usage(Tokens::new(2_000, 50)));
    let outlay = Outlay::builder().tracer_provider(&tracer_provider).propagate(["team"]).build();
    let model = aws_sdk_bedrockruntime::Client::from_conf(client_config(&bedrock.url()).build()).metered(&outlay);
    let task = outlay.task("resolve-ticket").team("support").start();
    task.run(outlay::agent("orchestrator").run(async {
        outlay::plan("split").run(converse(&model, SONNET).send()).await.unwrap();
        let http = client();
        let ask = |path: &str| {
            let response = http.clone().oneshot(post(&format!("http://{address}{path}")));
            outlay::tool("research").run(async { read(response.await.unwrap()).await })
        };
        tokio::join!(ask("/research"), ask("/stream"), ask("/research"));
    }))
    .await;
    let report = task.finish(Outcome::success());
    drop(worker.stdin.take());
    assert!(worker.wait().await.unwrap().success());
    tokio::task::spawn_blocking(move || tracer_provider.shutdown().unwrap()).await.unwrap();

    let root_names =
        ["invoke_workflow resolve-ticket", "invoke_workflow POST /research", "invoke_workflow POST /stream"];
    let spans = read_spans(&wait_for(rotel.value("ROTEL_LOG"), &root_names).await);
    let traces: BTreeSet<&str> = spans.iter().map(|span| &*span.trace).collect();
    assert_eq!(traces.len(), 1, "one trace: {traces:?}");
    let roots: Vec<_> = spans.iter().filter(|span| span.attributes.contains_key("outlay.task.root")).collect();
    let [root] = roots.as_slice() else { panic!("one root: {roots:?}") };
    assert_eq!(root.name, "invoke_workflow resolve-ticket");
    assert!(spans.iter().all(|span| span.id == root.id || spans.iter().any(|parent| parent.id == span.parent)));
    assert_eq!(spans.len(), 1 + 1 + 2 + 3 + 2 * 7 + 3, "{spans:#?}");
    let mut scopes = 0;
    for scope in spans.iter().filter(|span| span.attributes.contains_key("outlay.total.picousd")) {
        assert_eq!(int(scope, "outlay.total.picousd"), Some(sum_below(&spans, &scope.id)), "{}", scope.name);
        scopes += 1;
    }
    assert_eq!(scopes, 6 + 2 * 4 + 1);
    // Here 2,000 tokens at $3.30 and 50 at $16.50 per million. In the worker six calls at $1.10, $0.11 and $5.50, and two
    // charges.
    let (here, call) = (7_425_000_000, 1_650_770_000);
    let remote_cost = 6 * call + 2 * 5_001_000_000;
    assert_eq!(int(root, "outlay.total.picousd"), Some(here + remote_cost));
    assert_eq!(report.totals().remote().picos(), i128::from(remote_cost));
    let remote: f64 = root.attributes["outlay.total.remote_usd"].1.parse().unwrap();
    assert!((remote * 1e12 - remote_cost as f64).abs() < 1.0, "{remote}");
    assert!(spans.iter().filter(|s| s.name.starts_with("chat ")).all(|s| s.attributes["outlay.team"].1 == "support"));
}

/// Starts the worker process and returns it with its address.
async fn worker(otlp: &str) -> (Child, String) {
    let mut worker = Command::new(env!("CARGO_BIN_EXE_worker"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", otlp)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(worker.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().unwrap();
    (worker, address)
}

fn int(span: &WireSpan, key: &str) -> Option<i64> {
    span.attributes.get(key).map(|(_, text)| text.parse().unwrap())
}

fn sum_below(spans: &[WireSpan], id: &str) -> i64 {
    let children = spans.iter().filter(|s| s.parent == id);
    children.map(|s| int(s, "outlay.cost.picousd").unwrap_or(0) + sum_below(spans, &s.id)).sum()
}
