//! Outcomes that may be set after the task has closed, by user feedback, a review or a refund.

use opentelemetry::{Context, KeyValue};
use outlay_ledger::{Outcome, TaskId};

use super::Engine;
use crate::attribute_values::{push_dimensions, usd};
use crate::instant_span;
use crate::names::outlay;
use crate::registry::ClosedTask;

impl Engine {
    /// Sets the outcome of an open or closed task. The last outcome wins. Returns false if the task is unknown.
    pub fn set_outcome(&self, task: TaskId, outcome: Outcome) -> bool {
        let open = self.0.open_tasks.find(task);
        if let Some(open) = open.first() {
            open.set_outcome(outcome);
        }
        // The task may have closed just now, with its previous outcome.
        let Some(before) = self.0.closed_tasks.revise(task, outcome) else { return !open.is_empty() };
        if before.outcome != outcome {
            self.0.metrics.outcome_revised(&before.name, &before.dimensions, before.outcome, outcome);
            self.write_outcome_span(task, &before, outcome);
        }
        true
    }

    /// Writes a span with the outcome and its time. It is linked to the task's own span, which has ended.
    fn write_outcome_span(&self, id: TaskId, task: &ClosedTask, outcome: Outcome) {
        let mut attributes = vec![
            KeyValue::new(outlay::TASK_ID, id.to_string()),
            KeyValue::new(outlay::TASK_NAME, task.name.clone()),
            KeyValue::new(outlay::OUTCOME_KIND, outcome.kind().as_str()),
            KeyValue::new(outlay::OUTCOME_FROM, task.outcome.kind().as_str()),
            KeyValue::new(outlay::LATE, true),
        ];
        attributes.extend(outcome.worth().map(|worth| usd(outlay::OUTCOME_VALUE_USD, worth)));
        push_dimensions(&mut attributes, &task.dimensions);
        let name = format!("outcome {}", task.name);
        instant_span::write(&self.0, name, attributes, &Context::new(), task.span.clone());
    }
}
