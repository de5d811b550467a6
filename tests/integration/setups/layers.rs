//! Subscribers and layers of `tracing`: a layer without context activation, and two subscribers.

use opentelemetry::trace::TracerProvider as _;
use outlay::Outcome;
use outlay_tests::{HAIKU, Harness};
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;
use tracing_subscriber::layer::SubscriberExt as _;

#[tokio::test]
async fn a_layer_without_context_activation_leaves_the_tree_whole() {
    let h = Harness::new().await;
    let layer = tracing_opentelemetry::layer()
        .with_tracer(h.tracer_provider.tracer("application"))
        .with_context_activation(false);
    let work = async {
        let task = h.outlay.task("t").start();
        let in_own_span = async { h.ask(HAIKU, 1_000, 100).instrument(tracing::info_span!("own")).await };
        task.run(outlay::agent("triage").run(in_own_span)).await;
        task.finish(Outcome::success());
    };
    work.with_subscriber(tracing_subscriber::registry().with(layer)).await;
    let spans = h.spans();
    spans.assert_conserved();
    let call = spans.one(&format!("chat {HAIKU}"));
    // The span of the application is not active in OpenTelemetry, so the call is directly below the agent.
    assert_eq!(spans.parent(call).map(|parent| parent.name()), Some("invoke_agent triage"));
    assert_eq!(spans.parent(spans.one("own")).map(|parent| parent.name()), Some("invoke_agent triage"));
}

#[tokio::test]
async fn a_task_across_two_subscribers_is_one_tree() {
    let h = Harness::new().await;
    let (outer, inner) = (h.subscriber("info"), h.subscriber("info"));
    let work = async {
        let task = h.outlay.task("t").start();
        let plan = async { outlay::plan("read").run(h.ask(HAIKU, 1_000, 100)).await };
        let agent = async { outlay::agent("triage").run(plan).await };
        task.run(agent.with_subscriber(inner)).await;
        task.run(h.ask(HAIKU, 1_000, 100)).await;
        task.finish(Outcome::success());
    };
    work.with_subscriber(outer).await;
    let spans = h.spans();
    spans.assert_conserved();
    let parent = |name: &str| spans.parent(spans.one(name)).map(|parent| parent.name().to_owned());
    assert_eq!(parent("invoke_agent triage").as_deref(), Some("invoke_workflow t"));
    assert_eq!(parent("plan read").as_deref(), Some("invoke_agent triage"));
    assert_eq!(spans.one("invoke_workflow t").int("outlay.total.picousd"), Some(2 * 1_650_000_000));
}
