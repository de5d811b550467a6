//! Checks against the policy when a task starts, when it has closed, and when it is known whose credentials it uses.

use std::sync::Arc;

use super::Scope;
use crate::alert::Alerts;
use crate::{AlertKind, Dimension, PolicyRule, PolicyViolation, Totals, Violation};

impl Scope {
    /// Tells what the task does not say, and has to. Whoever opens a task calls it once the task can be found.
    pub fn check_dimensions(&self) {
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            push_violation(self.missing(rule), &mut alerts);
        }
        alerts.send(self);
    }

    /// The task has closed, with these totals.
    pub(crate) fn check_cost(&self, totals: &Totals) {
        let (cost, ground) = (totals.known(), &self.0.task.ground);
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            let dear = rule.expected_cost.filter(|expected| cost > *expected);
            let dear = dear.map(|expected| self.violation(rule, Violation::Cost { cost, expected }));
            push_violation(dear, &mut alerts);
            // What a task inside another one did is in that one's figures.
            if self.is_root() {
                let workflow = self.dimensions().value(Dimension::Workflow).unwrap_or_else(|| self.task_name());
                let grown = ground.policy.graduations.count(rule, workflow, cost, ground.now());
                push_violation(grown.map(|what| self.violation(rule, what)), &mut alerts);
            }
        }
        alerts.send(self);
    }

    /// Whether a rule asks whose credentials the calls are made with.
    pub fn asks_for_principals(&self) -> bool {
        self.policy().any(|rule| rule.asks_for_principals())
    }

    /// A call was made here with the credentials that go by this text. Whoever makes calls says so once that is known,
    /// be it after the task has closed.
    pub fn called_by(&self, principal: &Arc<str>) {
        if !self.asks_for_principals() {
            return;
        }
        let ground = &self.0.task.ground;
        let workflow = self.dimensions().value(Dimension::Workflow).unwrap_or_else(|| self.task_name());
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            let grown = ground.policy.graduations.called_by(rule, workflow, principal, ground.now());
            push_violation(grown.map(|what| self.violation(rule, what)), &mut alerts);
        }
        alerts.send(self);
    }

    pub(crate) fn policy(&self) -> impl Iterator<Item = &Arc<PolicyRule>> {
        self.0.task.policy.iter()
    }

    pub(crate) fn missing(&self, rule: &PolicyRule) -> Option<PolicyViolation> {
        let missing = rule.missing(&self.0.task.words());
        (!missing.is_empty()).then(|| self.violation(rule, Violation::MissingDimensions(missing)))
    }

    pub(crate) fn violation(&self, rule: &PolicyRule, what: Violation) -> PolicyViolation {
        PolicyViolation::new(&rule.name, self.task_name(), what)
    }
}

pub(crate) fn push_violation(violation: Option<PolicyViolation>, alerts: &mut Alerts) {
    if let Some(violation) = violation {
        alerts.push(&violation.name().clone(), AlertKind::Violation(violation));
    }
}
