//! The check of a call against the policy, before it is sent.

use super::Ask;
use crate::alert::Alerts;
use crate::scope::push_violation;
use crate::{PolicyViolation, Scope, Violation};

impl Scope {
    /// Why an enforced rule refuses a call.
    pub(super) fn check_model(&self, ask: &Ask<'_>, alerts: &mut Alerts) -> Option<PolicyViolation> {
        let mut refused = None;
        for rule in self.policy() {
            let allowed = !ask.has_model || rule.allows(ask.model);
            let of_model = (!allowed).then(|| self.violation(rule, Violation::Model(ask.model.clone())));
            // Told when the task has started.
            let of_task = self.missing(rule).filter(|_| rule.enforced);
            if rule.enforced {
                refused = refused.or_else(|| of_model.clone()).or(of_task);
            }
            push_violation(of_model, alerts);
        }
        refused
    }

    /// Whether every rule that is enforced here allows a model.
    pub fn allows_model(&self, model: &str) -> bool {
        self.policy().all(|rule| !rule.enforced || rule.allows(model))
    }
}
