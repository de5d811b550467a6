//! External charges, such as for a paid search or a hosted tool.

use opentelemetry::{Context, KeyValue};
use outlay_price::{Charge, Usd};

use super::traced_scope::TracedScope;
use crate::attribute_values::{picousd, usd};
use crate::instant_span;
use crate::names::outlay;

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
        if charged.late {
            attributes.push(KeyValue::new(outlay::LATE, true));
        }
        let (parent, link) =
            if charged.orphaned { (Context::new(), scope.task_span()) } else { (scope.context(), None) };
        instant_span::write_charge(core, &charged.name, Some(amount), attributes, &parent, link);
    }
}
