//! Workflows that do more than their environment is for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::Usd;

use super::principal_pattern::without_path;
use super::{PolicyRule, glob_match};
use crate::sync::{Mutex, lock};
use crate::{Period, Violation};

/// As many workflows are counted; what comes beyond is not.
const MAX_WORKFLOWS: usize = 1_000;

/// What workflows have done under the rules that ask for it.
#[derive(Debug, Default)]
pub(crate) struct Graduations(Mutex<HashMap<Key, Done>>);

/// A rule and a workflow.
type Key = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Done {
    day: i64,
    tasks: u64,
    tasks_told: bool,
    principal_told: bool,
    month: i64,
    cost: Usd,
    cost_told: bool,
}

impl Graduations {
    /// Counts a task that has ended. Told once a day for its tasks, and once a month for its cost.
    pub(crate) fn count(&self, rule: &PolicyRule, workflow: &Arc<str>, cost: Usd, at: SystemTime) -> Option<Violation> {
        if !rule.graduates() {
            return None;
        }
        self.of(rule, workflow, at, |done| {
            done.tasks += 1;
            done.cost = done.cost.saturating_add(cost);
            let many = rule.tasks_per_day.is_some_and(|most| done.tasks > most);
            let dear = rule.usd_per_month.is_some_and(|most| done.cost > most);
            let first_many = many && !std::mem::replace(&mut done.tasks_told, many);
            let first_dear = dear && !std::mem::replace(&mut done.cost_told, dear);
            (first_many || first_dear).then(|| done.violation(workflow, None))
        })
    }

    /// A call was made with these credentials. Told once a day, where they are production's.
    pub(crate) fn called_by(
        &self,
        rule: &PolicyRule,
        workflow: &Arc<str>,
        principal: &Arc<str>,
        at: SystemTime,
    ) -> Option<Violation> {
        let told = without_path(principal);
        if !rule.production_principals.iter().any(|pattern| glob_match::fits(pattern, &told)) {
            return None;
        }
        self.of(rule, workflow, at, |done| {
            let first = !std::mem::replace(&mut done.principal_told, true);
            first.then(|| done.violation(workflow, Some(principal)))
        })
    }

    fn of(
        &self,
        rule: &PolicyRule,
        workflow: &Arc<str>,
        at: SystemTime,
        change: impl FnOnce(&mut Done) -> Option<Violation>,
    ) -> Option<Violation> {
        let mut all = lock(&self.0);
        let key = (rule.name.clone(), workflow.clone());
        if all.len() >= MAX_WORKFLOWS && !all.contains_key(&key) {
            return None;
        }
        let done = all.entry(key).or_default();
        let (day, month) = (Period::Day.number(at), Period::Month.number(at));
        // Where the clock had jumped ahead and is back, what was done meanwhile was done today.
        if day.saturating_add(1) < done.day {
            done.day = day;
        }
        if month.saturating_add(1) < done.month {
            done.month = month;
        }
        if day > done.day {
            (done.day, done.tasks, done.tasks_told, done.principal_told) = (day, 0, false, false);
        }
        if month > done.month {
            (done.month, done.cost, done.cost_told) = (month, Usd::ZERO, false);
        }
        change(done)
    }
}

impl Done {
    fn violation(&self, workflow: &Arc<str>, principal: Option<&Arc<str>>) -> Violation {
        Violation::Graduation {
            workflow: workflow.clone(),
            tasks: self.tasks,
            cost: self.cost,
            principal: principal.cloned(),
        }
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_workflow_is_told_of_once_a_day_and_once_a_month() {
        let rule =
            PolicyRule::new("sandbox").graduate_at_tasks_per_day(2).graduate_at_cost_per_month(Usd::from_cents(10));
        let graduations = Graduations::default();
        // 2026-11-20
        let day = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_132_800 + day * 86_400);
        let mut told = Vec::new();
        for at in [0, 0, 0, 0, 1, 1, 1, 12] {
            told.push(graduations.count(&rule, &"w".into(), Usd::from_cents(2), day(at)).is_some());
        }
        // The third task of a day, and on the second day the cost of the month; December begins anew.
        assert_eq!(told, [false, false, true, false, false, true, true, false]);
        assert_eq!(graduations.count(&PolicyRule::new("other"), &"w".into(), Usd::ZERO, day(0)), None);
    }

    #[test]
    fn a_production_principal_is_told_once_a_day_for_each_workflow() {
        let role = "arn:aws:iam::123456789012:role/prod-tickets";
        let rule = PolicyRule::new("sandbox").graduate_at_principal("arn:aws:iam::*:role/prod-*");
        let graduations = Graduations::default();
        let day = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400);
        let told = |workflow: &str, principal: &str, at: u64| {
            graduations.called_by(&rule, &workflow.into(), &principal.into(), day(at)).is_some()
        };
        assert!(!told("w", "arn:aws:iam::123456789012:role/dev", 1));
        assert_eq!([told("w", role, 1), told("w", role, 1), told("v", role, 1)], [true, false, true]);
        assert!(told("w", role, 2), "another day");
        for copied in ["arn:aws:iam::*:role/service/prod-*", "arn:aws:sts::123456789012:assumed-role/prod-tickets/i-1"]
        {
            let rule = PolicyRule::new(copied).graduate_at_principal(copied);
            let told = |principal: &str| graduations.called_by(&rule, &"w".into(), &principal.into(), day(1)).is_some();
            assert!(!told("arn:aws:iam::123456789012:role/dev") && told(role), "{copied}");
        }
    }
}
