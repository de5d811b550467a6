//! `examples/observability/local/start.sh`: one endpoint for the example's traces and metrics, without docker.

use outlay_tests::{MetricStore, run_independent};

use crate::example;
use crate::jaeger::traces_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_local_setup_shows_the_examples_trace_and_its_cost_from_one_endpoint() {
    let Some(store) = MetricStore::start("local_start.sh") else { return };
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", store.value("LOCAL_OTLP")), ("OTEL_METRICS_EXPORTER", "otlp")];
    for _ in 0..3 {
        example::run(&[], &variables).await;
    }
    store.wait_for("sum(last_over_time(outlay_tasks_total{outlay_outcome_kind='success'}[1h]))", 3.0).await;
    let readme = include_str!("../../../README.md");
    let query = readme.split("```text").find(|block| block.contains("outlay_cost_USD_total")).unwrap();
    let query = query.split("```").next().unwrap();
    let found = store.sum(query).await.unwrap();
    assert!((found - 3.0 * example::COST).abs() < 1e-9, "{found} by {query}");
    let traces = traces_of(store.value("JAEGER_QUERY"), "helpdesk").await;
    assert_eq!(traces.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 16]);
}

#[test]
fn the_local_setup_fails_if_another_program_has_one_of_its_ports() {
    for variable in ["OTLP_GRPC", "OTLP_HTTP", "JAEGER_HTTP", "PROMETHEUS_HTTP"] {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap().to_string();
        let Some(printed) = run_independent("local_start_taken.sh", &[variable, &address]) else { return };
        assert!(printed.contains("a program has ended: see the logs above"), "{variable}: {printed}");
        assert!(printed.contains(&format!("{address}: bind: address already in use")), "{variable}: {printed}");
        assert!(!printed.contains("Send yours"), "{variable}: {printed}");
    }
}
