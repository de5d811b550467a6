//! The policy check of a call before it is sent.

use super::Ask;
use crate::alert::Alerts;
use crate::scope::push_violation;
use crate::{PolicyViolation, Scope, Violation};

impl Scope {
    /// Returns the violation because of which an enforced rule refuses the call, if any.
    pub(super) fn check_model(&self, ask: &Ask<'_>, alerts: &mut Alerts) -> Option<PolicyViolation> {
        let mut refused = None;
        for rule in self.policy() {
            let allowed = !ask.has_model || rule.allows(ask.model);
            let model_violation = (!allowed).then(|| self.violation(rule, Violation::Model(ask.model.clone())));
            // Reported when the task started, so there is no alert here.
            let task_violation = self.missing(rule).filter(|_| rule.enforced);
            if rule.enforced {
                refused = refused.or_else(|| model_violation.clone()).or(task_violation);
            }
            push_violation(model_violation, alerts);
        }
        refused
    }

    /// Returns whether all enforced rules allow a model.
    pub fn allows_model(&self, model: &str) -> bool {
        self.policy().all(|rule| !rule.enforced || rule.allows(model))
    }
}
