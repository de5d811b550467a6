//! What is allowed to the tasks of an environment, of a workflow, or of whatever else tells them apart.

mod glob_match;
mod graduations;
mod parse_policy;
mod policy_rule;
mod policy_rules;
mod principal_pattern;

use std::path::PathBuf;

use crate::{BudgetRule, RunawayRule, StopTarget};

pub use parse_policy::{LoadPolicyError, PolicyCounts, Review};
pub use policy_rule::PolicyRule;
pub(crate) use policy_rules::{PolicyRules, RulesOfTask};

/// Limits, stops, signs of a runaway, and what is allowed to whom: from a file ([`Policy::from_path`]), or by hand.
///
/// ```
/// use outlay_ledger::{Budget, BudgetRule, Period, Policy, PolicyRule, StopTarget};
///
/// let policy = Policy::new()
///     .budget(BudgetRule::new("teams", Budget::calls(1_000)).per("team").every(Period::Day))
///     .rule(PolicyRule::new("everybody").require("team").enforce())
///     .stop(StopTarget::workflow("tickets"), "the queue is poisoned");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    pub(crate) budgets: Vec<BudgetRule>,
    pub(crate) stops: Vec<(StopTarget, String)>,
    pub(crate) runaway: Option<RunawayRule>,
    pub(crate) rules: Vec<PolicyRule>,
    reviews: Vec<Review>,
    path: Option<PathBuf>,
}

impl Policy {
    /// One that says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a budget that holds all tasks of a kind.
    #[must_use]
    pub fn budget(mut self, rule: BudgetRule) -> Self {
        self.budgets.push(rule);
        self
    }

    /// Adds what is allowed to some tasks.
    #[must_use]
    pub fn rule(mut self, rule: PolicyRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Stops a kind of tasks. A single task is stopped by its own scope.
    #[must_use]
    pub fn stop(mut self, target: StopTarget, reason: &str) -> Self {
        self.stops.push((target, reason.to_owned()));
        self
    }

    /// Whether a rule asks whose credentials calls are made with.
    pub fn asks_for_principals(&self) -> bool {
        self.rules.iter().any(|rule| rule.asks_for_principals())
    }

    /// When a task looks like one that does not end by itself.
    #[must_use]
    pub const fn runaway(mut self, rule: RunawayRule) -> Self {
        self.runaway = Some(rule);
        self
    }
}
