//! The tracer provider for spans: the one in the settings, else the global one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::global::{self, BoxedSpan, BoxedTracer};
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, Tracer, TracerProvider};

use crate::semconv::{PerRelease, Semconv, instrumentation_scope};

static IS_MISSING_PROVIDER_EXPECTED: AtomicBool = AtomicBool::new(false);

/// Suppresses the warning that no tracer provider is set, for a process that exports nothing on purpose.
pub fn suppress_missing_provider_warning() {
    IS_MISSING_PROVIDER_EXPECTED.store(true, Ordering::Relaxed);
}

/// A source of spans, which are started directly on OpenTelemetry.
#[derive(Debug)]
pub struct SpanSource {
    given: Option<PerRelease<BoxedTracer>>,
    semconv: Semconv,
    global: OnceLock<BoxedTracer>,
    no_provider: Once,
}

impl SpanSource {
    /// Returns a source that uses this provider.
    pub fn of_provider<P, S>(provider: &P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Tracer<Span = S> + Send + Sync + 'static,
        S: Span + Send + Sync + 'static,
    {
        let tracers = PerRelease::new(|scope| BoxedTracer::new(Box::new(provider.tracer_with_scope(scope))));
        Self { given: Some(tracers), ..Self::global() }
    }

    /// Returns a source that uses the global provider, looked up at first use.
    pub const fn global() -> Self {
        Self { given: None, semconv: Semconv::V1_41, global: OnceLock::new(), no_provider: Once::new() }
    }

    /// Sets the release of the conventions that names the spans.
    pub(crate) fn named_by(self, semconv: Semconv) -> Self {
        Self { semconv, ..self }
    }

    /// Starts a span. Returns `None` if there is no provider.
    pub(crate) fn start(&self, builder: SpanBuilder, parent: &Context) -> Option<BoxedSpan> {
        let given = self.given.as_ref().map(|tracers| tracers.get(self.semconv));
        if let Some(tracer) = given.or_else(|| self.global.get()) {
            return Some(tracer.build_with_context(builder, parent));
        }
        // The application may set its provider after its first span, so the global tracer is kept only once it is known
        // to be real: a real one gives each span an id, sampled or not.
        let tracer = global::tracer_with_scope(instrumentation_scope(self.semconv));
        let span = tracer.build_with_context(builder, parent);
        if is_real(&span, parent) {
            let _ = self.global.set(tracer);
            Some(span)
        } else {
            self.warn_once_of_missing_provider();
            None
        }
    }

    fn warn_once_of_missing_provider(&self) {
        if IS_MISSING_PROVIDER_EXPECTED.load(Ordering::Relaxed) {
            return;
        }
        self.no_provider.call_once(|| {
            tracing::warn!(
                target: "outlay",
                "no OpenTelemetry tracer provider is set: costs are counted, but no span shows them; set a provider with \
                 opentelemetry::global::set_tracer_provider(..), pass one to Outlay::builder().tracer_provider(..), \
                 or start with outlay::telemetry::init(..)"
            );
        });
    }
}

impl Default for SpanSource {
    fn default() -> Self {
        Self::global()
    }
}

/// Returns the builder of a span with this name, kind and start time.
pub(crate) fn start_builder(name: String, kind: SpanKind, started: SystemTime) -> SpanBuilder {
    SpanBuilder::from_name(name).with_kind(kind).with_start_time(started)
}

/// Returns whether the span has an id of its own. The no-op provider returns the parent's span context, or an invalid one.
fn is_real(span: &BoxedSpan, parent: &Context) -> bool {
    use opentelemetry::trace::TraceContextExt as _;
    span.span_context().is_valid() && span.span_context().span_id() != parent.span().span_context().span_id()
}
