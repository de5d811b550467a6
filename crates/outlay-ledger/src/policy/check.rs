//! Where the rules are asked: when a task starts, before a call, and when a task has closed.

use std::sync::Arc;

use super::{PolicyRule, PolicyViolation, Violation};
use crate::alert::Alerts;
use crate::{AlertKind, Ask, Dimension, Scope, Totals};

impl Scope {
    /// Tells what the task does not say, and has to. Whoever opens a task calls it once the task can be found.
    pub fn check_dimensions(&self) {
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            tell(self.missing(rule), &mut alerts);
        }
        alerts.tell(self);
    }

    /// Why an enforced rule refuses a call.
    pub(crate) fn check_call(&self, ask: &Ask<'_>, alerts: &mut Alerts) -> Option<PolicyViolation> {
        let mut refused = None;
        for rule in self.policy() {
            let allowed = !ask.has_model || rule.allows(ask.model);
            let of_model = (!allowed).then(|| self.violation(rule, Violation::Model(ask.model.clone())));
            // Told when the task has started.
            let of_task = self.missing(rule).filter(|_| rule.enforced);
            if rule.enforced {
                refused = refused.or_else(|| of_model.clone()).or(of_task);
            }
            tell(of_model, alerts);
        }
        refused
    }

    /// Whether every rule that is enforced here allows a model.
    pub fn allows_model(&self, model: &str) -> bool {
        self.policy().all(|rule| !rule.enforced || rule.allows(model))
    }

    /// The task has closed, with these totals.
    pub(crate) fn check_cost(&self, totals: &Totals) {
        let (cost, ledger) = (totals.known(), &self.0.task.ledger);
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            let dear = rule.expected_cost.filter(|expected| cost > *expected);
            let dear = dear.map(|expected| self.violation(rule, Violation::Cost { cost, expected }));
            tell(dear, &mut alerts);
            // What a task inside another one did is in that one's figures.
            if self.is_root() {
                let workflow = self.dimensions().value(Dimension::Workflow).unwrap_or_else(|| self.task_name());
                let grown = ledger.policy().graduations.count(rule, workflow, cost, ledger.now());
                tell(grown.map(|what| self.violation(rule, what)), &mut alerts);
            }
        }
        alerts.tell(self);
    }

    /// Whether a rule asks whose credentials the calls are made with.
    pub fn asks_for_principals(&self) -> bool {
        self.policy().any(|rule| !rule.production_principals.is_empty())
    }

    /// A call was made here with the credentials that go by this text. Whoever makes calls says so once that is known,
    /// be it after the task has closed.
    pub fn called_by(&self, principal: &Arc<str>) {
        if !self.asks_for_principals() {
            return;
        }
        let ledger = &self.0.task.ledger;
        let workflow = self.dimensions().value(Dimension::Workflow).unwrap_or_else(|| self.task_name());
        let mut alerts = Alerts::default();
        for rule in self.policy() {
            let grown = ledger.policy().graduations.called_by(rule, workflow, principal, ledger.now());
            tell(grown.map(|what| self.violation(rule, what)), &mut alerts);
        }
        alerts.tell(self);
    }

    fn policy(&self) -> impl Iterator<Item = &Arc<PolicyRule>> {
        self.0.task.policy().iter()
    }

    fn missing(&self, rule: &PolicyRule) -> Option<PolicyViolation> {
        let missing = rule.missing(&self.0.task.words());
        (!missing.is_empty()).then(|| self.violation(rule, Violation::MissingDimensions(missing)))
    }

    fn violation(&self, rule: &PolicyRule, what: Violation) -> PolicyViolation {
        PolicyViolation::new(&rule.name, self.task_name(), what)
    }
}

fn tell(violation: Option<PolicyViolation>, alerts: &mut Alerts) {
    if let Some(violation) = violation {
        alerts.push(&violation.name().clone(), AlertKind::Violation(violation));
    }
}
