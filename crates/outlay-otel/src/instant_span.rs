//! Spans of what takes no time: a charge, a late outcome, the end of a job, a late receipt.

use opentelemetry::trace::{Link, SpanContext, SpanKind};
use opentelemetry::{Context, KeyValue};

use crate::core::Core;
use crate::end_span;
use crate::span_source::start_builder;

/// Writes a span that starts and ends now.
pub(crate) fn write(core: &Core, name: String, attributes: Vec<KeyValue>, parent: &Context, link: Option<SpanContext>) {
    let now = core.now();
    let builder = start_builder(name, SpanKind::Internal, now)
        .with_attributes(attributes)
        .with_links(link.map(Link::with_context).into_iter().collect());
    if let Some(span) = core.spans.start(builder, parent) {
        end_span::end(span, now, now);
    }
}
