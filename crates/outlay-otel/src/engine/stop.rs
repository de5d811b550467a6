use outlay_ledger::StopTarget;

use super::Engine;

impl Engine {
    /// Stops a task that is open, or a kind of tasks: their next calls are refused. False where there is no such task.
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

    /// Lets go on what was stopped. False where it was not.
    pub fn resume(&self, target: &StopTarget) -> bool {
        match target.task_id() {
            Some(id) => self.0.open_tasks.find(id).iter().filter(|task| task.resume()).count() > 0,
            None => self.0.ledger.resume(target),
        }
    }
}
