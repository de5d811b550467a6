//! Graduations: workflows that have outgrown the rule that applies to them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::Usd;

use super::principal_pattern::without_path;
use super::{PolicyRule, glob_match};
use crate::sync::{Mutex, lock};
use crate::{Period, Violation};

/// The maximum number of workflows that are counted. Further ones are not.
const MAX_WORKFLOWS: usize = 1_000;

/// The activity of workflows under rules with a graduation.
#[derive(Debug, Default)]
pub(crate) struct Graduations(Mutex<HashMap<Key, Activity>>);

/// A rule and a workflow.
type Key = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Activity {
    day: i64,
    tasks: u64,
    tasks_reported: bool,
    principal_reported: bool,
    month: i64,
    cost: Usd,
    cost_reported: bool,
}

impl Graduations {
    /// Counts a task that has ended. Returns a violation once per day for the tasks, and once per month for the cost.
    pub(crate) fn count(&self, rule: &PolicyRule, workflow: &Arc<str>, cost: Usd, at: SystemTime) -> Option<Violation> {
        if !rule.has_graduation() {
            return None;
        }
        self.update(rule, workflow, at, |activity| {
            activity.tasks += 1;
            activity.cost = activity.cost.saturating_add(cost);
            let too_many = rule.tasks_per_day.is_some_and(|most| activity.tasks > most);
            let too_costly = rule.usd_per_month.is_some_and(|most| activity.cost > most);
            let is_first_count = too_many && !std::mem::replace(&mut activity.tasks_reported, too_many);
            let is_first_cost = too_costly && !std::mem::replace(&mut activity.cost_reported, too_costly);
            (is_first_count || is_first_cost).then(|| activity.violation(workflow, None))
        })
    }

    /// Records the principal that a call was signed with. Returns a violation once per day if it is one of production.
    pub(crate) fn record_principal(
        &self,
        rule: &PolicyRule,
        workflow: &Arc<str>,
        principal: &Arc<str>,
        at: SystemTime,
    ) -> Option<Violation> {
        let role = without_path(principal);
        if !rule.production_principals.iter().any(|pattern| glob_match::matches(pattern, &role)) {
            return None;
        }
        self.update(rule, workflow, at, |activity| {
            let first = !std::mem::replace(&mut activity.principal_reported, true);
            first.then(|| activity.violation(workflow, Some(principal)))
        })
    }

    fn update(
        &self,
        rule: &PolicyRule,
        workflow: &Arc<str>,
        at: SystemTime,
        change: impl FnOnce(&mut Activity) -> Option<Violation>,
    ) -> Option<Violation> {
        let mut all = lock(&self.0);
        let key = (rule.name.clone(), workflow.clone());
        if all.len() >= MAX_WORKFLOWS && !all.contains_key(&key) {
            return None;
        }
        let activity = all.entry(key).or_default();
        let (day, month) = (Period::Day.number(at), Period::Month.number(at));
        // If the clock had jumped ahead and is back, activity from that time counts as today's.
        if day.saturating_add(1) < activity.day {
            activity.day = day;
        }
        if month.saturating_add(1) < activity.month {
            activity.month = month;
        }
        if day > activity.day {
            (activity.day, activity.tasks, activity.tasks_reported, activity.principal_reported) =
                (day, 0, false, false);
        }
        if month > activity.month {
            (activity.month, activity.cost, activity.cost_reported) = (month, Usd::ZERO, false);
        }
        change(activity)
    }
}

impl Activity {
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
    fn a_workflow_is_reported_once_a_day_and_once_a_month() {
        let rule =
            PolicyRule::new("sandbox").graduate_at_tasks_per_day(2).graduate_at_cost_per_month(Usd::from_cents(10));
        let graduations = Graduations::default();
        // 2026-11-20
        let day = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_132_800 + day * 86_400);
        let mut reported = Vec::new();
        for at in [0, 0, 0, 0, 1, 1, 1, 12] {
            reported.push(graduations.count(&rule, &"w".into(), Usd::from_cents(2), day(at)).is_some());
        }
        // The third task of a day, and on the second day the cost of the month. December starts at zero.
        assert_eq!(reported, [false, false, true, false, false, true, true, false]);
        assert_eq!(graduations.count(&PolicyRule::new("other"), &"w".into(), Usd::ZERO, day(0)), None);
    }

    #[test]
    fn a_production_principal_is_reported_once_a_day_per_workflow() {
        let role = "arn:aws:iam::123456789012:role/prod-tickets";
        let rule = PolicyRule::new("sandbox").graduate_at_principal("arn:aws:iam::*:role/prod-*");
        let graduations = Graduations::default();
        let day = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400);
        let is_reported = |workflow: &str, principal: &str, at: u64| {
            graduations.record_principal(&rule, &workflow.into(), &principal.into(), day(at)).is_some()
        };
        assert!(!is_reported("w", "arn:aws:iam::123456789012:role/dev", 1));
        assert_eq!(
            [is_reported("w", role, 1), is_reported("w", role, 1), is_reported("v", role, 1)],
            [true, false, true]
        );
        assert!(is_reported("w", role, 2), "another day");
        for copied in ["arn:aws:iam::*:role/service/prod-*", "arn:aws:sts::123456789012:assumed-role/prod-tickets/i-1"]
        {
            let rule = PolicyRule::new(copied).graduate_at_principal(copied);
            let is_reported =
                |principal: &str| graduations.record_principal(&rule, &"w".into(), &principal.into(), day(1)).is_some();
            assert!(!is_reported("arn:aws:iam::123456789012:role/dev") && is_reported(role), "{copied}");
        }
    }
}
