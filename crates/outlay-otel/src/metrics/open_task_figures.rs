use std::sync::Arc;

use hashbrown::HashMap;
use outlay_price::Usd;

use super::task_names::TaskNames;

/// The open tasks by name: how many there are, and what the dearest of them has cost so far.
pub(crate) trait OpenByName: Send + Sync {
    fn by_name(&self) -> HashMap<Arc<str>, (u64, Usd)>;
}

/// The open tasks, by the names that they have on metrics.
#[derive(Clone)]
pub(super) struct OpenTaskFigures {
    pub(super) of: Arc<dyn OpenByName>,
    pub(super) names: Arc<TaskNames>,
}

impl OpenTaskFigures {
    pub(super) fn by_name<'a>(several: impl Iterator<Item = &'a Self>) -> HashMap<Arc<str>, (u64, Usd)> {
        let mut names: HashMap<Arc<str>, (u64, Usd)> = HashMap::new();
        for tasks in several {
            for (name, (open, dearest)) in tasks.of.by_name() {
                let (count, most) = names.entry(tasks.names.on_metrics(&name)).or_default();
                *count += open;
                *most = (*most).max(dearest);
            }
        }
        names
    }
}
