//! The application's own exporters: OTLP as JSON, compressed, and over TLS, into a real Jaeger.

use std::collections::BTreeMap;

use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{
    Compression, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use outlay_tests::Harness;

use super::run_a_task;
use crate::jaeger::{Jaeger, assert_is_whole, root};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jaeger_gets_the_tree_as_json_and_compressed() {
    let Some(jaeger) = Jaeger::start("jaeger.sh") else { return };
    let http = format!("{}/v1/traces", jaeger.value("JAEGER_HTTP"));
    let grpc = jaeger.value("JAEGER_GRPC").to_owned();
    let json = || SpanExporter::builder().with_http().with_endpoint(&http).with_protocol(Protocol::HttpJson);
    let (plain, compressed) = (json(), json().with_compression(Compression::Gzip));
    let exporters = tokio::task::spawn_blocking(move || [plain.build().unwrap(), compressed.build().unwrap()]);
    let [plain, compressed] = exporters.await.unwrap();
    let over_grpc =
        SpanExporter::builder().with_tonic().with_endpoint(grpc).with_compression(Compression::Gzip).build().unwrap();
    for (service, exporter) in [("json", plain), ("json-gzip", compressed), ("grpc-gzip", over_grpc)] {
        check(&jaeger, service, exporter).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jaeger_gets_the_tree_over_tls() {
    let Some(jaeger) = Jaeger::start("jaeger.sh jaeger_tls.yaml") else { return };
    let trusted = std::fs::read_to_string(jaeger.value("JAEGER_CA")).unwrap();
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted));
    let endpoint = jaeger.value("JAEGER_GRPC").replace("http://", "https://");
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).with_tls_config(tls).build().unwrap();
    check(&jaeger, "tls", exporter).await;
}

/// Exports a task of a service and compares what Jaeger has.
async fn check(jaeger: &Jaeger, service: &'static str, exporter: SpanExporter) {
    let resource = Resource::builder().with_service_name(service).build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
    let h = Harness::with(|builder| builder.tracer_provider(&provider)).await;
    run_a_task(&h).await;
    tokio::task::spawn_blocking(move || provider.shutdown().unwrap()).await.unwrap();
    let traces = jaeger.wait_for(service, &BTreeMap::new(), 1).await;
    assert_eq!(traces[0].len(), 4, "{service}");
    assert_is_whole(&traces[0]);
    assert_eq!(root(&traces[0]).tag("outlay.total.picousd"), ("int64", "1650000000"), "{service}");
    assert_eq!(root(&traces[0]).tag("outlay.total.usd"), ("float64", "0.00165"), "{service}");
}
