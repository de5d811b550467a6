use std::fmt;
use std::sync::Arc;

use crate::callback::guarded;
use crate::{BudgetExceeded, BudgetStatus, PolicyViolation, Runaway, Stopped, TaskFacts};

/// A budget, stop, runaway or policy event.
#[derive(Debug)]
#[non_exhaustive]
pub struct Alert<'a> {
    /// The name of what tells it: of a budget, of what is stopped, of a rule.
    pub name: &'a str,
    /// The task in which it happened.
    pub task: &'a TaskFacts,
    /// What happened.
    pub kind: &'a AlertKind,
    /// Whether it is the task's first of its kind, name and reason. Refusals tend to repeat.
    pub first_in_task: bool,
    /// Whether it is the scope's first.
    pub first_in_scope: bool,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertKind {
    /// So much of a budget is spent as its soft limit says; told once in a period.
    SoftLimit(BudgetStatus),
    /// A budget refused a call.
    Refused(BudgetExceeded),
    /// A budget would have refused a call, if it did more than observe.
    WouldRefuse(BudgetExceeded),
    /// A call was refused, for its task is stopped.
    Stopped(Stopped),
    /// A task looks like one that does not end by itself; told once for each sign and task.
    Runaway(Runaway),
    /// So many budgets of a rule without a period were forgotten, with what was spent of them: those that no task has used
    /// for longest.
    BudgetsForgotten(u64),
    /// A rule has so many budgets, and keeps no more: the task has one of its own.
    TooManyBudgets(u64),
    /// A rule of the policy is violated.
    Violation(PolicyViolation),
}

/// The most alerts that are kept for a task or a scope.
const MAX_SEEN_ALERTS: usize = 100;

/// The repeatable alerts already reported for a task or a scope.
#[derive(Debug, Default)]
pub(crate) struct SeenAlerts(Vec<Box<str>>);

impl SeenAlerts {
    /// Records the key. Returns false if it is known, or if 100 keys are kept already.
    pub(crate) fn insert(&mut self, key: &str) -> bool {
        if self.0.len() >= MAX_SEEN_ALERTS || self.0.iter().any(|seen| **seen == *key) {
            return false;
        }
        self.0.push(key.into());
        true
    }
}

impl AlertKind {
    /// Returns the key that repeats of the alert share, or `None` for a kind that does not repeat.
    fn key(&self, name: &str) -> Option<String> {
        match self {
            Self::Refused(why) => Some(format!("refused {name}: {}", why.reason().as_str())),
            Self::WouldRefuse(why) => Some(format!("would refuse {name}: {}", why.reason().as_str())),
            // What is stopped again, after it was resumed, is told again.
            Self::Stopped(why) => Some(format!("stopped {}", why.serial())),
            Self::Violation(why) => Some(format!("violation of {}: {}", why.rule(), why.violation().kind())),
            Self::SoftLimit(_) | Self::Runaway(_) | Self::BudgetsForgotten(_) | Self::TooManyBudgets(_) => None,
        }
    }
}

/// The function that receives alerts. No lock is held while it runs.
pub(crate) struct Observer(Box<dyn Fn(&Alert<'_>) + Send + Sync>);

impl Observer {
    pub(crate) fn new(receive: impl Fn(&Alert<'_>) + Send + Sync + 'static) -> Self {
        Self(Box::new(receive))
    }

    pub(crate) fn call(&self, alert: &Alert<'_>) {
        let _ = guarded(|| (self.0)(alert));
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Where alerts go to: a scope.
pub(crate) trait AlertSource {
    /// Returns the facts of the task that the alerts are of.
    fn facts(&self) -> &TaskFacts;

    /// Returns the observer, if there is one.
    fn alert_observer(&self) -> Option<&Observer>;

    /// Records the key of an alert. Returns whether it is new in the task, and whether it is new in the scope.
    fn record_alert(&self, key: &str) -> (bool, bool);
}

/// Alerts that are collected while locks are held, and sent once they are released.
#[derive(Debug, Default)]
pub(crate) struct Alerts(Vec<Collected>);

#[derive(Debug)]
struct Collected {
    name: Arc<str>,
    kind: AlertKind,
    /// The task, if it is another one than the source's.
    task: Option<Arc<TaskFacts>>,
}

impl Alerts {
    pub(crate) fn push(&mut self, name: &Arc<str>, kind: AlertKind) {
        self.0.push(Collected { name: name.clone(), kind, task: None });
    }

    /// Adds an alert of another task than the one in which it happens.
    pub(crate) fn push_of(&mut self, task: &Arc<TaskFacts>, kind: AlertKind) {
        self.0.push(Collected { name: task.name.clone(), kind, task: Some(task.clone()) });
    }

    #[cfg(all(test, not(outlay_shuttle)))]
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &AlertKind> {
        self.0.iter().map(|collected| &collected.kind)
    }

    /// Sends the alerts to the observer of `source`. No lock may be held.
    pub(crate) fn send(self, source: &impl AlertSource) {
        if self.0.is_empty() {
            return;
        }
        let Some(observer) = source.alert_observer() else { return };
        for Collected { name, kind, task } in &self.0 {
            let task = task.as_deref().unwrap_or(source.facts());
            let (first_in_task, first_in_scope) = kind.key(name).map_or((true, true), |key| source.record_alert(&key));
            observer.call(&Alert { name, task, kind, first_in_task, first_in_scope });
        }
    }
}
