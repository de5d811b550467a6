//! Records closed tasks.

use outlay_ledger::{Outcome, Totals};

use super::traced_scope::TracedScope;
use crate::metrics::ClosedTaskFigures;

/// Records that a task has closed with these totals.
pub(super) fn task_closed(scope: &TracedScope, totals: &Totals) {
    let (task, core) = (scope.in_ledger(), scope.core());
    core.expected_receipts.task_closed(task.run_id());
    core.issued_receipts.close(task);
    if task.joined().is_some() {
        // The process that started the task sets its outcome.
        core.open_tasks.remove(task);
        return;
    }
    let outcome = task.outcome().unwrap_or(Outcome::abandoned());
    // The task is always in at least one of the two registries, so that an outcome that is set now finds it.
    core.closed_tasks.add(task, scope.span_context().cloned(), outcome);
    core.open_tasks.remove(task);
    let ended = task.ended().unwrap_or_else(|| core.now());
    core.metrics.task_closed(&ClosedTaskFigures {
        scope: task,
        totals,
        outcome,
        duration: ended.duration_since(task.started()).unwrap_or_default(),
    });
}
