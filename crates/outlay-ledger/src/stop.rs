//! Stops: the next call of what is stopped is refused.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError};

use crate::TaskId;
use crate::refusal::{StopReason, Stopped};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, RwLock, lock};
use crate::task::{TaskWords, clean_word};

/// What to stop: one task, or all tasks of a kind, those to come included.
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
    /// This run of a task, with the tasks inside it.
    pub const fn task(id: TaskId) -> Self {
        Self(Target::Task(id))
    }

    /// All tasks of a workflow.
    pub fn workflow(name: &str) -> Self {
        Self::dimension("workflow", name)
    }

    /// All tasks with a dimension, with a `task` name, or of a `conversation`.
    pub fn dimension(key: &str, value: &str) -> Self {
        let (key, value) = clean_word(key, value);
        Self(Target::Kind { key, value })
    }

    /// The one task that it is, where it is one.
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
    /// Asked for by every call; nearly always false.
    any: AtomicBool,
    kinds: RwLock<Kinds>,
}

/// By key and value: there are few keys, and may be many values.
type Kinds = BTreeMap<Arc<str>, HashMap<Arc<str>, Kind>>;

/// A kind of tasks, and why it is stopped.
#[derive(Debug)]
struct Kind {
    what: Arc<str>,
    by_hand: Option<StopReason>,
    of_policy: Option<StopReason>,
}

impl Stops {
    /// Stops a kind of tasks; the last reason holds.
    pub(crate) fn add(&self, target: &StopTarget, reason: &str) {
        self.change(|kinds| {
            if let Some(kind) = place(kinds, target) {
                kind.by_hand = Some(StopReason::new(reason));
            }
        });
    }

    /// Puts the policy's stops in the place of those that it had before, at once. Those by hand stay.
    pub(crate) fn set_of_policy(&self, stops: &[(StopTarget, String)]) {
        self.change(|kinds| {
            for kind in kinds.values_mut().flat_map(HashMap::values_mut) {
                kind.of_policy = None;
            }
            for (target, reason) in stops {
                if let Some(kind) = place(kinds, target) {
                    kind.of_policy = Some(StopReason::new(reason));
                }
            }
        });
    }

    /// True if it was stopped. What the policy stops comes back when that is read again.
    pub(crate) fn remove(&self, target: &StopTarget) -> bool {
        let Target::Kind { key, value } = &target.0 else { return false };
        self.change(|kinds| kinds.get_mut(key).is_some_and(|values| values.remove(value).is_some()))
    }

    /// Why a call of this task is refused.
    pub(crate) fn find(&self, task: &TaskWords<'_>, model: &Arc<str>) -> Option<Stopped> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let kinds = self.kinds.read().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.iter().find_map(|(key, values)| values.get(task.get(key)?))?;
        let reason = kind.by_hand.as_ref().or(kind.of_policy.as_ref())?;
        Some(Stopped::new(&kind.what, reason, model))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Kinds) -> T) -> T {
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&mut kinds);
        for values in kinds.values_mut() {
            values.retain(|_, kind| kind.by_hand.is_some() || kind.of_policy.is_some());
        }
        kinds.retain(|_, values| !values.is_empty());
        self.any.store(!kinds.is_empty(), Ordering::Release);
        changed
    }
}

fn place<'a>(kinds: &'a mut Kinds, target: &StopTarget) -> Option<&'a mut Kind> {
    let Target::Kind { key, value } = &target.0 else { return None };
    let new = || Kind { what: target.to_string().into(), by_hand: None, of_policy: None };
    Some(kinds.entry(key.clone()).or_default().entry(value.clone()).or_insert_with(new))
}

/// Whether one task is stopped.
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

    /// True if it was stopped.
    pub(crate) fn clear(&self) -> bool {
        let mut state = lock(&self.state);
        self.stopped.store(false, Ordering::Release);
        state.reason.take().is_some()
    }

    pub(crate) fn reason(&self) -> Option<Arc<str>> {
        self.found().map(|reason| reason.text)
    }

    fn found(&self) -> Option<StopReason> {
        if !self.stopped.load(Ordering::Acquire) {
            return None;
        }
        lock(&self.state).reason.clone()
    }

    /// Why a call of the task, which has this name, is refused.
    pub(crate) fn find(&self, task: &str, model: &Arc<str>) -> Option<Stopped> {
        let reason = self.found()?;
        Some(Stopped::new(&format!("task `{task}`").into(), &reason, model))
    }
}

#[cfg(all(test, not(outlay_shuttle)))]
mod tests {
    use super::*;
    use crate::Dimensions;

    #[test]
    fn a_kind_is_stopped_until_it_is_not_and_the_last_reason_holds() {
        let stops = Stops::default();
        let mut dimensions = Dimensions::default();
        dimensions.set_named("team", "a");
        let task = TaskWords { name: "t", conversation: None, dimensions: &dimensions };
        let model: Arc<str> = "m".into();
        assert_eq!(stops.find(&task, &model), None);
        stops.add(&StopTarget::dimension("team", "b"), "theirs");
        assert_eq!(stops.find(&task, &model), None);
        for reason in ["one", "two\nlines"] {
            stops.add(&StopTarget::dimension("team", "a"), reason);
        }
        let stopped = stops.find(&task, &model).map(|why| why.to_string());
        assert_eq!(stopped.as_deref(), Some("a call to `m` was refused: team `a` is stopped: twolines"));
        assert!(stops.remove(&StopTarget::dimension("team", "a")));
        assert!(!stops.remove(&StopTarget::dimension("team", "a")));
        assert_eq!(stops.find(&task, &model), None);
    }

    #[test]
    fn a_policy_takes_back_its_own_stops_alone() {
        let (stops, dimensions) = (Stops::default(), Dimensions::default());
        let find = |name: &str| {
            let task = TaskWords { name, conversation: None, dimensions: &dimensions };
            stops.find(&task, &"m".into()).map(|why| why.reason().to_owned())
        };
        let stop = |name: &str| (StopTarget::dimension("task", name), "the policy".to_owned());
        stops.add(&stop("a").0, " ");
        stops.set_of_policy(&[stop("a"), stop("b")]);
        assert_eq!((find("a").as_deref(), find("b").as_deref()), (Some("no reason is given"), Some("the policy")));
        stops.set_of_policy(&[stop("c")]);
        assert_eq!((find("a").as_deref(), find("b"), find("c").is_some()), (Some("no reason is given"), None, true));
        assert!(stops.remove(&stop("c").0));
        stops.set_of_policy(&[]);
        assert!(find("a").is_some() && find("c").is_none());
    }
}
