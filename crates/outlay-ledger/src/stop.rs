//! Stops of tasks. The next call of a stopped task is refused.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError};

use crate::TaskId;
use crate::refusal::{StopReason, Stopped};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, RwLock, lock};
use crate::task::{TaskWords, clean_word};

/// The target of a stop: one task, or all present and future tasks of a kind.
///
/// ```
/// use outlay_ledger::StopTarget;
///
/// assert_eq!(StopTarget::workflow("tickets").to_string(), "workflow `tickets`");
/// assert_eq!(StopTarget::dimension("tenant", "acme").to_string(), "tenant `acme`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StopTarget(Target);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    Task(TaskId),
    Kind { key: Arc<str>, value: Arc<str> },
}

impl StopTarget {
    /// Returns a target for one run of a task, including the tasks inside it.
    pub const fn task(id: TaskId) -> Self {
        Self(Target::Task(id))
    }

    /// Returns a target for all tasks of a workflow.
    pub fn workflow(name: &str) -> Self {
        Self::dimension("workflow", name)
    }

    /// Returns a target for all tasks with a dimension. `key` may also be `task` (a task name) or `conversation`.
    pub fn dimension(key: &str, value: &str) -> Self {
        let (key, value) = clean_word(key, value);
        Self(Target::Kind { key, value })
    }

    /// Returns the task's id, if the target is one task.
    pub const fn task_id(&self) -> Option<TaskId> {
        match self.0 {
            Target::Task(id) => Some(id),
            Target::Kind { .. } => None,
        }
    }
}

impl From<TaskId> for StopTarget {
    fn from(id: TaskId) -> Self {
        Self::task(id)
    }
}

impl fmt::Display for StopTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Task(id) => write!(f, "task {id}"),
            Target::Kind { key, value } => write!(f, "{key} `{value}`"),
        }
    }
}

/// The kinds of tasks that are stopped.
#[derive(Debug, Default)]
pub(crate) struct Stops {
    /// Whether any kind is stopped. Every call reads it, and it is nearly always false.
    any: AtomicBool,
    kinds: RwLock<Kinds>,
}

/// The stopped kinds by key and value. There are few keys, but there may be many values.
type Kinds = BTreeMap<Arc<str>, HashMap<Arc<str>, Kind>>;

/// A stopped kind of tasks, with the reasons.
#[derive(Debug)]
struct Kind {
    what: Arc<str>,
    from_code: Option<StopReason>,
    from_policy: Option<StopReason>,
}

impl Stops {
    /// Stops a kind of tasks. A later reason replaces an earlier one.
    pub(crate) fn add(&self, target: &StopTarget, reason: &str) {
        self.change(|kinds| {
            if let Some(kind) = entry(kinds, target) {
                kind.from_code = Some(StopReason::new(reason));
            }
        });
    }

    /// Replaces the stops of the policy in one step. Stops from code stay.
    pub(crate) fn set_policy_stops(&self, stops: &[(StopTarget, String)]) {
        self.change(|kinds| {
            for kind in kinds.values_mut().flat_map(HashMap::values_mut) {
                kind.from_policy = None;
            }
            for (target, reason) in stops {
                if let Some(kind) = entry(kinds, target) {
                    kind.from_policy = Some(StopReason::new(reason));
                }
            }
        });
    }

    /// Removes a stop. Returns whether there was one. A stop of the policy returns when the policy is read again.
    pub(crate) fn remove(&self, target: &StopTarget) -> bool {
        let Target::Kind { key, value } = &target.0 else { return false };
        self.change(|kinds| kinds.get_mut(key).is_some_and(|values| values.remove(value).is_some()))
    }

    /// Returns the refusal for a call of this task, if its kind is stopped.
    pub(crate) fn find(&self, task: &TaskWords<'_>, model: &Arc<str>) -> Option<Stopped> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.iter().find_map(|(key, values)| values.get(task.get(key)?))?;
        let reason = kind.from_code.as_ref().or(kind.from_policy.as_ref())?;
        Some(Stopped::new(&kind.what, reason, model))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Kinds) -> T) -> T {
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut kinds);
        for values in kinds.values_mut() {
            values.retain(|_, kind| kind.from_code.is_some() || kind.from_policy.is_some());
        }
        kinds.retain(|_, values| !values.is_empty());
        self.any.store(!kinds.is_empty(), Ordering::Release);
        changed
    }
}

fn entry<'a>(kinds: &'a mut Kinds, target: &StopTarget) -> Option<&'a mut Kind> {
    let Target::Kind { key, value } = &target.0 else { return None };
    let new = || Kind { what: target.to_string().into(), from_code: None, from_policy: None };
    Some(kinds.entry(key.clone()).or_default().entry(value.clone()).or_insert_with(new))
}

/// The stop of a single task.
#[derive(Debug, Default)]
pub(crate) struct TaskStop {
    stopped: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    reason: Option<StopReason>,
}

impl TaskStop {
    pub(crate) fn set(&self, reason: &str) {
        lock(&self.state).reason = Some(StopReason::new(reason));
        self.stopped.store(true, Ordering::Release);
    }

    /// Removes the stop. Returns whether there was one.
    pub(crate) fn clear(&self) -> bool {
        let mut state = lock(&self.state);
        self.stopped.store(false, Ordering::Release);
        state.reason.take().is_some()
    }

    pub(crate) fn reason(&self) -> Option<Arc<str>> {
        self.current().map(|reason| reason.text)
    }

    fn current(&self) -> Option<StopReason> {
        if !self.stopped.load(Ordering::Acquire) {
            return None;
        }
        lock(&self.state).reason.clone()
    }

    /// Returns the refusal for a call of the task, if it is stopped. `task` is the task's name.
    pub(crate) fn find(&self, task: &str, model: &Arc<str>) -> Option<Stopped> {
        let reason = self.current()?;
        Some(Stopped::new(&format!("task `{task}`").into(), &reason, model))
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use super::*;
    use crate::Dimensions;

    #[test]
    fn a_kind_is_stopped_until_it_is_resumed_and_the_last_reason_counts() {
        let stops = Stops::default();
        let mut dimensions = Dimensions::default();
        dimensions.set_named("team", "a");
        let task = TaskWords { name: "t", conversation: None, dimensions: &dimensions };
        let model: Arc<str> = "m".into();
        assert_eq!(stops.find(&task, &model), None);
        stops.add(&StopTarget::dimension("team", "b"), "other");
        assert_eq!(stops.find(&task, &model), None);
        for reason in ["one", "two\nlines"] {
            stops.add(&StopTarget::dimension("team", "a"), reason);
        }
        let stopped = stops.find(&task, &model).map(|stopped| stopped.to_string());
        assert_eq!(stopped.as_deref(), Some("a call to `m` was refused: team `a` is stopped: twolines"));
        assert!(stops.remove(&StopTarget::dimension("team", "a")));
        assert!(!stops.remove(&StopTarget::dimension("team", "a")));
        assert_eq!(stops.find(&task, &model), None);
    }

    #[test]
    fn a_policy_removes_only_its_own_stops() {
        let (stops, dimensions) = (Stops::default(), Dimensions::default());
        let find = |name: &str| {
            let task = TaskWords { name, conversation: None, dimensions: &dimensions };
            stops.find(&task, &"m".into()).map(|stopped| stopped.reason().to_owned())
        };
        let stop = |name: &str| (StopTarget::dimension("task", name), "the policy".to_owned());
        stops.add(&stop("a").0, " ");
        stops.set_policy_stops(&[stop("a"), stop("b")]);
        assert_eq!((find("a").as_deref(), find("b").as_deref()), (Some("no reason given"), Some("the policy")));
        stops.set_policy_stops(&[stop("c")]);
        assert_eq!((find("a").as_deref(), find("b"), find("c").is_some()), (Some("no reason given"), None, true));
        assert!(stops.remove(&stop("c").0));
        stops.set_policy_stops(&[]);
        assert!(find("a").is_some() && find("c").is_none());
    }
}
