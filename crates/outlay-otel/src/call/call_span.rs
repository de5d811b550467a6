use opentelemetry::Context;
use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind, Status, TraceContextExt as _};

use super::settled_call::SettledCall;
use super::{attempt_span, call_attributes, call_event};
use crate::end_span;
use crate::scope::TracedScope;
use crate::span_source::start_builder;

/// The span of a call that has settled.
#[derive(Clone, Debug)]
pub struct CallSpan(SpanContext);

impl CallSpan {
    /// Runs `act` with the call's span as the current one. Use this for work that belongs to the call but runs later: its
    /// alerts are reported in the call's trace, and not on the span that is current at that time.
    pub fn within<T>(&self, act: impl FnOnce() -> T) -> T {
        let _attached = Context::new().with_remote_span_context(self.0.clone()).attach();
        act()
    }
}

/// Writes the span when everything is known, with its true start time. So each attribute is set once, samplers see all of
/// them, and a call that never settles leaves no span.
pub(super) fn write(call: &SettledCall, scope: &TracedScope, context: &Context) -> CallSpan {
    let core = scope.core();
    let name = [call.start.operation.as_str(), " ", &call.start.model].concat();
    let mut builder =
        start_builder(name, SpanKind::Client, call.start.started).with_attributes(call_attributes::of(call, scope));
    let mut parent = context;
    let root = Context::new();
    if call.settled.orphaned {
        // The call is outside its scope's total, so its span is not below the scope's span.
        builder = builder.with_links(scope.task_span().map(Link::with_context).into_iter().collect());
        parent = &root;
    }
    let Some(mut span) = core.spans.start(builder, parent) else {
        call_event::write(call);
        return CallSpan(parent.span().span_context().clone());
    };
    let written = span.span_context().clone();
    if let Some(error) = &call.end.error {
        span.set_status(Status::error(error.clone()));
    }
    if !core.attempt_spans.includes(call.end.attempts.len(), call.end.error.is_some()) {
        end_span::end(span, call.start.started, call.ended);
        return CallSpan(written);
    }
    let within = parent.with_span(span);
    for (index, attempt) in call.end.attempts.iter().enumerate() {
        attempt_span::write(attempt, index + 1, scope, &within);
    }
    end_span::end_in(&within, call.start.started, call.ended);
    CallSpan(written)
}
