use std::sync::{Arc, Mutex, Once, PoisonError};

use hashbrown::HashSet;

/// The maximum number of distinct task names on metrics. Further ones are `other`.
const MAX_TASKS: usize = 200;

/// The task names that have been on metrics.
#[derive(Debug)]
pub(super) struct TaskNames {
    known: Mutex<HashSet<Arc<str>>>,
    too_many: Once,
}

impl Default for TaskNames {
    fn default() -> Self {
        Self { known: Mutex::default(), too_many: Once::new() }
    }
}

impl TaskNames {
    /// Returns the name of a task on metrics. A name that identifies a single run, instead of what the task does, would
    /// create a new series each time.
    pub(super) fn on_metrics(&self, name: &Arc<str>) -> Arc<str> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name) {
            return name.clone();
        }
        if known.len() < MAX_TASKS {
            known.insert(name.clone());
            return name.clone();
        }
        drop(known);
        self.too_many.call_once(|| {
            tracing::warn!(
                target: "outlay",
                task = &**name,
                "there are more than {MAX_TASKS} distinct task names: on metrics, the others are `other`; name a task \
                 after what it does, not after a single run"
            );
        });
        Arc::from("other")
    }
}
