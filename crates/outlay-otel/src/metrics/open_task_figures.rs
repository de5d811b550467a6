use std::sync::Arc;

use hashbrown::HashMap;
use outlay_price::Usd;

use super::names_on_metrics::NamesOnMetrics;

/// Provides the number of open tasks by name, and the cost so far of the most expensive one.
pub(crate) trait OpenByName: Send + Sync {
    fn by_name(&self) -> HashMap<Arc<str>, (u64, Usd)>;
}

/// The open tasks, by the names that they have on metrics.
#[derive(Clone)]
pub(super) struct OpenTaskFigures {
    pub(super) tasks: Arc<dyn OpenByName>,
    pub(super) names: Arc<NamesOnMetrics>,
}

impl OpenTaskFigures {
    pub(super) fn by_name<'a>(several: impl Iterator<Item = &'a Self>) -> HashMap<Arc<str>, (u64, Usd)> {
        let mut names: HashMap<Arc<str>, (u64, Usd)> = HashMap::new();
        for figures in several {
            for (name, (open, cost)) in figures.tasks.by_name() {
                let (count, max_cost) = names.entry(figures.names.on_metrics(&name)).or_default();
                *count += open;
                *max_cost = (*max_cost).max(cost);
            }
        }
        names
    }
}
