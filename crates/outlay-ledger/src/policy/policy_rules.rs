use std::sync::{Arc, PoisonError};

use super::PolicyRule;
use super::graduations::Graduations;
use crate::sync::RwLock;
use crate::task::TaskWords;

/// The policy rules in force.
#[derive(Debug, Default)]
pub(crate) struct PolicyRules {
    rules: RwLock<Arc<[Arc<PolicyRule>]>>,
    pub(crate) graduations: Graduations,
}

/// The rules that apply to a task.
pub(crate) type RulesOfTask = Arc<[Arc<PolicyRule>]>;

impl PolicyRules {
    /// Replaces the rules, for tasks that start from now on.
    pub(crate) fn set(&self, rules: Vec<PolicyRule>) {
        let rules = rules.into_iter().map(Arc::new).collect();
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    pub(crate) fn of_task(&self, task: &TaskWords<'_>) -> RulesOfTask {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        if rules.iter().all(|rule| rule.applies(task)) {
            return rules.clone();
        }
        rules.iter().filter(|rule| rule.applies(task)).cloned().collect()
    }
}
