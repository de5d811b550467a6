//! Outcomes that may be set after the task has closed, by user feedback, a review or a refund.

use std::sync::Arc;

use opentelemetry::{Context, KeyValue};
use outlay_ledger::{Outcome, TaskId};

use super::Engine;
use crate::attribute_values::{outcome_name, picousd, push_dimensions, usd};
use crate::instant_span;
use crate::names::{outlay, semconv};
use crate::outcome_token::OutcomeTokenError;
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
        self.record_revision(task, &before, outcome);
        true
    }

    /// Sets the outcome of a task of any process by its token. The last outcome wins.
    ///
    /// # Errors
    ///
    /// Returns an [`OutcomeTokenError`] if the token is not valid.
    pub fn record_outcome(&self, token: &str, outcome: Outcome) -> Result<(), OutcomeTokenError> {
        let told = self.0.outcome_tokens.read(token, self.now())?;
        if !self.set_outcome(told.id, outcome) {
            let task = ClosedTask {
                name: told.name,
                dimensions: Arc::new(told.dimensions),
                conversation: None,
                outcome: told.outcome,
                span: told.span,
                cost: told.cost,
            };
            let before = self.0.closed_tasks.revise_foreign(told.id, task, outcome);
            self.record_revision(told.id, &before, outcome);
        }
        Ok(())
    }

    fn record_revision(&self, task: TaskId, before: &ClosedTask, outcome: Outcome) {
        if before.outcome != Some(outcome) {
            self.0.metrics.outcome_revised(&before.name, &before.dimensions, before.outcome, outcome);
            self.write_outcome_span(task, before, outcome);
        }
    }

    /// Writes a span with the outcome and its time. It is linked to the task's own span, which has ended.
    fn write_outcome_span(&self, id: TaskId, task: &ClosedTask, outcome: Outcome) {
        let mut attributes = vec![
            KeyValue::new(outlay::TASK_ID, id.to_string()),
            KeyValue::new(outlay::TASK_NAME, task.name.clone()),
            KeyValue::new(outlay::OUTCOME_KIND, outcome.kind().as_str()),
            KeyValue::new(outlay::OUTCOME_FROM, outcome_name(task.outcome)),
            KeyValue::new(outlay::LATE, true),
        ];
        attributes.extend(outcome.value_usd().map(|value| usd(outlay::OUTCOME_VALUE_USD, value)));
        if let Some((known, status)) = task.cost {
            attributes.push(KeyValue::new(outlay::TOTAL_STATUS, status.as_str()));
            attributes.extend(
                known
                    .into_iter()
                    .flat_map(|known| [usd(outlay::TOTAL_USD, known), picousd(outlay::TOTAL_PICOUSD, known)]),
            );
        }
        let conversation = task.conversation.clone();
        attributes.extend(conversation.map(|id| KeyValue::new(semconv::CONVERSATION_ID, id)));
        push_dimensions(&mut attributes, &task.dimensions);
        let name = format!("outcome {}", task.name);
        instant_span::write(&self.0, name, attributes, &Context::new(), task.span.clone());
    }
}
