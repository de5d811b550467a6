//! What the series of the counters are told apart by.

use std::sync::Arc;

use opentelemetry::KeyValue;
use outlay_ledger::{CostKind, Dimension, Dimensions, Outcome};

use super::counter::Labels;
use super::custom_dimensions::CustomDimensions;
use crate::names::{outlay, semconv};

/// Calls by task and model, with made and refused calls apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallLabels {
    task: Arc<str>,
    model: Arc<str>,
    refused: bool,
}

/// Cost by phase: by task and kind of step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KindLabels {
    task: Arc<str>,
    kind: CostKind,
}

/// Tasks: by name, outcome, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TaskLabels {
    task: Arc<str>,
    outcome: &'static str,
    /// How it had ended before, where that is revised.
    from: Option<&'static str>,
    team: Option<Arc<str>>,
    environment: Option<Arc<str>>,
    workflow: Option<Arc<str>>,
    cost_center: Option<Arc<str>>,
    product: Option<Arc<str>>,
    customer_segment: Option<Arc<str>>,
    own: CustomDimensions,
}

/// What has a name of its own: a budget, a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct NamedLabels {
    task: Arc<str>,
    key: &'static str,
    name: Arc<str>,
}

impl CallLabels {
    pub(super) fn new(task: &Arc<str>, model: &Arc<str>) -> Self {
        Self { task: task.clone(), model: model.clone(), refused: false }
    }

    /// Those that were refused.
    pub(super) fn refused(self) -> Self {
        Self { refused: true, ..self }
    }
}

impl KindLabels {
    pub(super) fn new(task: &Arc<str>, kind: &CostKind) -> Self {
        Self { task: task.clone(), kind: kind.clone() }
    }
}

impl TaskLabels {
    /// `on_metrics` are the keys of the application's own dimensions that are on metrics.
    pub(super) fn new(task: &Arc<str>, dimensions: &Dimensions, outcome: Outcome, on_metrics: &[Arc<str>]) -> Self {
        let value = |dimension| dimensions.value(dimension).cloned();
        Self {
            task: task.clone(),
            outcome: outcome.kind().as_str(),
            from: None,
            team: value(Dimension::Team),
            environment: value(Dimension::Environment),
            workflow: value(Dimension::Workflow),
            cost_center: value(Dimension::CostCenter),
            product: value(Dimension::Product),
            customer_segment: value(Dimension::CustomerSegment),
            own: CustomDimensions::of(dimensions, on_metrics),
        }
    }

    /// The same task, which had ended otherwise before.
    pub(super) fn revised_from(self, before: Outcome) -> Self {
        Self { from: Some(before.kind().as_str()), ..self }
    }

    /// Returns the labels of histograms: fewer, because each of their series has many buckets.
    pub(super) fn histogram_attributes(&self) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(6);
        attributes.push(KeyValue::new(outlay::TASK_NAME, self.task.clone()));
        attributes.push(KeyValue::new(outlay::OUTCOME_KIND, self.outcome));
        let dimensions =
            [(outlay::TEAM, &self.team), (outlay::ENVIRONMENT, &self.environment), (outlay::WORKFLOW, &self.workflow)];
        push_present(&mut attributes, dimensions);
        attributes
    }
}

impl NamedLabels {
    /// `key` is the attribute that holds the name.
    pub(super) fn new(task: &Arc<str>, key: &'static str, name: &str) -> Self {
        Self { task: task.clone(), key, name: name.into() }
    }
}

impl Labels for CallLabels {
    fn push(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(outlay::TASK_NAME, self.task.clone()));
        attributes.push(KeyValue::new(semconv::REQUEST_MODEL, self.model.clone()));
        if self.refused {
            attributes.push(KeyValue::new(outlay::CALL_REFUSED, true));
        }
    }

    fn overflow(&self) -> Self {
        Self { task: Arc::from("other"), model: Arc::from("other"), ..self.clone() }
    }
}

impl Labels for KindLabels {
    fn push(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(outlay::TASK_NAME, self.task.clone()));
        attributes.push(KeyValue::new(outlay::STEP_KIND, self.kind.as_str().to_owned()));
    }

    fn overflow(&self) -> Self {
        Self { task: Arc::from("other"), kind: CostKind::Direct }
    }
}

impl Labels for TaskLabels {
    fn push(&self, attributes: &mut Vec<KeyValue>) {
        attributes.extend(self.histogram_attributes());
        attributes.extend(self.from.map(|from| KeyValue::new(outlay::OUTCOME_FROM, from)));
        let dimensions = [
            (outlay::COST_CENTER, &self.cost_center),
            (outlay::PRODUCT, &self.product),
            (outlay::CUSTOMER_SEGMENT, &self.customer_segment),
        ];
        push_present(attributes, dimensions);
        self.own.push(attributes);
    }

    fn overflow(&self) -> Self {
        Self {
            task: Arc::from("other"),
            workflow: None,
            product: None,
            customer_segment: None,
            own: CustomDimensions::default(),
            ..self.clone()
        }
    }

    fn rest(&self) -> Self {
        Self { team: None, environment: None, cost_center: None, ..self.overflow() }
    }
}

/// Pushes the dimensions that are set.
fn push_present(attributes: &mut Vec<KeyValue>, dimensions: [(&'static str, &Option<Arc<str>>); 3]) {
    for (key, value) in dimensions {
        attributes.extend(value.iter().map(|value| KeyValue::new(key, value.clone())));
    }
}

impl Labels for NamedLabels {
    fn push(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(outlay::TASK_NAME, self.task.clone()));
        attributes.push(KeyValue::new(self.key, self.name.clone()));
    }

    fn overflow(&self) -> Self {
        Self { task: Arc::from("other"), name: Arc::from("other"), ..self.clone() }
    }
}
