use std::borrow::Cow;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Budget, Period};
use crate::task::{MAX_NAME, TaskWords, bounded_name, clean_word, clean_word_key};

/// A budget for all tasks of a kind, such as per team and day, per month for the sandbox, or per conversation.
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
    pub(super) per: Vec<Arc<str>>,
    pub(super) only: Vec<(Arc<str>, Arc<str>)>,
    pub(super) each_call: bool,
    pub(super) owner: Option<Arc<str>>,
    pub(super) notify: Option<Arc<str>>,
}

impl BudgetRule {
    /// Creates a rule with one budget for all tasks together.
    pub fn new(name: &str, budget: impl Into<Budget>) -> Self {
        Self {
            name: name.into(),
            budget: budget.into(),
            period: None,
            per: Vec::new(),
            only: Vec::new(),
            each_call: false,
            owner: None,
            notify: None,
        }
    }

    /// Creates a rule that limits each call separately.
    pub fn each_call(name: &str, budget: impl Into<Budget>) -> Self {
        Self { each_call: true, ..Self::new(name, budget) }
    }

    /// Creates a separate budget for each value of a dimension, for each `task` name, or for each `conversation`. Tasks
    /// without a value share one.
    ///
    /// A budget with spending is kept until the end of its period. A budget of a rule without a period is kept for an
    /// hour after its last use. Of those that no open task uses, 10,000 are kept longer; when the others are dropped
    /// together with their spending, an alert reports it ([`AlertKind::BudgetsForgotten`](crate::AlertKind)). A rule
    /// keeps at most 1,000,000 budgets, which take 400 to 600 bytes each plus their names. A later task gets a separate
    /// budget. A store for several processes has its own rule for how long it keeps budgets.
    #[must_use]
    pub fn per(mut self, key: &str) -> Self {
        self.per.push(clean_word_key(key));
        self
    }

    /// Restricts the rule to tasks with this dimension, `task` name or `conversation`. Defaults to all tasks and work
    /// outside any task.
    #[must_use]
    pub fn only(mut self, key: &str, value: &str) -> Self {
        self.only.push(clean_word(key, value));
        self
    }

    /// Sets the period after which the budget starts at zero again. A call counts in the period in which it starts.
    /// Defaults to none.
    #[must_use]
    pub const fn every(mut self, period: Period) -> Self {
        self.period = Some(period);
        self
    }

    /// Sets who is responsible for the budget. It becomes a label of the budget's metrics. Alerts are routed by this
    /// label. At most 64 characters are kept. Defaults to none.
    #[must_use]
    pub fn owner(mut self, owner: &str) -> Self {
        self.owner = label(owner);
        self
    }

    /// Sets where to send alerts about the budget, such as a channel. See [`owner`](Self::owner).
    #[must_use]
    pub fn notify(mut self, notify: &str) -> Self {
        self.notify = label(notify);
        self
    }

    /// The maximum number of characters in an owner or in a place to notify.
    pub(crate) const MAX_LABEL: usize = MAX_NAME;

    /// Returns whether both rules share their budgets: they have the same name, unit, period and tasks.
    pub(crate) fn shares_budgets(&self, other: &Self) -> bool {
        let key = |rule: &Self| (rule.budget.limit.unit(), rule.period, rule.each_call);
        *self.name == *other.name && key(self) == key(other) && self.only == other.only
    }

    /// Returns the unit and the period.
    pub(crate) fn unit_and_period(&self) -> (&'static str, Option<Period>) {
        (self.budget.limit.unit(), self.period)
    }

    /// Returns the name of the budget for a task, or `None` if the rule does not apply to it.
    pub(super) fn budget_name(&self, task: &TaskWords<'_>) -> Option<Arc<str>> {
        if !self.only.iter().all(|(key, value)| task.get(key) == Some(&**value)) {
            return None;
        }
        if self.per.is_empty() {
            return Some(self.name.clone());
        }
        let each: Vec<String> = self.per.iter().map(|key| format!("{key}={}", value(task.get(key)))).collect();
        Some(format!("{} [{}]", self.name, each.join(", ")).into())
    }
}

/// Returns the keys and values in the name of a budget, after the name of its rule: ` [team=a, tenant=b]`. A key without a
/// value is left out.
pub(super) fn key_of(after_rule: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = after_rule.strip_prefix(" [").and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    std::iter::from_fn(move || {
        let (key, after) = rest.split_once('=')?;
        // A comma in a value is escaped, and so is each backslash.
        let is_escaped = |end: usize| after[..end].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        let end = after.match_indices(", ").map(|(end, _)| end).find(|end| !is_escaped(*end));
        let (value, next) = end.map_or((after, ""), |end| (&after[..end], &after[end + 2..]));
        rest = next;
        Some((key, value))
    })
    .filter(|(_, value)| *value != "(none)")
    .map(|(key, value)| (key, unescaped(value)))
}

/// Reverses the escapes of [`value`].
fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let (mut text, mut chars) = (String::new(), value.chars());
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('u') => {
                let code: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                text.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
            }
            other => text.extend(other),
        }
    }
    text.into()
}

/// Returns the text for a label of a metric, or `None` if it is empty.
fn label(text: &str) -> Option<Arc<str>> {
    Some(bounded_name(text.trim_start())).filter(|text| !text.is_empty())
}

/// The length in characters of a long value in the name of a budget. It ends in a hash of the full value. Shorter values
/// are kept whole.
const MAX_VALUE: usize = 256;

/// Returns a value for the name of a budget: on one line, of bounded length, and different for each value. It cannot be
/// confused with a separator, with a following value or with a missing value.
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
        rule.budget_name(&TaskWords { name: "t", conversation: None, dimensions: &dimensions }).unwrap()
    }

    #[test]
    fn the_keys_and_values_of_a_budget_are_those_of_its_task() {
        let values = ["search", "x, owner=y", "x\\", "\\, ", "(none)", "\\(none)", "a=b]", "a\u{2028}\\u{41}b", "[a"];
        let long = "x".repeat(255);
        for team in values.into_iter().chain([long.as_str()]) {
            for owner in values.map(Some).into_iter().chain([None]) {
                let name = applied(team, owner);
                let key: Vec<_> = key_of(name.strip_prefix('r').unwrap()).collect();
                let clean = |value: &str| crate::task::clean_word("owner", value).1;
                let (team, owner) = (clean(team), owner.map(clean));
                let expected = [("team", Some(&*team)), ("owner", owner.as_deref())];
                let expected: Vec<_> = expected.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
                let found: Vec<_> = key.iter().map(|(key, value)| (*key, &**value)).collect();
                assert_eq!(found, expected, "{name}");
            }
        }
        assert_eq!(key_of("").count(), 0);
        assert_eq!(conversation_key(&"é".repeat(300)).chars().count(), MAX_VALUE);
    }

    fn conversation_key(id: &str) -> String {
        let name = conversation_budget(id);
        key_of(name.strip_prefix('r').unwrap()).next().unwrap().1.into_owned()
    }

    #[test]
    fn different_values_of_several_keys_make_different_budgets() {
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

    fn conversation_budget(id: &str) -> String {
        let rule = BudgetRule::new("r", Budget::calls(1)).per("conversation");
        let words = TaskWords { name: "t", conversation: Some(id), dimensions: &Dimensions::default() };
        rule.budget_name(&words).unwrap().to_string()
    }

    #[test]
    fn a_budget_name_is_one_bounded_line_and_unique_per_id() {
        let long = "x".repeat(100_000);
        let same_start = format!("{}y", "x".repeat(99_999));
        let of_long = conversation_budget(&long);
        let shortened = of_long.strip_prefix("r [conversation=").unwrap().strip_suffix(']').unwrap();
        assert_eq!(shortened.chars().count(), MAX_VALUE);
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
            shortened,
            &"x".repeat(255),
            &"x".repeat(256),
        ];
        let names: Vec<String> = ids.iter().map(|id| conversation_budget(id)).collect();
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{name}");
            assert!(name.len() < 300 && !name.contains(|c: char| c.is_control() || c == '\u{2028}'), "{name:?}");
        }
        assert_eq!(conversation_budget("a\nb"), "r [conversation=a\\u{a}b]");
    }
}
