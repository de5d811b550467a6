//! The labels of the counters' series.

use std::sync::Arc;

use opentelemetry::KeyValue;
use outlay_ledger::{CostKind, Dimension, Dimensions, Outcome, Runaway, StepKind};

use super::counter::Labels;
use super::custom_dimensions::CustomDimensions;
use crate::names::{outlay, semconv};

/// Labels of calls: task, model, and whether they were refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CallLabels {
    task: Arc<str>,
    model: Arc<str>,
    refused: bool,
}

/// Labels of cost by phase: task and kind of step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KindLabels {
    task: Arc<str>,
    kind: CostKind,
}

/// Labels of tasks: name, outcome and dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TaskLabels {
    task: Arc<str>,
    outcome: &'static str,
    /// The previous outcome, if it was revised.
    from: Option<&'static str>,
    team: Option<Arc<str>>,
    environment: Option<Arc<str>>,
    workflow: Option<Arc<str>>,
    cost_center: Option<Arc<str>>,
    product: Option<Arc<str>>,
    customer_segment: Option<Arc<str>>,
    own: CustomDimensions,
}

/// Labels of something with a name, such as a budget or a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct NamedLabels {
    task: Arc<str>,
    key: &'static str,
    name: Arc<str>,
    team: Option<Arc<str>>,
}

/// Labels of a graduation: the rule, and the workflow that exceeded its limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GraduationLabels {
    pub(super) rule: Arc<str>,
    pub(super) workflow: Arc<str>,
}

impl CallLabels {
    pub(super) fn new(task: &Arc<str>, model: &Arc<str>) -> Self {
        Self { task: task.clone(), model: model.clone(), refused: false }
    }

    /// Returns the labels of refused calls.
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
    /// Returns the labels of a task. `on_metrics` are the keys of the custom dimensions on metrics.
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

    /// Returns the labels of a task with a revised outcome.
    pub(super) fn revised_from(self, before: &'static str) -> Self {
        Self { from: Some(before), ..self }
    }

    /// Returns the attributes for histograms. They are fewer, because each series of a histogram has many buckets.
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
    /// Returns the labels with the name as the attribute `key`.
    pub(super) fn new(task: &Arc<str>, key: &'static str, name: &str) -> Self {
        Self { task: task.clone(), key, name: name.into(), team: None }
    }

    /// Returns the labels with the task's team.
    pub(super) fn with_team(self, dimensions: &Dimensions) -> Self {
        Self { team: dimensions.value(Dimension::Team).cloned(), ..self }
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
        let kind = match &self.kind {
            CostKind::Step(StepKind::Other(_)) => CostKind::Step(StepKind::Other(Arc::from("other"))),
            kind => kind.clone(),
        };
        Self { task: Arc::from("other"), kind }
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
        attributes.extend(self.team.iter().map(|team| KeyValue::new(outlay::TEAM, team.clone())));
    }

    fn overflow(&self) -> Self {
        // The signs of runaways are few, and alerts depend on them.
        let is_runaway = self.key == outlay::POLICY_RULE && Runaway::NAMES.contains(&&*self.name);
        let name = if is_runaway { self.name.clone() } else { Arc::from("other") };
        Self { task: Arc::from("other"), name, ..self.clone() }
    }

    fn rest(&self) -> Self {
        Self { team: None, ..self.overflow() }
    }
}

impl Labels for GraduationLabels {
    fn push(&self, attributes: &mut Vec<KeyValue>) {
        attributes.push(KeyValue::new(outlay::POLICY_RULE, self.rule.clone()));
        attributes.push(KeyValue::new(outlay::WORKFLOW, self.workflow.clone()));
    }

    fn overflow(&self) -> Self {
        Self { rule: Arc::from("other"), workflow: Arc::from("other") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_signs_of_runaways_are_kept_beyond_the_cap() {
        let task = Arc::from("t");
        let of_rule = NamedLabels::new(&task, outlay::POLICY_RULE, "rule-1");
        let of_runaway = NamedLabels::new(&task, outlay::POLICY_RULE, "same_call");
        assert_eq!((&*of_rule.overflow().name, &*of_rule.rest().name), ("other", "other"));
        assert_eq!((&*of_runaway.overflow().name, &*of_runaway.rest().name), ("same_call", "same_call"));
    }
}
