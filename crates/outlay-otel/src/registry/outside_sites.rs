//! The places in the application that work outside tasks, and what is done about them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashSet;

/// The most sites that are warned of.
const MAX_WARNINGS: usize = 200;

/// Whether this process has ever had a task. Before the first one, nothing is warned of.
static HAS_HAD_A_TASK: AtomicBool = AtomicBool::new(false);

/// What happens to model calls outside any task. Budgets of rules limit them; those of tasks do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutsideTasks {
    /// They are made, and counted as unattributed.
    Allow,
    /// The same, with one warning for each place in the application, as soon as the process has had a task.
    #[default]
    Warn,
    /// They are refused before anything is sent. Charges and recorded calls are already spent: they are counted, with the
    /// warning.
    Refuse,
}

/// What is done about work outside any task, and which sites have been warned of.
#[derive(Debug, Default)]
pub(crate) struct OutsideSites {
    pub(crate) rule: OutsideTasks,
    warned: Mutex<HashSet<Arc<str>>>,
    /// Whether a warning has said that there are more sites.
    too_many: AtomicBool,
}

/// Notes that the process has a task.
pub(crate) fn task_opened() {
    HAS_HAD_A_TASK.store(true, Ordering::Relaxed);
}

impl OutsideSites {
    pub(crate) fn new(rule: OutsideTasks) -> Self {
        Self { rule, warned: Mutex::default(), too_many: AtomicBool::new(false) }
    }

    /// Records the site. Returns whether it is new, and to be warned of.
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
                "there is work outside any task at more than {MAX_WARNINGS} places: no other place is warned of. \
                 Outlay::attribution() lists the dearest"
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
                 intended, Builder::outside_tasks(OutsideTasks::Allow) ends this warning"
            );
        }
    }
}
