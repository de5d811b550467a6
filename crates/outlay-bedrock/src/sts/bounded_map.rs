use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The maximum number of entries. A new one evicts an entry that is not live, else the least recently used.
const MAX_ENTRIES: usize = 1_000;

/// A map of limited size that creates its values at first use.
pub(crate) struct BoundedMap<K, V> {
    entries: RwLock<HashMap<K, Entry<V>>>,
    /// Counts the lookups.
    tick: AtomicU64,
}

struct Entry<V> {
    value: Arc<V>,
    used: AtomicU64,
}

/// The result of a lookup.
pub(crate) struct Found<V> {
    pub(crate) value: Arc<V>,
    /// Whether it evicted a live entry.
    pub(crate) evicts_live: bool,
}

impl<K: Clone + Eq + Hash, V: Default> BoundedMap<K, V> {
    /// Returns the value of a key. A new one evicts the least recently used.
    pub(crate) fn get_or_default<Q>(&self, key: &Q) -> Arc<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        self.lookup(key, |_| true).value
    }

    /// Like [`get_or_default`](Self::get_or_default), but evicts entries first that are not live.
    pub(crate) fn lookup<Q>(&self, key: &Q, is_live: impl Fn(&V) -> bool) -> Found<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let now = self.tick.fetch_add(1, Ordering::Relaxed);
        let known = self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key).map(|entry| entry.use_at(now));
        match known {
            Some(value) => Found { value, evicts_live: false },
            None => self.insert(key.to_owned(), now, is_live),
        }
    }

    fn insert(&self, key: K, now: u64, is_live: impl Fn(&V) -> bool) -> Found<V> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = entries.get(&key) {
            return Found { value: known.use_at(now), evicts_live: false };
        }
        let mut evicts_live = false;
        while entries.len() >= MAX_ENTRIES {
            let worth = |entry: &Entry<V>| (is_live(&entry.value), entry.used.load(Ordering::Relaxed));
            let least = entries.iter().map(|(key, entry)| (worth(entry), key)).min_by_key(|(worth, _)| *worth);
            let Some(((is_live, _), least)) = least else { break };
            evicts_live |= is_live;
            let least = least.clone();
            entries.remove(&least);
        }
        let value = Arc::new(V::default());
        entries.insert(key, Entry { value: value.clone(), used: AtomicU64::new(now) });
        Found { value, evicts_live }
    }
}

impl<V> Entry<V> {
    fn use_at(&self, now: u64) -> Arc<V> {
        self.used.store(now, Ordering::Relaxed);
        self.value.clone()
    }
}

impl<K, V> Default for BoundedMap<K, V> {
    fn default() -> Self {
        Self { entries: RwLock::default(), tick: AtomicU64::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_entry_evicts_the_least_recently_used() {
        let map = BoundedMap::<String, AtomicU64>::default();
        for n in 0..5_000 {
            map.get_or_default(n.to_string().as_str()).store(n + 1, Ordering::Relaxed);
            map.get_or_default("0");
        }
        assert_eq!(map.entries.read().unwrap().len(), MAX_ENTRIES);
        assert_eq!(map.get_or_default("4999").load(Ordering::Relaxed), 5_000);
        assert_eq!(map.get_or_default("0").load(Ordering::Relaxed), 1, "it is in use");
        assert_eq!(map.get_or_default("1").load(Ordering::Relaxed), 0, "it was evicted");
    }

    #[test]
    fn entries_that_are_not_live_are_evicted_first() {
        let map = BoundedMap::<String, AtomicU64>::default();
        let find = |n: u64| map.lookup(n.to_string().as_str(), |value| value.load(Ordering::Relaxed) > 0);
        for n in 0..1_000 {
            find(n).value.store(u64::from(n != 500), Ordering::Relaxed);
        }
        let (first, second) = (find(1_000), find(1_001));
        assert!(!first.evicts_live && find(0).value.load(Ordering::Relaxed) == 1);
        assert!(!second.evicts_live, "the newest entry is not live yet");
        find(1_001).value.store(1, Ordering::Relaxed);
        assert!(find(1_002).evicts_live);
        assert_eq!(find(1).value.load(Ordering::Relaxed), 0, "the least recently used was evicted");
    }
}
