use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

/// As many are kept; a new one then takes the place of the oldest.
const MAX_ENTRIES: usize = 1_000;

/// A map of limited size whose values are made at first use.
pub(crate) struct Bounded<K, V>(RwLock<Entries<K, V>>);

struct Entries<K, V> {
    by_key: HashMap<K, Arc<V>>,
    /// The oldest first.
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V: Default> Bounded<K, V> {
    /// The value of a key.
    pub(crate) fn of<Q>(&self, key: &Q) -> Arc<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).by_key.get(key).cloned();
        known.unwrap_or_else(|| self.insert(key.to_owned()))
    }

    fn insert(&self, key: K) -> Arc<V> {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = entries.by_key.get(&key) {
            return known.clone();
        }
        while entries.order.len() >= MAX_ENTRIES {
            let Some(oldest) = entries.order.pop_front() else { break };
            entries.by_key.remove(&oldest);
        }
        let value = Arc::new(V::default());
        entries.order.push_back(key.clone());
        entries.by_key.insert(key, value.clone());
        value
    }
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self(RwLock::new(Entries { by_key: HashMap::new(), order: VecDeque::new() }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_new_one_takes_the_place_of_the_oldest() {
        let map = Bounded::<String, AtomicUsize>::default();
        for n in 0..5_000 {
            map.of(n.to_string().as_str()).store(n + 1, Ordering::Relaxed);
        }
        assert_eq!(map.0.read().unwrap().by_key.len(), MAX_ENTRIES);
        assert_eq!(map.of("4999").load(Ordering::Relaxed), 5_000);
        assert_eq!(map.of("0").load(Ordering::Relaxed), 0, "it is made anew");
    }
}
