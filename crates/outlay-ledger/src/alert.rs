use std::fmt;
use std::sync::Arc;

use crate::callback::guarded;
use crate::{BudgetExceeded, BudgetStatus, PolicyViolation, Runaway, Stopped, TaskFacts};

/// A budget, stop, runaway or policy event.
#[derive(Debug)]
#[non_exhaustive]
pub struct Alert<'a> {
    /// The name of its source: a budget, a stopped target, or a rule.
    pub name: &'a str,
    /// The task in which it happened.
    pub task: &'a TaskFacts,
    /// What happened.
    pub kind: &'a AlertKind,
    /// Whether it is the first with its kind, name and reason in the task. Refusals tend to repeat.
    pub first_in_task: bool,
    /// Whether it is the first with its kind, name and reason in the scope.
    pub first_in_scope: bool,
}

/// The kind of an alert, with its details.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertKind {
    /// The spending of a budget reached its soft limit. Reported once per period.
    SoftLimit(BudgetStatus),
    /// A budget refused a call.
    Refused(BudgetExceeded),
    /// An observing budget would have refused a call.
    WouldRefuse(BudgetExceeded),
    /// A call was refused because its task is stopped.
    Stopped(Stopped),
    /// A task shows a sign of a runaway. Reported once per sign and task.
    Runaway(Runaway),
    /// This many budgets of a rule without a period were dropped, together with what was spent of them. The least
    /// recently used ones are dropped.
    BudgetsForgotten(u64),
    /// A rule has reached its maximum number of budgets, given here. The task got a separate budget.
    TooManyBudgets(u64),
    /// A task or call violates a policy rule.
    Violation(PolicyViolation),
}

/// The maximum number of alert keys that are kept for a task or a scope.
const MAX_REPORTED_ALERTS: usize = 100;

/// The repeatable alerts already reported for a task or a scope.
#[derive(Debug, Default)]
pub(crate) struct ReportedAlerts(Vec<Box<str>>);

impl ReportedAlerts {
    /// Records the key. Returns false if it is known, or if 100 keys are kept already.
    pub(crate) fn insert(&mut self, key: &str) -> bool {
        if self.0.len() >= MAX_REPORTED_ALERTS || self.0.iter().any(|reported| **reported == *key) {
            return false;
        }
        self.0.push(key.into());
        true
    }
}

impl AlertKind {
    /// Returns a key that is equal for repeated alerts, or `None` if the kind does not repeat.
    fn key(&self, name: &str) -> Option<String> {
        match self {
            Self::Refused(exceeded) => Some(format!("refused {name}: {}", exceeded.reason().as_str())),
            Self::WouldRefuse(exceeded) => Some(format!("would refuse {name}: {}", exceeded.reason().as_str())),
            // A new stop after a resume has another number and is reported again.
            Self::Stopped(stopped) => Some(format!("stopped {}", stopped.serial())),
            Self::Violation(found) => Some(format!("violation of {}: {}", found.rule(), found.violation().kind())),
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

/// The scope in which alerts occur.
pub(crate) trait AlertSource {
    /// Returns the task of the alerts.
    fn facts(&self) -> &TaskFacts;

    /// Returns the observer, if there is one.
    fn alert_observer(&self) -> Option<&Observer>;

    /// Records the key of an alert. Returns whether it is new in the task, and whether it is new in the scope.
    fn record_alert(&self, key: &str) -> (bool, bool);
}

/// Alerts that are collected while locks are held, and sent once they are released.
#[derive(Debug, Default)]
pub(crate) struct Alerts(Vec<CollectedAlert>);

#[derive(Debug)]
struct CollectedAlert {
    name: Arc<str>,
    kind: AlertKind,
    /// The task, if it is not that of the source.
    task: Option<Arc<TaskFacts>>,
}

impl Alerts {
    pub(crate) fn push(&mut self, name: &Arc<str>, kind: AlertKind) {
        self.0.push(CollectedAlert { name: name.clone(), kind, task: None });
    }

    /// Adds an alert about a task other than the source's.
    pub(crate) fn push_of(&mut self, task: &Arc<TaskFacts>, kind: AlertKind) {
        self.0.push(CollectedAlert { name: task.name.clone(), kind, task: Some(task.clone()) });
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
        for CollectedAlert { name, kind, task } in &self.0 {
            let task = task.as_deref().unwrap_or(source.facts());
            let (first_in_task, first_in_scope) = kind.key(name).map_or((true, true), |key| source.record_alert(&key));
            observer.call(&Alert { name, task, kind, first_in_task, first_in_scope });
        }
    }
}
