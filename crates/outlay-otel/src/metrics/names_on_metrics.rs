use std::sync::{Arc, Mutex, Once, PoisonError};

use hashbrown::HashSet;

/// The maximum number of distinct names of tasks, of agents and of tools on metrics. Further ones are `other`.
const MAX_NAMES: usize = 200;

/// The names of tasks, of agents or of tools that have been on metrics.
#[derive(Debug)]
pub(super) struct NamesOnMetrics {
    /// What has these names: `task`, `agent` or `tool`.
    kind: &'static str,
    known: Mutex<HashSet<Arc<str>>>,
    too_many: Once,
}

impl NamesOnMetrics {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, known: Mutex::default(), too_many: Once::new() }
    }

    /// Returns the name on metrics. A name that identifies a single run, instead of what the task does, would
    /// create a new series each time.
    pub(super) fn on_metrics(&self, name: &Arc<str>) -> Arc<str> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(name) {
            return name.clone();
        }
        if known.len() < MAX_NAMES {
            known.insert(name.clone());
            return name.clone();
        }
        drop(known);
        let kind = self.kind;
        self.too_many.call_once(|| {
            tracing::warn!(
                target: "outlay",
                name = &**name,
                "there are more than {MAX_NAMES} distinct {kind} names: on metrics, the others are `other`; name each \
                 {kind} after what it does, not after a single run"
            );
        });
        Arc::from("other")
    }
}
