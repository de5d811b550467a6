//! The custom dimensions on metrics.

use std::sync::Arc;

use opentelemetry::KeyValue;
use outlay_ledger::Dimensions;

use crate::names::outlay;

/// The keys and values of the custom dimensions on metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct CustomDimensions(Vec<(Arc<str>, Arc<str>)>);

impl CustomDimensions {
    /// Returns the custom dimensions with a key in `on_metrics`.
    pub(super) fn of(dimensions: &Dimensions, on_metrics: &[Arc<str>]) -> Self {
        let own = |key: &Arc<str>| dimensions.own(key).map(|value| (key.clone(), value.clone()));
        Self(on_metrics.iter().filter_map(own).collect())
    }

    pub(super) fn push(&self, attributes: &mut Vec<KeyValue>) {
        for (key, value) in &self.0 {
            attributes.push(KeyValue::new(format!("{}{key}", outlay::DIM_PREFIX), value.clone()));
        }
    }
}
