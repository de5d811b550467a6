//! Where signs of a runaway are looked for: after a call, after a charge, and when a scope has ended.

use std::time::SystemTime;

use outlay_price::Usd;

use super::Scope;
use crate::alert::Alerts;
use crate::record::CallRecord;
use crate::runaway::Watch;
use crate::{AlertKind, Runaway, ScopeKind, StepKind, Totals};

impl Scope {
    /// Looks for signs of a runaway in this task and in those around it.
    pub(crate) fn watch_call(&self, call: &CallRecord, alerts: &mut Alerts) {
        self.watch(alerts, |watch| watch.call(call));
    }

    /// The same of a charge.
    pub(crate) fn watch_charge(&self, amount: Usd, at: SystemTime, alerts: &mut Alerts) {
        self.watch(alerts, |watch| watch.charge(amount, at).into_iter().collect());
    }

    /// The scope has ended without having failed.
    pub(crate) fn ended_well(&self, totals: &Totals) {
        let is_progress = match self.kind() {
            ScopeKind::Task | ScopeKind::Agent | ScopeKind::Step(StepKind::Tool | StepKind::Retrieve) => true,
            // Around a turn alone it tells no more than the turn.
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

    fn watch(&self, alerts: &mut Alerts, look: impl Fn(&Watch) -> Vec<Runaway>) {
        let around = std::iter::successors(Some(self), |scope| scope.parent());
        for task in around.filter(|scope| matches!(scope.kind(), ScopeKind::Task)) {
            let Some(watch) = task.0.task.watch() else { continue };
            for sign in look(watch) {
                if watch.is_enforced() {
                    task.stop(&sign.to_string());
                }
                alerts.push_of(task.task_facts(), AlertKind::Runaway(sign));
            }
        }
    }
}
