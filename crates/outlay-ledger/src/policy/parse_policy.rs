//! Parsing of policy files, which are TOML.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use super::principal_pattern::is_path_only;
use super::{Policy, PolicyRule, Review};
use crate::{Budget, BudgetRule, Period, Reserve, RunawayRule, StopTarget};

#[cfg(test)]
mod parse_policy_tests;
mod values;

use values::{InvalidValue, Words, duration, invalid, label, money, parsed, words};

/// The numbers of entries of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyCounts {
    /// The number of budgets.
    pub budgets: usize,
    /// The number of stops.
    pub stops: usize,
    /// The number of rules.
    pub rules: usize,
    /// Whether the policy has a runaway rule.
    pub has_runaway: bool,
}

/// The error for an invalid policy file. It names the file, the line and the problem.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct LoadPolicyError {
    file: Option<PathBuf>,
    line: Option<usize>,
    problem: String,
}

impl fmt::Display for LoadPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{}:{line}: ", file.display())?,
            (Some(file), None) => write!(f, "{}: ", file.display())?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.problem)
    }
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// Returns an error with file, line and field if the file cannot be read, is not a policy, or has no entries.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, LoadPolicyError> {
        let path = path.as_ref();
        let in_file = |error: LoadPolicyError| LoadPolicyError { file: Some(path.into()), ..error };
        let problem_error = |problem: String| in_file(LoadPolicyError { file: None, line: None, problem });
        let text = std::fs::read_to_string(path).map_err(|error| problem_error(error.to_string()))?;
        let file = parse(&text).map_err(in_file)?;
        let has_mode = file.mode.is_some();
        let policy = file.into_policy(&text).map_err(in_file)?;
        if policy == Self::default() && !has_mode {
            // The file may be only partly written.
            return Err(problem_error(
                "the policy has no entries: for an empty policy, write only `mode = \"observe\"`".to_owned(),
            ));
        }
        Ok(Self { path: Some(path.into()), ..policy })
    }

    /// Returns the number of entries of each kind.
    pub fn counts(&self) -> PolicyCounts {
        let Self { budgets, stops, runaway, rules, .. } = self;
        PolicyCounts { budgets: budgets.len(), stops: stops.len(), rules: rules.len(), has_runaway: runaway.is_some() }
    }

    /// Parses the text of a policy file.
    ///
    /// ```
    /// use outlay_ledger::Policy;
    ///
    /// let policy = Policy::from_toml(
    ///     r#"
    ///     mode = "observe"                  # or "enforce"; each entry may have its own. Defaults to observe
    ///
    ///     [[budget]]
    ///     name = "sandbox teams"
    ///     usd = "20"                        # or tokens, calls, turns
    ///     only = { environment = "sandbox" }
    ///     per = ["team"]                    # a separate budget for each
    ///     every = "day"                     # or hour, month; without it, the budget never resets
    ///     soft = 80                         # percent
    ///     owner = "ana"                     # labels of the budget's metrics, for alerts
    ///     notify = "platform-costs"
    ///     mode = "enforce"
    ///
    ///     [[budget]]
    ///     name = "call"
    ///     usd = "0.50"
    ///     each_call = true
    ///     reserve = "expected"              # the expected size of a prompt; defaults to "bound", the maximum
    ///
    ///     [[stop]]
    ///     only = { workflow = "tickets" }   # one dimension, `task` or `conversation`
    ///     reason = "the queue is poisoned"
    ///
    ///     [runaway]
    ///     same_call = 5
    ///     turns_without_progress = 20
    ///     spend = { usd = "2", within = "60s" }
    ///
    ///     [[rule]]
    ///     name = "production tickets"
    ///     only = { environment = "production", workflow = "tickets" }
    ///     require = ["team", "cost_center"]
    ///     expected_cost = "0.10"            # US dollars per task
    ///
    ///     [[rule.allow]]                    # without it, any model is allowed
    ///     models = ["anthropic.claude-haiku-4-5*"]
    ///     owner = "ana"
    ///     reason = "best at German"
    ///     review = 2027-03-01
    ///
    ///     [[rule]]
    ///     name = "sandbox"
    ///     only = { environment = "sandbox" }
    ///     [rule.graduate]
    ///     tasks_per_day = 200
    ///     usd_per_month = "50"
    ///     production_principals = ["arn:aws:iam::*:role/prod-*"]
    ///     "#,
    /// )?;
    /// assert_eq!(policy.reviews().count(), 1);
    /// # Ok::<(), outlay_ledger::LoadPolicyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with line and field if the text is not a policy.
    pub fn from_toml(text: &str) -> Result<Self, LoadPolicyError> {
        parse(text)?.into_policy(text)
    }

    /// Returns the file that the policy was read from, if any.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns the reviews of the models that rules allow.
    pub fn reviews(&self) -> impl Iterator<Item = &Review> {
        self.reviews.iter()
    }

    /// Returns the reviews that are due at a time.
    pub fn reviews_due(&self, at: SystemTime) -> impl Iterator<Item = &Review> {
        self.reviews.iter().filter(move |review| review.due_at <= at)
    }
}

fn parse(text: &str) -> Result<File, LoadPolicyError> {
    toml::from_str(text).map_err(|error| at(text, error.span().map(|span| span.start), error.message().to_owned()))
}

/// Returns the error for a problem at a position in the text.
fn at(text: &str, start: Option<usize>, problem: String) -> LoadPolicyError {
    let line = start.map(|start| 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count());
    LoadPolicyError { file: None, line, problem }
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Observe,
    Enforce,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mode: Option<Mode>,
    #[serde(default)]
    budget: Vec<Spanned<BudgetTable>>,
    #[serde(default)]
    stop: Vec<Spanned<StopTable>>,
    runaway: Option<RunawayTable>,
    #[serde(default)]
    rule: Vec<RuleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetTable {
    name: String,
    usd: Option<Spanned<String>>,
    tokens: Option<u64>,
    calls: Option<u64>,
    turns: Option<u64>,
    #[serde(default)]
    only: Option<Spanned<Words>>,
    #[serde(default)]
    per: Vec<String>,
    every: Option<Spanned<String>>,
    owner: Option<Spanned<String>>,
    notify: Option<Spanned<String>>,
    #[serde(default)]
    each_call: bool,
    soft: Option<u8>,
    assume_output: Option<u64>,
    reserve: Option<ReserveWord>,
    #[serde(default)]
    allow_unpriced: bool,
    mode: Option<Mode>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReserveWord {
    Bound,
    Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StopTable {
    only: Spanned<Words>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunawayTable {
    same_call: Option<u32>,
    turns_without_progress: Option<u32>,
    spend: Option<SpendTable>,
    mode: Option<Mode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpendTable {
    usd: Spanned<String>,
    within: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    name: String,
    only: Option<Spanned<Words>>,
    #[serde(default)]
    require: Vec<String>,
    #[serde(default)]
    allow: Vec<AllowTable>,
    expected_cost: Option<Spanned<String>>,
    graduate: Option<GraduateTable>,
    mode: Option<Mode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowTable {
    models: Vec<String>,
    owner: String,
    reason: String,
    review: Spanned<Datetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraduateTable {
    tasks_per_day: Option<u64>,
    usd_per_month: Option<Spanned<String>>,
    #[serde(default)]
    production_principals: Vec<Spanned<String>>,
}

impl File {
    fn into_policy(self, text: &str) -> Result<Policy, LoadPolicyError> {
        self.build().map_err(|invalid| at(text, invalid.at, invalid.problem))
    }

    fn build(self) -> Result<Policy, InvalidValue> {
        let enforced = |mode: Option<Mode>| mode.or(self.mode) == Some(Mode::Enforce);
        let mut policy = Policy::default();
        for table in self.budget {
            let enforced = enforced(table.as_ref().mode);
            let rule = budget(&table, enforced)?;
            if policy.budgets.iter().any(|known| known.shares_budgets(&rule)) {
                let name = &table.as_ref().name;
                return invalid(
                    &table,
                    format_args!("budget `{name}`: another budget has the same name, unit, period and tasks"),
                );
            }
            policy.budgets.push(rule);
        }
        for table in self.stop {
            policy.stops.push(stop(&table)?);
        }
        if let Some(table) = self.runaway {
            let enforced = enforced(table.mode);
            policy.runaway = Some(runaway(&table, enforced)?);
        }
        for table in self.rule {
            let enforced = enforced(table.mode);
            for allow in &table.allow {
                policy.reviews.push(review(&table.name, allow)?);
            }
            policy.rules.push(rule(&table, enforced)?);
        }
        Ok(policy)
    }
}

fn budget(table: &Spanned<BudgetTable>, enforced: bool) -> Result<BudgetRule, InvalidValue> {
    let t = table.as_ref();
    let usd = t.usd.as_ref().map(|usd| money("usd", usd)).transpose()?.map(Budget::new);
    let limits = [usd, t.tokens.map(Budget::tokens), t.calls.map(Budget::calls), t.turns.map(Budget::turns)];
    let mut limits = limits.into_iter().flatten();
    let (Some(mut budget), None) = (limits.next(), limits.next()) else {
        return invalid(table, format_args!("budget `{}`: expected exactly one of usd, tokens, calls, turns", t.name));
    };
    if let Some(percent) = t.soft {
        budget = budget.soft(percent);
    }
    if let Some(tokens) = t.assume_output {
        budget = budget.assume_output(tokens);
    }
    match t.reserve {
        Some(ReserveWord::Expected) => budget = budget.reserve(Reserve::Expected),
        Some(ReserveWord::Bound) | None => {}
    }
    if t.allow_unpriced {
        budget = budget.allow_unpriced();
    }
    if !enforced {
        budget = budget.observe();
    }
    let mut rule = if t.each_call { BudgetRule::each_call(&t.name, budget) } else { BudgetRule::new(&t.name, budget) };
    for (key, value) in words(t.only.as_ref())? {
        rule = rule.only(key, value);
    }
    rule = t.per.iter().fold(rule, |rule, key| rule.per(key));
    if let Some(word) = &t.every {
        rule = rule.every(parsed::<Period>("every", word)?);
    }
    if let Some(owner) = &t.owner {
        rule = rule.owner(label("owner", owner)?);
    }
    if let Some(notify) = &t.notify {
        rule = rule.notify(label("notify", notify)?);
    }
    Ok(rule)
}

fn stop(table: &Spanned<StopTable>) -> Result<(StopTarget, String), InvalidValue> {
    let StopTable { only, reason } = table.as_ref();
    match words(Some(only))?.as_slice() {
        [(key, value)] => Ok((StopTarget::dimension(key, value), reason.clone())),
        _ => invalid(only, "stop: `only` needs exactly one key: a dimension, `task` or `conversation`"),
    }
}

fn runaway(table: &RunawayTable, enforced: bool) -> Result<RunawayRule, InvalidValue> {
    let mut rule = RunawayRule::new();
    if let Some(times) = table.same_call {
        rule = rule.same_call(times);
    }
    if let Some(turns) = table.turns_without_progress {
        rule = rule.turns_without_progress(turns);
    }
    if let Some(spend) = &table.spend {
        rule = rule.spend_rate(money("spend.usd", &spend.usd)?, duration("spend.within", &spend.within)?);
    }
    Ok(if enforced { rule.enforce() } else { rule })
}

fn rule(table: &RuleTable, enforced: bool) -> Result<PolicyRule, InvalidValue> {
    let mut rule = PolicyRule::new(&table.name);
    for (key, value) in words(table.only.as_ref())? {
        rule = rule.only(key, value);
    }
    rule = table.require.iter().fold(rule, |rule, key| rule.require(key));
    rule = table.allow.iter().flat_map(|allow| &allow.models).fold(rule, |rule, model| rule.allow_model(model));
    if let Some(cost) = &table.expected_cost {
        rule = rule.expect_cost(money("expected_cost", cost)?);
    }
    if let Some(graduate) = &table.graduate {
        if let Some(tasks) = graduate.tasks_per_day {
            rule = rule.graduate_at_tasks_per_day(tasks);
        }
        if let Some(cost) = &graduate.usd_per_month {
            rule = rule.graduate_at_cost_per_month(money("graduate.usd_per_month", cost)?);
        }
        for pattern in &graduate.production_principals {
            if pattern.as_ref().trim().is_empty() {
                return invalid(pattern, "graduate.production_principals: a principal must not be empty");
            }
            if is_path_only(pattern.as_ref().trim()) {
                return invalid(
                    pattern,
                    "graduate.production_principals: STS does not report the path of a role: use the role's name",
                );
            }
            rule = rule.graduate_at_principal(pattern.as_ref().trim());
        }
    }
    Ok(if enforced { rule.enforce() } else { rule })
}

fn review(rule: &str, allow: &AllowTable) -> Result<Review, InvalidValue> {
    let day = allow.review.as_ref().to_string().parse::<Date>();
    let Some(due) = day.ok().and_then(|day| day.to_zoned(TimeZone::UTC).ok()) else {
        return invalid(&allow.review, format_args!("review: `{}` is not a date", allow.review.as_ref()));
    };
    Ok(Review {
        rule: rule.to_owned(),
        models: allow.models.clone(),
        owner: allow.owner.clone(),
        reason: allow.reason.clone(),
        due: due.date().to_string(),
        due_at: due.timestamp().into(),
    })
}
