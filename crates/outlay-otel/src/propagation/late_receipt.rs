//! Spans of receipts that come after their task has closed: linked to the task and outside its total.

use opentelemetry::{Context, KeyValue};
use outlay_ledger::Totals;

use crate::attribute_values::{count, picousd, usd};
use crate::core::Core;
use crate::instant_span;
use crate::names::outlay;
use crate::registry::Expected;

/// Writes the span of a late receipt. It has the total of the work, but no cost of its own: the spans of the other process
/// have that.
pub(super) fn write(core: &Core, work: &Expected, totals: &Totals) {
    let mut attributes = work.attributes.to_vec();
    attributes.extend([
        KeyValue::new(outlay::LATE, true),
        KeyValue::new(outlay::REMOTE_NAME, work.name.clone()),
        KeyValue::new(outlay::TOTAL_STATUS, totals.cost().status().as_str()),
        count(outlay::TOTAL_CALLS, totals.calls()),
    ]);
    if let Some(known) = totals.cost().usd() {
        attributes.push(usd(outlay::TOTAL_REMOTE_USD, known));
        attributes.push(picousd(outlay::TOTAL_PICOUSD, known));
    }
    instant_span::write(core, format!("receipt {}", work.name), attributes, &Context::new(), work.task.clone());
}
