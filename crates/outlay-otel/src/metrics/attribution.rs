//! The share of the cost that is attributed to tasks and dimensions.

use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::AsyncInstrument;
use outlay_ledger::{Dimension, Scope};
use outlay_price::Usd;

use crate::names::outlay;

/// The maximum number of distinguished places. Further ones are counted as `elsewhere`.
const MAX_SITES: usize = 200;

/// The part of this process's known cost that is attributed to tasks and dimensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribution {
    /// The total cost.
    pub total: Usd,
    /// The cost in tasks.
    pub in_tasks: Usd,
    /// The cost that carries each of the known dimensions.
    pub by_dimension: Vec<(Dimension, Usd)>,
    /// The cost outside any task, by place, the most expensive first.
    pub unattributed: Vec<UnattributedSite>,
}

/// A place in the application that spends outside any task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnattributedSite {
    /// The place. For a scope, a charge or a recorded call, it is the Outlay function that the application called, with the
    /// file and line of that call. For a call of the SDK, it is the application's innermost `tracing` span, with its file
    /// and line, or without a span the operation and the model.
    pub site: Arc<str>,
    /// The number of calls.
    pub calls: u64,
    /// The known part of the cost.
    pub cost: Usd,
}

impl Attribution {
    /// Returns the share of the cost that carries a dimension, from 0 to 1; `None` if nothing was spent.
    pub fn share(&self, dimension: Dimension) -> Option<f64> {
        let carried = self.by_dimension.iter().find(|(known, _)| *known == dimension)?.1;
        (self.total > Usd::ZERO).then(|| carried.picos() as f64 / self.total.picos() as f64)
    }
}

/// The sums for [`Attribution`].
#[derive(Debug, Default)]
pub(super) struct Spend(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    total: Usd,
    in_tasks: Usd,
    carried: [Usd; Dimension::ALL.len()],
    sites: HashMap<Arc<str>, (u64, Usd)>,
}

impl Spend {
    /// Adds the cost of `calls` calls or of a charge. `site` is set outside any task.
    pub(super) fn add(&self, scope: &Scope, calls: u64, cost: Usd, site: Option<&Arc<str>>) {
        let dimensions = scope.dimensions();
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sums = &mut *sums;
        sums.total = sums.total.saturating_add(cost);
        for (dimension, sum) in Dimension::ALL.into_iter().zip(&mut sums.carried) {
            if dimensions.value(dimension).is_some() {
                *sum = sum.saturating_add(cost);
            }
        }
        if !scope.is_unattributed() {
            sums.in_tasks = sums.in_tasks.saturating_add(cost);
        }
        if let Some(site) = site {
            let has_room = sums.sites.len() < MAX_SITES || sums.sites.contains_key(site);
            let site = if has_room { site.clone() } else { Arc::from("elsewhere") };
            let (count, sum) = sums.sites.entry(site).or_default();
            *count += calls;
            *sum = sum.saturating_add(cost);
        }
    }

    pub(super) fn attribution(&self) -> Attribution {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sites = sums.sites.iter().map(|(site, (calls, cost))| (site.clone(), *calls, *cost));
        let sites = sites.map(|(site, calls, cost)| UnattributedSite { site, calls, cost });
        let mut unattributed: Vec<_> = sites.collect();
        unattributed.sort_by(|a, b| b.cost.cmp(&a.cost).then_with(|| a.site.cmp(&b.site)));
        Attribution {
            total: sums.total,
            in_tasks: sums.in_tasks,
            by_dimension: Dimension::ALL.into_iter().zip(sums.carried).collect(),
            unattributed,
        }
    }

    /// Observes the share of each dimension in the summed cost of several engines.
    pub(super) fn observe<'a>(several: impl Iterator<Item = &'a Self>, observer: &dyn AsyncInstrument<f64>) {
        let (mut total, mut carried) = (Usd::ZERO, [Usd::ZERO; Dimension::ALL.len()]);
        for one in several {
            let sums = one.0.lock().unwrap_or_else(PoisonError::into_inner);
            total = total.saturating_add(sums.total);
            carried.iter_mut().zip(sums.carried).for_each(|(sum, part)| *sum = sum.saturating_add(part));
        }
        let by_dimension = Dimension::ALL.into_iter().zip(carried).collect();
        let all = Attribution { total, by_dimension, ..Attribution::default() };
        for dimension in Dimension::ALL {
            if let Some(share) = all.share(dimension) {
                observer.observe(share, &[KeyValue::new(outlay::DIMENSION, dimension.as_str())]);
            }
        }
    }
}
