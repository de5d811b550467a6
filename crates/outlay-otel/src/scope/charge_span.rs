//! External charges, such as for a paid search or a hosted tool.

use opentelemetry::trace::{Link, Span as _, SpanKind};
use opentelemetry::{Context, KeyValue};
use outlay_price::{Charge, Usd};

use super::traced_scope::TracedScope;
use crate::attribute_values::{picousd, usd};
use crate::names::outlay;
use crate::span_source::start_builder;

impl TracedScope {
    /// Charges the scope for something other than a model call.
    pub fn charge(&self, name: &str, amount: Usd) {
        let charge = Charge::external(amount);
        let charged = self.in_ledger().charge(name, charge);
        let scope = self.self_or_ancestor(&charged.scope);
        let core = scope.core();
        let site = scope.site().filter(|_| scope.is_unattributed());
        core.metrics.record_charge(scope.in_ledger(), &charge, site);

        let mut attributes = Vec::with_capacity(20);
        attributes.extend_from_slice(scope.attributes());
        attributes.extend([
            KeyValue::new(outlay::CHARGE_NAME, charged.name.clone()),
            usd(outlay::COST_USD, amount),
            picousd(outlay::COST_PICOUSD, amount),
            KeyValue::new(outlay::COST_STATUS, charge.status().as_str()),
        ]);
        let mut parent = scope.context();
        let now = core.now();
        let mut builder = start_builder(format!("charge {}", charged.name), SpanKind::Internal, now);
        if charged.late {
            attributes.push(KeyValue::new(outlay::LATE, true));
        }
        if charged.orphaned {
            builder = builder.with_links(scope.task_span().map(Link::with_context).into_iter().collect());
            parent = Context::new();
        }
        if let Some(mut span) = core.spans.start(builder.with_attributes(attributes), &parent) {
            span.end_with_timestamp(now);
        }
    }
}
