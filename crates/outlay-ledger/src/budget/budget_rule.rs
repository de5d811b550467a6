use std::borrow::Cow;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Budget, Period};
use crate::task::{TaskWords, clean_word, clean_word_key};

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
    /// without a value share one.
    ///
    /// A budget that has been spent of is kept to the end of its period. One of a rule without a period is kept for an
    /// hour after its last use; of those that no open task holds, 10,000 are kept longer, and when the others are
    /// forgotten with what was spent of them, that is told ([`AlertKind::BudgetsForgotten`](crate::AlertKind)). A rule
    /// keeps 1,000,000 budgets, which take 400 to 600 bytes each besides their names: a task that comes later has one of
    /// its own. A store for several processes keeps them by a rule of its own.
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

/// In the name of a budget a value has fewer characters than this; a longer one has as many, and ends in a hash of the whole.
const MAX_VALUE: usize = 256;

/// A value such that none looks like the end of it and the beginning of the next, or like none at all. It is on one line
/// and of bounded length, and no two values have the same.
fn value(value: Option<&str>) -> Cow<'_, str> {
    let Some(value) = value else { return "(none)".into() };
    let breaks_line = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if value == "(none)" {
        return "\\(none)".into();
    }
    if value.len() < MAX_VALUE && !value.contains([',', '\\']) && !value.contains(breaks_line) {
        return value.into();
    }
    let mut text = String::new();
    for c in value.chars() {
        match c {
            ',' => text.push_str("\\,"),
            '\\' => text.push_str("\\\\"),
            c if breaks_line(c) => text.extend(['\\'].into_iter().chain(c.escape_unicode().skip(1))),
            c => text.push(c),
        }
    }
    if text.chars().count() < MAX_VALUE {
        return text.into();
    }
    let hash: String = Sha256::digest(value.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let start: String = text.chars().take(MAX_VALUE - hash.len() - 1).collect();
    format!("{start}#{hash}").into()
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

    fn talk(id: &str) -> String {
        let rule = BudgetRule::new("r", Budget::calls(1)).per("conversation");
        let words = TaskWords { name: "t", conversation: Some(id), dimensions: &Dimensions::default() };
        rule.applies(&words).unwrap().to_string()
    }

    #[test]
    fn a_budget_s_name_is_on_one_line_and_bounded_and_no_two_ids_have_the_same() {
        let long = "x".repeat(100_000);
        let same_start = format!("{}y", "x".repeat(99_999));
        let of_long = talk(&long);
        let told = of_long.strip_prefix("r [conversation=").unwrap().strip_suffix(']').unwrap();
        assert_eq!(told.chars().count(), MAX_VALUE);
        let ids = [
            "a",
            "a\0b",
            "a\0c",
            "a\nb",
            "a\\nb",
            "a\\u{a}b",
            "a\u{2028}b",
            "(none)",
            "\\(none)",
            &long,
            &same_start,
            told,
            &"x".repeat(255),
            &"x".repeat(256),
        ];
        let names: Vec<String> = ids.iter().map(|id| talk(id)).collect();
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{name}");
            assert!(name.len() < 300 && !name.contains(|c: char| c.is_control() || c == '\u{2028}'), "{name:?}");
        }
        assert_eq!(talk("a\nb"), "r [conversation=a\\u{a}b]");
    }
}
