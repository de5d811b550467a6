use std::hash::Hash;
use std::sync::Mutex;

use hashbrown::{HashMap, HashSet};

use super::counter::lock;

/// The series that have a place of their own. A series keeps its place, so that no counter goes down.
pub(super) struct SeriesCap<L> {
    known: Mutex<HashSet<L>>,
    /// So many series are kept apart, and so many more of what is beyond.
    most: [usize; 2],
}

impl<L: Clone + Eq + Hash> SeriesCap<L> {
    pub(super) fn new(most: [usize; 2]) -> Self {
        Self { known: Mutex::default(), most }
    }

    /// Returns the series that have a place of their own, and the sums of all others under fewer labels.
    pub(super) fn within<V: Copy>(
        &self,
        all: HashMap<L, V>,
        overflow: impl Fn(&L) -> L,
        rest: impl Fn(&L) -> L,
        add: impl Fn(V, V) -> V,
    ) -> HashMap<L, V> {
        let [own, beyond] = self.most;
        let mut known = lock(&self.known);
        let mut place = |labels: L, most: usize| {
            let has_place = known.contains(&labels) || (known.len() < most && known.insert(labels.clone()));
            if has_place { Ok(labels) } else { Err(labels) }
        };
        let mut within: HashMap<L, V> = HashMap::with_capacity(all.len());
        for (labels, value) in all {
            let labels = place(labels, own).or_else(|labels| place(overflow(&labels), own + beyond));
            let labels = labels.unwrap_or_else(|labels| rest(&labels));
            match within.get_mut(&labels) {
                Some(sum) => *sum = add(*sum, value),
                None => drop(within.insert(labels, value)),
            }
        }
        within
    }
}
