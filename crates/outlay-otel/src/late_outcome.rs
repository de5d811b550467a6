//! How a task ended, said when it has closed: by a user's thumb, a review, a refund.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use opentelemetry::trace::{Link, Span as _, SpanContext, SpanKind};
use opentelemetry::{Context, KeyValue};
use outlay_ledger::{Dimensions, Outcome, TaskId};

use crate::names::outlay;
use crate::span_attributes::{push_dimensions, usd};
use crate::tracer::start_builder;
use crate::{Engine, Scope};

/// As many tasks that have closed are remembered; beyond it the one that closed first is forgotten.
const MAX_TASKS: usize = 10_000;

/// The tasks that have closed, and how.
#[derive(Default)]
pub(crate) struct ClosedTasks(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    tasks: HashMap<TaskId, ClosedTask>,
    /// In the order in which they closed.
    order: VecDeque<TaskId>,
}

/// What is remembered of one: no more than what a late outcome needs.
#[derive(Clone)]
pub(crate) struct ClosedTask {
    pub(crate) name: Arc<str>,
    pub(crate) dimensions: Arc<Dimensions>,
    pub(crate) outcome: Outcome,
    span: Option<SpanContext>,
}

impl ClosedTasks {
    pub(crate) fn add(&self, task: &Scope, outcome: Outcome) {
        let (books, span) = (task.books(), task.span_context().cloned());
        let (name, dimensions) = (books.task_name().clone(), books.dimensions().clone());
        let closed = ClosedTask { name, dimensions, outcome, span };
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { tasks, order } = &mut *remembered;
        if tasks.insert(books.task_id(), closed).is_none() {
            order.push_back(books.task_id());
        }
        if order.len() > MAX_TASKS
            && let Some(oldest) = order.pop_front()
        {
            tasks.remove(&oldest);
        }
    }

    /// The task as it was before; from now on it has ended so.
    fn revise(&self, id: TaskId, outcome: Outcome) -> Option<ClosedTask> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let task = remembered.tasks.get_mut(&id)?;
        let before = task.clone();
        task.outcome = outcome;
        Some(before)
    }
}

impl fmt::Debug for ClosedTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClosedTasks")
    }
}

impl Engine {
    /// Says how a task ended, whether it is open or has closed. The last word holds. False where nobody knows the task.
    pub fn set_outcome(&self, task: TaskId, outcome: Outcome) -> bool {
        let open = self.inner().open_tasks.find(task);
        if let Some(open) = &open {
            open.books().set_outcome(outcome);
        }
        // It may have closed just now, with the outcome before.
        let Some(before) = self.inner().closed_tasks.revise(task, outcome) else { return open.is_some() };
        if before.outcome != outcome {
            self.inner().metrics.outcome_revised(&before, outcome);
            self.write_outcome_span(task, &before, outcome);
        }
        true
    }

    /// The task's own span has ended: this one is linked to it, and has the outcome and its time.
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
        let now = self.now();
        let builder = start_builder(format!("outcome {}", task.name), SpanKind::Internal, now)
            .with_links(task.span.clone().map(Link::with_context).into_iter().collect())
            .with_attributes(attributes);
        if let Some(mut span) = self.inner().spans.start(builder, &Context::new()) {
            span.end_with_timestamp(now);
        }
    }
}
