use std::sync::{Arc, Mutex, Once, PoisonError};

use hashbrown::HashSet;

/// As many distinct task names are on metrics; what comes beyond is `other`.
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
    /// The name that a task goes by on metrics. A name that tells which task it was, and not what it does, would be a
    /// new series each time.
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
                 after what it does, not after which one it is"
            );
        });
        Arc::from("other")
    }
}
