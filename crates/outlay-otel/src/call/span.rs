use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};

/// The span of a call that has settled.
#[derive(Clone, Debug)]
pub struct CallSpan(SpanContext);

impl CallSpan {
    pub(super) const fn new(span: SpanContext) -> Self {
        Self(span)
    }

    /// Does what belongs to the call and comes later: what it tells is told in the call's trace, and not on the span
    /// that happens to be the current one there.
    pub fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        let _attached = Context::new().with_remote_span_context(self.0.clone()).attach();
        act()
    }
}
