//! Runaway detection after a call, after a charge, and when a scope has ended.

use std::time::SystemTime;

use outlay_price::Usd;

use super::Scope;
use crate::alert::Alerts;
use crate::record::CallRecord;
use crate::runaway::Watch;
use crate::{AlertKind, Runaway, ScopeKind, StepKind, Totals};

impl Scope {
    /// Checks this task and the tasks around it for signs of a runaway after a call.
    pub(crate) fn watch_call(&self, call: &CallRecord, alerts: &mut Alerts) {
        self.watch(alerts, |watch| watch.call(call));
    }

    /// Checks this task and the tasks around it for signs of a runaway after a charge.
    pub(crate) fn watch_charge(&self, amount: Usd, at: SystemTime, alerts: &mut Alerts) {
        self.watch(alerts, |watch| watch.charge(amount, at).into_iter().collect());
    }

    /// Counts the end of a scope that did not fail as progress, if its kind is progress.
    pub(crate) fn count_progress(&self, totals: &Totals) {
        let is_progress = match self.kind() {
            ScopeKind::Task | ScopeKind::Agent | ScopeKind::Step(StepKind::Tool | StepKind::Retrieve) => true,
            // A step that only wraps turns adds nothing to them.
            ScopeKind::Step(_) => totals.turns() == 0,
        };
        if !is_progress {
            return;
        }
        for task in self.0.task.chain() {
            if let Some(watch) = task.watch() {
                watch.progress();
            }
        }
    }

    fn watch(&self, alerts: &mut Alerts, find_signs: impl Fn(&Watch) -> Vec<Runaway>) {
        let ancestors = std::iter::successors(Some(self), |scope| scope.parent());
        for task in ancestors.filter(|scope| matches!(scope.kind(), ScopeKind::Task)) {
            let Some(watch) = task.0.task.watch() else { continue };
            for sign in find_signs(watch) {
                if watch.is_enforced() {
                    task.stop(&sign.to_string());
                }
                alerts.push_of(task.task_facts(), AlertKind::Runaway(sign));
            }
        }
    }
}
