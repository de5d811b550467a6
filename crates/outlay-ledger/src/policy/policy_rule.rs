use std::sync::Arc;

use outlay_price::{ModelRef, Usd};

use super::principal_pattern::without_path;
use crate::task::{TaskWords, clean_word, clean_word_key};

/// A policy rule for some tasks.
///
/// Rules do not apply to work outside any task. A violation is reported. An enforced rule also refuses calls: those to a
/// model that it does not allow, and those of a task that lacks a required dimension.
///
/// ```
/// use outlay_ledger::PolicyRule;
/// use outlay_price::Usd;
///
/// let rule = PolicyRule::new("production tickets")
///     .only("environment", "production")
///     .only("workflow", "tickets")
///     .require("team")
///     .allow_model("anthropic.claude-haiku-4-5*")
///     .expect_cost(Usd::from_cents(10))
///     .enforce();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRule {
    pub(crate) name: Arc<str>,
    only: Vec<(Arc<str>, Arc<str>)>,
    required: Vec<Arc<str>>,
    models: Vec<Arc<str>>,
    pub(crate) expected_cost: Option<Usd>,
    pub(super) tasks_per_day: Option<u64>,
    pub(super) usd_per_month: Option<Usd>,
    pub(super) production_principals: Vec<Arc<str>>,
    pub(crate) enforced: bool,
}

impl PolicyRule {
    /// Creates a rule with this name, which applies to all tasks and allows everything.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            only: Vec::new(),
            required: Vec::new(),
            models: Vec::new(),
            expected_cost: None,
            tasks_per_day: None,
            usd_per_month: None,
            production_principals: Vec::new(),
            enforced: false,
        }
    }

    /// Restricts the rule to tasks with this dimension, `task` name or `conversation`. Defaults to all tasks.
    #[must_use]
    pub fn only(mut self, key: &str, value: &str) -> Self {
        self.only.push(clean_word(key, value));
        self
    }

    /// Requires tasks to set this dimension. By default, no dimension is required.
    #[must_use]
    pub fn require(mut self, dimension: &str) -> Self {
        self.required.push(clean_word_key(dimension));
        self
    }

    /// Allows a model. The pattern is the requested id, or the id without routing prefix and ARN; a `*` at the end stands
    /// for any text. Defaults to allowing all models. Once one is allowed, all others are not.
    #[must_use]
    pub fn allow_model(mut self, pattern: &str) -> Self {
        self.models.push(pattern.into());
        self
    }

    /// Sets the most that a task should cost. A higher cost is reported. Defaults to any cost.
    #[must_use]
    pub const fn expect_cost(mut self, most: Usd) -> Self {
        self.expected_cost = Some(most);
        self
    }

    /// Sets the number of tasks per day above which a workflow has outgrown this rule, such as one for a sandbox. This is
    /// reported once a day. Defaults to any number.
    #[must_use]
    pub const fn graduate_at_tasks_per_day(mut self, tasks: u64) -> Self {
        self.tasks_per_day = Some(tasks);
        self
    }

    /// Sets the cost per month above which a workflow has outgrown this rule. This is reported once a month. Defaults to
    /// any cost.
    #[must_use]
    pub const fn graduate_at_cost_per_month(mut self, most: Usd) -> Self {
        self.usd_per_month = Some(most);
        self
    }

    /// Adds a production principal, by a pattern for its ARN in which `*` stands for any text. A workflow that signs a
    /// call with such a principal has outgrown this rule. This is reported once a day. Defaults to none.
    ///
    /// A role is matched by its name. Its path is ignored because STS does not report it, and so is the session of an
    /// `assumed-role`.
    #[must_use]
    pub fn graduate_at_principal(mut self, pattern: &str) -> Self {
        self.production_principals.push(without_path(pattern).into());
        self
    }

    /// Also refuses calls. Defaults to reporting only.
    #[must_use]
    pub const fn enforce(mut self) -> Self {
        self.enforced = true;
        self
    }

    /// Returns whether the rule needs the principals that calls are signed with.
    pub(crate) const fn asks_for_principals(&self) -> bool {
        !self.production_principals.is_empty()
    }

    pub(super) fn applies(&self, task: &TaskWords<'_>) -> bool {
        self.only.iter().all(|(key, value)| task.get(key) == Some(&**value))
    }

    /// Returns the required dimensions that the task does not set.
    pub(crate) fn missing(&self, task: &TaskWords<'_>) -> Vec<Arc<str>> {
        self.required.iter().filter(|key| task.get(key).is_none()).cloned().collect()
    }

    /// Returns whether the rule has a graduation.
    pub(super) fn has_graduation(&self) -> bool {
        self.tasks_per_day.is_some() || self.usd_per_month.is_some() || !self.production_principals.is_empty()
    }

    pub(crate) fn allows(&self, model: &str) -> bool {
        let base = || ModelRef::parse(model).ok().and_then(|model| model.base_id());
        self.models.is_empty()
            || self.models.iter().any(|pattern| matches(pattern, model))
            || base().is_some_and(|base| self.models.iter().any(|pattern| matches(pattern, base)))
    }
}

fn matches(pattern: &str, model: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => model.starts_with(start),
        None => pattern == model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dimensions;

    #[test]
    fn a_model_is_allowed_by_its_id_its_base_id_or_a_prefix_of_either() {
        let rule =
            PolicyRule::new("r").allow_model("anthropic.claude-haiku-4-5*").allow_model("us.amazon.nova-lite-v1:0");
        for allowed in [
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "anthropic.claude-haiku-4-5-20251001-v1:0",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
            "us.amazon.nova-lite-v1:0",
        ] {
            assert!(rule.allows(allowed), "{allowed}");
        }
        for other in ["eu.amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-6", "us.amazon.nova-lite-v1:01", "", "%"] {
            assert!(!rule.allows(other), "{other}");
        }
        assert!(PolicyRule::new("all").allows("anything"));
    }

    #[test]
    fn a_rule_applies_to_matching_tasks_and_returns_missing_dimensions() {
        let mut dimensions = Dimensions::default();
        dimensions.set_named("environment", "production");
        let task = TaskWords { name: "t", conversation: None, dimensions: &dimensions };
        let rule = PolicyRule::new("r").only("environment", "production").require("team").require("environment");
        assert!(rule.applies(&task));
        assert_eq!(rule.missing(&task), ["team".into()]);
        assert!(!rule.only("task", "u").applies(&task));
    }
}
