//! Spans of what takes no time: a charge, a late outcome, the end of a job, a late receipt.

use opentelemetry::trace::{Link, SpanContext, SpanKind};
use opentelemetry::{Context, KeyValue};
use outlay_price::Usd;

use crate::core::Core;
use crate::end_span;
use crate::span_source::start_builder;
use crate::viewer_attributes::{SpanRole, push_kinds};

/// Writes a span that starts and ends now.
pub(crate) fn write(
    core: &Core,
    name: String,
    mut attributes: Vec<KeyValue>,
    parent: &Context,
    link: Option<SpanContext>,
) {
    push_kinds(&core.viewers, &mut attributes, SpanRole::Correction);
    write_with_kind(core, name, attributes, parent, link);
}

/// Writes the span of an amount that is charged now; `None` if it is not known.
pub(crate) fn write_charge(
    core: &Core,
    name: &str,
    amount: Option<Usd>,
    mut attributes: Vec<KeyValue>,
    parent: &Context,
    link: Option<SpanContext>,
) {
    push_kinds(&core.viewers, &mut attributes, SpanRole::Charge);
    if let Some(amount) = amount {
        for viewer in &core.viewers {
            viewer.push_cost(&mut attributes, amount);
        }
    }
    write_with_kind(core, format!("charge {name}"), attributes, parent, link);
}

fn write_with_kind(core: &Core, name: String, attributes: Vec<KeyValue>, parent: &Context, link: Option<SpanContext>) {
    let now = core.now();
    let builder = start_builder(name, SpanKind::Internal, now)
        .with_attributes(attributes)
        .with_links(link.map(Link::with_context).into_iter().collect());
    if let Some(span) = core.spans.start(builder, parent) {
        end_span::end(span, now, now);
    }
}
