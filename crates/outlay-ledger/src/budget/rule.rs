use std::borrow::Cow;
use std::sync::Arc;

use super::{Budget, Period};
use crate::spec::{TaskWords, clean_word, clean_word_key};

/// A budget for all tasks of a kind: for each team a day, for the sandbox a month, for each conversation.
///
/// ```
/// use outlay_ledger::{Budget, BudgetRule, Period};
/// use outlay_price::Usd;
///
/// let rule = BudgetRule::new("sandbox teams", Budget::new(Usd::from_dollars(20)))
///     .only("environment", "sandbox")
///     .per("team")
///     .every(Period::Day);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetRule {
    pub(super) name: Arc<str>,
    pub(super) budget: Budget,
    pub(super) period: Option<Period>,
    per: Vec<Arc<str>>,
    pub(super) only: Vec<(Arc<str>, Arc<str>)>,
    pub(super) each_call: bool,
}

impl BudgetRule {
    /// One budget for all tasks together.
    pub fn new(name: &str, budget: impl Into<Budget>) -> Self {
        Self {
            name: name.into(),
            budget: budget.into(),
            period: None,
            per: Vec::new(),
            only: Vec::new(),
            each_call: false,
        }
    }

    /// What each single call may come to.
    pub fn each_call(name: &str, budget: impl Into<Budget>) -> Self {
        Self { each_call: true, ..Self::new(name, budget) }
    }

    /// A budget of its own for each value of a dimension, for each `task` name, or for each `conversation`. Tasks
    /// without a value share one. All rules together keep 10,000 budgets apart; beyond that, one that no task has been
    /// held by for long is forgotten, with what was spent of it.
    #[must_use]
    pub fn per(mut self, key: &str) -> Self {
        self.per.push(clean_word_key(key));
        self
    }

    /// Only for tasks whose dimension (or `task` name) is this. Defaults to all, with what is in no task.
    #[must_use]
    pub fn only(mut self, key: &str, value: &str) -> Self {
        self.only.push(clean_word(key, value));
        self
    }

    /// Begins anew each period. A call counts in the period in which it begins. Defaults to never.
    #[must_use]
    pub const fn every(mut self, period: Period) -> Self {
        self.period = Some(period);
        self
    }

    /// Whether another rule spends of the same budgets: it has the same name, counts the same, over the same period, of the
    /// same tasks.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let key = |rule: &Self| (rule.budget.limit.unit(), rule.period, rule.each_call);
        *self.name == *other.name && key(self) == key(other) && self.only == other.only
    }

    /// What it counts, and over which period.
    pub(crate) fn counts(&self) -> (&'static str, Option<Period>) {
        (self.budget.limit.unit(), self.period)
    }

    /// What the budget of a task goes by; `None` where the rule does not hold for it.
    pub(super) fn applies(&self, task: &TaskWords<'_>) -> Option<Arc<str>> {
        if !self.only.iter().all(|(key, wanted)| task.get(key) == Some(&**wanted)) {
            return None;
        }
        if self.per.is_empty() {
            return Some(self.name.clone());
        }
        let each: Vec<String> = self.per.iter().map(|key| format!("{key}={}", value(task.get(key)))).collect();
        Some(format!("{} [{}]", self.name, each.join(", ")).into())
    }
}

/// A value such that none looks like the end of it and the beginning of the next, or like none at all.
fn value(value: Option<&str>) -> Cow<'_, str> {
    match value {
        None => "(none)".into(),
        Some(value) if value.contains([',', '\\']) || value == "(none)" => {
            value.replace('\\', "\\\\").replace(',', "\\,").replace("(none)", "\\(none)").into()
        }
        Some(value) => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dimension, Dimensions};

    fn applied(team: &str, owner: Option<&str>) -> Arc<str> {
        let mut dimensions = Dimensions::default();
        dimensions.set(Dimension::Team, team);
        if let Some(owner) = owner {
            dimensions.set(Dimension::Owner, owner);
        }
        let rule = BudgetRule::new("r", Budget::calls(1)).per("team").per("owner");
        rule.applies(&TaskWords { name: "t", conversation: None, dimensions: &dimensions }).unwrap()
    }

    #[test]
    fn no_values_of_several_keys_make_the_same_budget_as_others() {
        assert_eq!(&*applied("search", Some("y")), "r [team=search, owner=y]");
        let all = [
            applied("x, owner=y", Some("z")),
            applied("x", Some("y, owner=z")),
            applied("x\\, owner=y", Some("z")),
            applied("x", Some("(none)")),
            applied("x", None),
        ];
        for (place, name) in all.iter().enumerate() {
            assert!(!all[..place].contains(name), "{name}");
        }
    }
}
