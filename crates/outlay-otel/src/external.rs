//! External charges: a paid search, a hosted tool.

use opentelemetry::trace::{Link, Span as _, SpanKind};
use opentelemetry::{Context, KeyValue};
use outlay_price::{Charge, Usd};

use crate::Scope;
use crate::names::outlay;
use crate::span_attributes::{picousd, usd};
use crate::tracer::start_builder;

impl Scope {
    /// Charges the scope for something that is no model call.
    pub fn charge(&self, name: &str, amount: Usd) {
        let charge = Charge::external(amount);
        let charged = self.books().charge(name, charge);
        let scope = self.of_books(&charged.scope);
        let engine = scope.engine().inner();
        engine.metrics.record_charge(&scope, &charge);

        let mut attributes = Vec::with_capacity(20);
        attributes.extend_from_slice(scope.attributes());
        attributes.extend([
            KeyValue::new(outlay::CHARGE_NAME, charged.name.clone()),
            usd(outlay::COST_USD, amount),
            picousd(outlay::COST_PICOUSD, amount),
            KeyValue::new(outlay::COST_STATUS, charge.status().as_str()),
        ]);
        let mut parent = scope.context();
        let now = scope.engine().now();
        let mut builder = start_builder(format!("charge {}", charged.name), SpanKind::Internal, now);
        if charged.late {
            attributes.push(KeyValue::new(outlay::LATE, true));
        }
        if charged.orphaned {
            builder = builder.with_links(scope.task_span().map(Link::with_context).into_iter().collect());
            parent = Context::new();
        }
        if let Some(mut span) = engine.spans.start(builder.with_attributes(attributes), &parent) {
            span.end_with_timestamp(now);
        }
    }
}
