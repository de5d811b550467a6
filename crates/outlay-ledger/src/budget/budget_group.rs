use std::sync::Arc;

use super::BudgetRule;
use crate::task::TaskWords;

/// The keys of a rule's budgets, and the dimensions by which their metrics are grouped.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BudgetGroup {
    /// The keys with a separate budget for each value.
    pub(super) per: Vec<Arc<str>>,
    pub(super) team: Option<Arc<str>>,
    pub(super) cost_center: Option<Arc<str>>,
    pub(super) environment: Option<Arc<str>>,
}

impl BudgetGroup {
    /// Returns the group of a task's budget. A dimension has a value if all tasks with this budget have it.
    pub(super) fn new(rule: &BudgetRule, task: &TaskWords<'_>) -> Self {
        let value = |key: &str| match rule.per.iter().any(|per| **per == *key) {
            true => task.get(key).map(Arc::from),
            false => rule.only.iter().find(|(only, _)| **only == *key).map(|(_, value)| value.clone()),
        };
        Self {
            per: rule.per.clone(),
            team: value("team"),
            cost_center: value("cost_center"),
            environment: value("environment"),
        }
    }
}
