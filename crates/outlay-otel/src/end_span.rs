//! Ends spans, each after its start, whatever the clock says.

use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Span as _, TraceContextExt as _};

/// Ends a span.
pub(crate) fn end(mut span: BoxedSpan, started: SystemTime, ended: SystemTime) {
    #[expect(clippy::disallowed_methods, reason = "this is the function that the lint points to")]
    span.end_with_timestamp(end_time(started, ended));
}

/// Ends the span of a context.
pub(crate) fn end_in(context: &Context, started: SystemTime, ended: SystemTime) {
    #[expect(clippy::disallowed_methods, reason = "this is the function that the lint points to")]
    context.span().end_with_timestamp(end_time(started, ended));
}

/// Returns the end time of a span.
///
/// It is at least one nanosecond after the start. Otherwise Jaeger warns of a negative duration. A span can end at or before
/// its start if the work took no time, if the clock was set back, or if a test's clock stands still.
fn end_time(started: SystemTime, ended: SystemTime) -> SystemTime {
    started.checked_add(Duration::from_nanos(1)).map_or(started, |earliest| ended.max(earliest))
}
