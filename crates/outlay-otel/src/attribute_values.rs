//! Attributes that spans and metrics share.

use std::sync::Arc;

use opentelemetry::{KeyValue, Value};
use outlay_ledger::{Dimension, Dimensions, Outcome, Scope};
use outlay_price::Usd;

use crate::names::outlay;

/// Adds all business dimensions that are set.
pub(crate) fn push_dimensions(attributes: &mut Vec<KeyValue>, dimensions: &Dimensions) {
    push_known_dimensions(attributes, dimensions);
    for (key, value) in dimensions.custom() {
        attributes.push(KeyValue::new(format!("{}{key}", outlay::DIM_PREFIX), value.clone()));
    }
}

/// Adds the dimensions that are set and have a key of their own, without the custom ones.
pub(crate) fn push_known_dimensions(attributes: &mut Vec<KeyValue>, dimensions: &Dimensions) {
    for (dimension, value) in dimensions.known() {
        attributes.push(KeyValue::new(dimension_key(dimension), value.clone()));
    }
}

/// Returns the attribute key of a dimension.
const fn dimension_key(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Team => outlay::TEAM,
        Dimension::Product => outlay::PRODUCT,
        Dimension::CostCenter => outlay::COST_CENTER,
        Dimension::Owner => outlay::OWNER,
        Dimension::Environment => outlay::ENVIRONMENT,
        Dimension::CustomerSegment => outlay::CUSTOMER_SEGMENT,
        _ => outlay::WORKFLOW,
    }
}

/// Returns an amount in dollars as a double, which viewers read.
pub(crate) fn usd(key: &'static str, amount: Usd) -> KeyValue {
    KeyValue::new(key, amount.to_f64())
}

/// Returns an amount in pico-dollars as an exact integer, for checking sums.
pub(crate) fn picousd(key: &'static str, amount: Usd) -> KeyValue {
    KeyValue::new(key, amount.picos_i64())
}

/// Returns a count as an OTLP integer.
pub(crate) fn count(key: &'static str, n: u64) -> KeyValue {
    KeyValue::new(key, int(n))
}

pub(crate) fn int(n: u64) -> Value {
    Value::I64(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Returns the name of the agent that a scope belongs to. If the caller's own task continues here, so does its agent.
pub(crate) fn agent_name(scope: &Scope) -> Option<Arc<str>> {
    let callers = || scope.joined()?.agent_in_scope().cloned();
    scope.agent_in_scope().or_else(callers).map(|(_, name)| name)
}

/// Returns the name of a previous outcome.
pub(crate) fn outcome_name(outcome: Option<Outcome>) -> &'static str {
    outcome.map_or("unknown", |outcome| outcome.kind().as_str())
}
