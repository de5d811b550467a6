//! Policies for the tasks of an environment, a workflow, or another dimension.

mod glob_match;
mod graduations;
mod parse_policy;
mod policy_rule;
mod policy_rules;
mod principal_pattern;
mod review;

use std::path::PathBuf;

use crate::{BudgetRule, RunawayRule, StopTarget};

pub use parse_policy::{LoadPolicyError, PolicyCounts};
pub use policy_rule::PolicyRule;
pub(crate) use policy_rules::{PolicyRules, RulesOfTask};
pub use review::Review;

/// A policy of budgets, stops, a runaway rule and rules. Read it from a file ([`Policy::from_path`]), or build it in
/// code.
///
/// ```
/// use outlay_ledger::{Budget, BudgetRule, Period, Policy, PolicyRule, StopTarget};
///
/// let policy = Policy::new()
///     .budget(BudgetRule::new("teams", Budget::calls(1_000)).per("team").every(Period::Day))
///     .rule(PolicyRule::new("all tasks").require("team").enforce())
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
    /// Creates an empty policy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a budget rule.
    #[must_use]
    pub fn budget(mut self, rule: BudgetRule) -> Self {
        self.budgets.push(rule);
        self
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: PolicyRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds a stop of all tasks of a kind. A target that is a single task has no effect; stop that task itself.
    #[must_use]
    pub fn stop(mut self, target: StopTarget, reason: &str) -> Self {
        self.stops.push((target, reason.to_owned()));
        self
    }

    /// Returns whether a rule needs the principals that calls are signed with.
    pub fn asks_for_principals(&self) -> bool {
        self.rules.iter().any(|rule| rule.asks_for_principals())
    }

    /// Sets the runaway rule. Defaults to none.
    #[must_use]
    pub const fn runaway(mut self, rule: RunawayRule) -> Self {
        self.runaway = Some(rule);
        self
    }
}
