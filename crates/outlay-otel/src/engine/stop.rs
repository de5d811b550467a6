use outlay_ledger::StopTarget;

use super::Engine;

impl Engine {
    /// Stops an open task or a kind of tasks: their next calls are refused. Returns false if the task is not open.
    pub fn stop(&self, target: &StopTarget, reason: &str) -> bool {
        match target.task_id() {
            Some(id) => {
                let parts = self.0.open_tasks.find(id);
                parts.iter().for_each(|task| task.stop(reason));
                !parts.is_empty()
            }
            None => {
                self.0.ledger.stop(target, reason);
                true
            }
        }
    }

    /// Resumes what was stopped. Returns false if it was not stopped.
    pub fn resume(&self, target: &StopTarget) -> bool {
        match target.task_id() {
            Some(id) => self.0.open_tasks.find(id).iter().filter(|task| task.resume()).count() > 0,
            None => self.0.ledger.resume(target),
        }
    }
}
