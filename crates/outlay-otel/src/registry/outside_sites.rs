//! The places in the application that do work outside any task.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashSet;

/// The maximum number of places that get a warning.
const MAX_WARNINGS: usize = 200;

/// Whether this process has ever had a task. There are no warnings before the first one.
static HAS_HAD_A_TASK: AtomicBool = AtomicBool::new(false);

/// What happens to model calls outside any task. Budgets of rules limit them, budgets of tasks do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutsideTasks {
    /// The calls are made, and counted as unattributed.
    Allow,
    /// Like `Allow`, with one warning for each place in the application once the process has had a task.
    #[default]
    Warn,
    /// The calls are refused before anything is sent. Charges and recorded calls are already spent: they are counted, with
    /// the warning.
    Refuse,
}

/// The rule for work outside any task, and the places that got a warning.
#[derive(Debug, Default)]
pub(crate) struct OutsideSites {
    pub(crate) rule: OutsideTasks,
    warned: Mutex<HashSet<Arc<str>>>,
    /// Whether a warning about too many places was given.
    too_many: AtomicBool,
}

/// Records that the process has had a task.
pub(crate) fn task_opened() {
    HAS_HAD_A_TASK.store(true, Ordering::Relaxed);
}

impl OutsideSites {
    pub(crate) fn new(rule: OutsideTasks) -> Self {
        Self { rule, warned: Mutex::default(), too_many: AtomicBool::new(false) }
    }

    /// Records the place. Returns whether it is new and needs a warning.
    fn is_first_warning(&self, site: &Arc<str>) -> bool {
        if self.rule == OutsideTasks::Allow || !HAS_HAD_A_TASK.load(Ordering::Relaxed) {
            return false;
        }
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() < MAX_WARNINGS {
            return warned.insert(site.clone());
        }
        if !warned.contains(site) && !self.too_many.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "outlay",
                "there is work outside any task at more than {MAX_WARNINGS} places: other places get no warning. \
                 Outlay::attribution() lists the most expensive ones"
            );
        }
        false
    }

    pub(crate) fn warn_of(&self, site: &Arc<str>) {
        if self.is_first_warning(site) {
            tracing::warn!(
                target: "outlay",
                site = &**site,
                "work outside any task, at {site}: its cost counts as unattributed, and no task's budget limits it. Carry \
                 the task into spawned work with outlay::in_scope(future), or tracing's .in_current_span(). If this is \
                 intended, disable the warning with Builder::outside_tasks(OutsideTasks::Allow)"
            );
        }
    }
}
