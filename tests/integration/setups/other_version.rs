//! An application on another version of the opentelemetry crates than Outlay.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry_0_31::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk_0_31::trace::{InMemorySpanExporter, SdkTracerProvider};
use outlay_tests::{HAIKU, Harness};
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;
use tracing_opentelemetry_0_32::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::run_a_task;

/// Returns the span of the application as a parent in Outlay's version. Both versions write ids alike.
fn bridged(span: &tracing::Span) -> Context {
    let context = span.context();
    let own = context.span().span_context().clone();
    let ids = (TraceId::from_bytes(own.trace_id().to_bytes()), SpanId::from_bytes(own.span_id().to_bytes()));
    let flags = TraceFlags::new(own.trace_flags().to_u8());
    Context::new().with_remote_span_context(SpanContext::new(ids.0, ids.1, flags, true, TraceState::NONE))
}

#[tokio::test]
async fn an_application_on_another_version_has_one_trace_with_a_provider_of_each() {
    // Outlay's spans go to a provider of its version.
    let h = Harness::new().await;
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry_0_32::layer()
        .with_tracer(provider.tracer("application"))
        .with_filter(tracing_subscriber::EnvFilter::new("info,outlay=off"));
    let work = async {
        let request = tracing::info_span!("handle request");
        let task = async {
            let _parent = bridged(&tracing::Span::current()).attach();
            h.outlay.task("t").start()
        };
        let task = task.instrument(request.clone()).await;
        task.run(outlay::agent("triage").run(h.ask(HAIKU, 1_000, 100))).instrument(request).await;
        drop(task);
    };
    work.with_subscriber(tracing_subscriber::registry().with(layer)).await;

    let own = exporter.get_finished_spans().unwrap();
    let request = own.iter().find(|span| span.name == "handle request").unwrap();
    assert!(
        own.iter().all(|span| !span.name.starts_with("invoke_")),
        "Outlay's spans are in its own provider: {own:?}"
    );
    let spans = h.spans();
    spans.assert_conserved();
    let task = spans.one("invoke_workflow t").data();
    assert_eq!(task.parent_span_id.to_bytes(), request.span_context.span_id().to_bytes());
    for span in spans.iter() {
        assert_eq!(span.data().span_context.trace_id().to_bytes(), request.span_context.trace_id().to_bytes());
    }
}

#[tokio::test]
async fn without_a_filter_the_other_versions_layer_has_names_but_no_figures() {
    let h = Harness::new().await;
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry_0_32::layer().with_tracer(provider.tracer("application"));
    run_a_task(&h).with_subscriber(tracing_subscriber::registry().with(layer)).await;
    h.spans().assert_conserved();
    let own = exporter.get_finished_spans().unwrap();
    assert!(own.iter().any(|span| span.name == "invoke_workflow t"), "{own:?}");
    for span in own {
        let keys = span.attributes.iter().map(|attribute| attribute.key.as_str());
        assert!(keys.filter(|key| key.starts_with("outlay.") || key.starts_with("gen_ai.")).count() == 0);
    }
}
