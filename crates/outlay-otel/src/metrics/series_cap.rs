use std::hash::Hash;
use std::sync::Mutex;

use hashbrown::{HashMap, HashSet};

use super::counter::lock;

/// A cap on the number of reported series. A series that was reported once stays, so that no counter goes down.
pub(super) struct SeriesCap<L> {
    known: Mutex<HashSet<L>>,
    /// The maximum number of series, and of additional overflow series.
    max: [usize; 2],
}

impl<L: Clone + Eq + Hash> SeriesCap<L> {
    pub(super) fn new(max: [usize; 2]) -> Self {
        Self { known: Mutex::default(), max }
    }

    /// Returns the series within the cap, and the sums of all others under fewer labels.
    pub(super) fn within<V: Copy>(
        &self,
        all: HashMap<L, V>,
        overflow: impl Fn(&L) -> L,
        rest: impl Fn(&L) -> L,
        add: impl Fn(V, V) -> V,
    ) -> HashMap<L, V> {
        let [max_series, max_overflow] = self.max;
        let mut known = lock(&self.known);
        let mut admit = |labels: L, max: usize| {
            let is_admitted = known.contains(&labels) || (known.len() < max && known.insert(labels.clone()));
            if is_admitted { Ok(labels) } else { Err(labels) }
        };
        let mut within: HashMap<L, V> = HashMap::with_capacity(all.len());
        for (labels, value) in all {
            let labels =
                admit(labels, max_series).or_else(|labels| admit(overflow(&labels), max_series + max_overflow));
            let labels = labels.unwrap_or_else(|labels| rest(&labels));
            match within.get_mut(&labels) {
                Some(sum) => *sum = add(*sum, value),
                None => drop(within.insert(labels, value)),
            }
        }
        within
    }
}
