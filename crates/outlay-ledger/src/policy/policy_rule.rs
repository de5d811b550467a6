use std::sync::Arc;

use outlay_price::{ModelRef, Usd};

use super::principal_pattern::without_path;
use crate::task::{TaskWords, clean_word, clean_word_key};

/// What is allowed to some tasks.
///
/// What is in no task is held to none. A rule tells what violates it. Where it is enforced, it refuses the calls besides:
/// those to a model that it does not allow, and those of a task that lacks a dimension.
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
    /// A rule of that name, which allows everything to all tasks.
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

    /// Only for tasks whose dimension, `task` name or `conversation` is this. Defaults to all.
    #[must_use]
    pub fn only(mut self, key: &str, value: &str) -> Self {
        self.only.push(clean_word(key, value));
        self
    }

    /// A task has to say this dimension. Defaults to none.
    #[must_use]
    pub fn require(mut self, dimension: &str) -> Self {
        self.required.push(clean_word_key(dimension));
        self
    }

    /// Allows a model, by its id as it is asked for, or without routing prefix and ARN; a `*` at the end stands for
    /// whatever follows. Defaults to allowing all, and once one is allowed to those that are.
    #[must_use]
    pub fn allow_model(mut self, pattern: &str) -> Self {
        self.models.push(pattern.into());
        self
    }

    /// What one task should cost at most: one that costs more is told. Defaults to any.
    #[must_use]
    pub const fn expect_cost(mut self, most: Usd) -> Self {
        self.expected_cost = Some(most);
        self
    }

    /// A workflow with more tasks on a day is not what this rule is for, such as a sandbox: that is told once a day.
    /// Defaults to any number.
    #[must_use]
    pub const fn graduate_at_tasks_per_day(mut self, tasks: u64) -> Self {
        self.tasks_per_day = Some(tasks);
        self
    }

    /// Likewise of a workflow that costs more in a month.
    #[must_use]
    pub const fn graduate_at_cost_per_month(mut self, most: Usd) -> Self {
        self.usd_per_month = Some(most);
        self
    }

    /// Whose credentials are production's, by the ARN that names them; a `*` stands for whatever is in its place. A
    /// workflow that makes a call with them is not what this rule is for, either: that is told once a day. Defaults to
    /// nobody's.
    ///
    /// A role is looked for by its name: its path does not count, for STS does not tell it, and the session of an
    /// `assumed-role` neither.
    #[must_use]
    pub fn graduate_at_principal(mut self, pattern: &str) -> Self {
        self.production_principals.push(without_path(pattern).into());
        self
    }

    /// Refuses calls, too. Defaults to telling alone.
    #[must_use]
    pub const fn enforce(mut self) -> Self {
        self.enforced = true;
        self
    }

    /// Whether the rule asks whose credentials calls are made with.
    pub(crate) const fn asks_for_principals(&self) -> bool {
        !self.production_principals.is_empty()
    }

    pub(super) fn holds(&self, task: &TaskWords<'_>) -> bool {
        self.only.iter().all(|(key, wanted)| task.get(key) == Some(&**wanted))
    }

    /// The dimensions that the task has to say, and does not.
    pub(crate) fn missing(&self, task: &TaskWords<'_>) -> Vec<Arc<str>> {
        self.required.iter().filter(|key| task.get(key).is_none()).cloned().collect()
    }

    /// Whether it says what a workflow is that it is not for, by what that has done.
    pub(super) fn graduates(&self) -> bool {
        self.tasks_per_day.is_some() || self.usd_per_month.is_some() || !self.production_principals.is_empty()
    }

    pub(crate) fn allows(&self, model: &str) -> bool {
        let base = || ModelRef::parse(model).ok().and_then(|model| model.base_id());
        self.models.is_empty()
            || self.models.iter().any(|pattern| fits(pattern, model))
            || base().is_some_and(|base| self.models.iter().any(|pattern| fits(pattern, base)))
    }
}

fn fits(pattern: &str, model: &str) -> bool {
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
    fn a_model_is_allowed_by_its_id_its_base_or_the_start_of_either() {
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
    fn a_rule_holds_what_it_names_and_says_what_is_missing() {
        let mut dimensions = Dimensions::default();
        dimensions.set_named("environment", "production");
        let task = TaskWords { name: "t", conversation: None, dimensions: &dimensions };
        let rule = PolicyRule::new("r").only("environment", "production").require("team").require("environment");
        assert!(rule.holds(&task));
        assert_eq!(rule.missing(&task), ["team".into()]);
        assert!(!rule.only("task", "u").holds(&task));
    }
}
