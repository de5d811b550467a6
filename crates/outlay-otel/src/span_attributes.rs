//! Attributes that several kinds of span have in common.

use opentelemetry::{KeyValue, Value};
use outlay_ledger::{Caller, Dimension, Dimensions};
use outlay_price::Usd;

use crate::Scope;
use crate::names::{outlay, semconv};

/// Whose the span is: task, agent, step and conversation.
pub(crate) fn push_identity(attributes: &mut Vec<KeyValue>, scope: &Scope) {
    push_own_identity(attributes, scope);
    if let Some(conversation) = scope.books().conversation() {
        attributes.push(KeyValue::new(semconv::CONVERSATION_ID, conversation.clone()));
    }
}

/// The same by names of the library's own alone.
pub(crate) fn push_own_identity(attributes: &mut Vec<KeyValue>, scope: &Scope) {
    let books = scope.books();
    attributes.push(KeyValue::new(outlay::TASK_ID, books.task_id().to_string()));
    attributes.push(KeyValue::new(outlay::TASK_NAME, books.task_name().clone()));
    // Where the caller's own task goes on, its agent and step go on too.
    let caller = books.joined();
    if let Some((id, name)) = books.agent_in_scope().or_else(|| caller?.agent_in_scope().cloned()) {
        attributes.push(KeyValue::new(outlay::AGENT_ID, id.to_string()));
        attributes.push(KeyValue::new(outlay::AGENT_NAME, name));
    }
    if let Some((id, kind, name)) = books.step_in_scope() {
        attributes.push(KeyValue::new(outlay::STEP_ID, id.to_string()));
        attributes.push(KeyValue::new(outlay::STEP_KIND, kind.as_str().to_owned()));
        attributes.push(KeyValue::new(outlay::STEP_NAME, name.clone()));
    } else if let Some(id) = caller.filter(|_| books.is_root()).and_then(Caller::step_id) {
        attributes.push(KeyValue::new(outlay::STEP_ID, id.to_string()));
    }
}

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
