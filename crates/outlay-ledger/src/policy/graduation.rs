//! Workflows that do more than their environment is for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use outlay_price::Usd;

use super::{PolicyRule, Violation};
use crate::Period;
use crate::sync::{Mutex, lock};

/// As many workflows are counted; what comes beyond is not.
const MAX_WORKFLOWS: usize = 1_000;

/// What workflows have done under the rules that ask for it.
#[derive(Debug, Default)]
pub(super) struct Graduations(Mutex<HashMap<Key, Done>>);

/// A rule and a workflow.
type Key = (Arc<str>, Arc<str>);

#[derive(Debug, Default)]
struct Done {
    day: i64,
    tasks: u64,
    tasks_told: bool,
    month: i64,
    cost: Usd,
    cost_told: bool,
}

impl Graduations {
    /// Counts a task that has ended. Told once a day for its tasks, and once a month for its cost.
    pub(super) fn count(&self, rule: &PolicyRule, workflow: &Arc<str>, cost: Usd, at: SystemTime) -> Option<Violation> {
        if rule.tasks_per_day.is_none() && rule.usd_per_month.is_none() {
            return None;
        }
        let mut all = lock(&self.0);
        let key = (rule.name.clone(), workflow.clone());
        if all.len() >= MAX_WORKFLOWS && !all.contains_key(&key) {
            return None;
        }
        let done = all.entry(key).or_default();
        let (day, month) = (Period::Day.number(at), Period::Month.number(at));
        if day > done.day {
            (done.day, done.tasks, done.tasks_told) = (day, 0, false);
        }
        if month > done.month {
            (done.month, done.cost, done.cost_told) = (month, Usd::ZERO, false);
        }
        done.tasks += 1;
        done.cost = done.cost.saturating_add(cost);
        let many = rule.tasks_per_day.is_some_and(|most| done.tasks > most);
        let dear = rule.usd_per_month.is_some_and(|most| done.cost > most);
        let first_many = many && !std::mem::replace(&mut done.tasks_told, many);
        let first_dear = dear && !std::mem::replace(&mut done.cost_told, dear);
        (first_many || first_dear).then(|| Violation::Graduation {
            workflow: workflow.clone(),
            tasks: done.tasks,
            cost: done.cost,
        })
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
}
