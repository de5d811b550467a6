//! Attributes that several kinds of span, and the metrics, have in common.

use opentelemetry::{KeyValue, Value};
use outlay_ledger::{Dimension, Dimensions};
use outlay_price::Usd;

use crate::names::outlay;

/// The business dimensions that are set.
pub(crate) fn push_dimensions(attributes: &mut Vec<KeyValue>, dimensions: &Dimensions) {
    push_known_dimensions(attributes, dimensions);
    for (key, value) in dimensions.custom() {
        attributes.push(KeyValue::new(format!("{}{key}", outlay::DIM_PREFIX), value.clone()));
    }
}

/// Those of them that the library knows by name.
pub(crate) fn push_known_dimensions(attributes: &mut Vec<KeyValue>, dimensions: &Dimensions) {
    for (dimension, value) in dimensions.known() {
        attributes.push(KeyValue::new(dimension_key(dimension), value.clone()));
    }
}

/// `None` for a dimension that this version has no name for.
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

/// Money as the double that viewers read.
pub(crate) fn usd(key: &'static str, amount: Usd) -> KeyValue {
    KeyValue::new(key, amount.to_f64())
}

/// Money as the exact integer that sums are checked with.
pub(crate) fn picousd(key: &'static str, amount: Usd) -> KeyValue {
    KeyValue::new(key, amount.picos_i64())
}

/// A count as an OTLP integer.
pub(crate) fn count(key: &'static str, n: u64) -> KeyValue {
    KeyValue::new(key, int(n))
}

pub(crate) fn int(n: u64) -> Value {
    Value::I64(i64::try_from(n).unwrap_or(i64::MAX))
}
