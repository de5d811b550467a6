//! Policy checks when a task starts, when it has closed, and when the signer of a call is known.

use std::sync::Arc;

use super::Scope;
use crate::alert::Alerts;
use crate::{AlertKind, Dimension, PolicyRule, PolicyViolation, Totals, Violation};

impl Scope {
    /// Reports the required dimensions that the task does not set. Call it once the task has been registered.
    pub fn check_dimensions(&self) {
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            push_violation(self.missing(rule), &mut alerts);
        }
        alerts.send(self);
    }

    /// Checks the cost of a task that has closed.
    pub(crate) fn check_cost(&self, totals: &Totals) {
        let (cost, ledger) = (totals.known(), &self.0.task.ledger);
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            let excessive = rule.expected_cost.filter(|expected| cost > *expected);
            let violation = excessive.map(|expected| self.violation(rule, Violation::Cost { cost, expected }));
            push_violation(violation, &mut alerts);
            // The figures of a nested task are included in those of the outer task.
            if self.is_root() {
                let workflow = self.dimensions().value(Dimension::Workflow).unwrap_or_else(|| self.task_name());
                let graduated = ledger.policy.graduations.count(rule, workflow, cost, ledger.now());
                push_violation(graduated.map(|what| self.violation(rule, what)), &mut alerts);
            }
        }
        alerts.send(self);
    }

    /// Returns whether a rule needs the principals that calls are signed with.
    pub fn asks_for_principals(&self) -> bool {
        self.policy().any(|rule| rule.asks_for_principals())
    }

    /// Records the principal that a call in this scope was signed with. It may be known only after the task has closed.
    pub fn record_principal(&self, principal: &Arc<str>) {
        if !self.asks_for_principals() {
            return;
        }
        let ledger = &self.0.task.ledger;
        let workflow = self.dimensions().value(Dimension::Workflow).unwrap_or_else(|| self.task_name());
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            let graduated = ledger.policy.graduations.record_principal(rule, workflow, principal, ledger.now());
            push_violation(graduated.map(|what| self.violation(rule, what)), &mut alerts);
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
