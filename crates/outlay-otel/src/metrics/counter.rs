//! Counters with exact sums, which are reported when metrics are collected.

use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use opentelemetry::KeyValue;
use opentelemetry::metrics::AsyncInstrument;
use outlay_price::Usd;

/// The maximum number of series with all labels, well below the SDK's own cap of 2,000. Further ones are summed under fewer
/// labels.
pub(super) const MAX_SERIES: usize = 1_000;
/// The maximum number of additional series with fewer labels.
pub(super) const MAX_OVERFLOW: usize = 500;

/// The labels that identify a series.
pub(super) trait Labels: Clone + Eq + Hash {
    fn push(&self, attributes: &mut Vec<KeyValue>);

    /// Returns the labels of the series for what is beyond the cap.
    fn overflow(&self) -> Self;

    /// Returns the labels of the series for what has no room in the overflow series.
    fn rest(&self) -> Self {
        self.overflow()
    }
}

/// A sum of counts or of money.
pub(super) trait Sum: Copy + Default + Send + 'static {
    fn add(self, other: Self) -> Self;
}

impl Sum for u64 {
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl Sum for Usd {
    fn add(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

/// The series of one counter, or of several with the same labels.
#[derive(Debug)]
pub(super) struct Counters<L, V>(Mutex<HashMap<L, V>>);

impl<L, V> Default for Counters<L, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<L: Labels + Send + 'static, V: Sum> Counters<L, V> {
    /// Adds to a series. Adding zero starts the series.
    pub(super) fn add(&self, labels: L, value: V) {
        let mut series = lock(&self.0);
        if let Some(sum) = series.get_mut(&labels) {
            *sum = sum.add(value);
            return;
        }
        let labels = if series.len() < MAX_SERIES {
            labels
        } else {
            let overflow = labels.overflow();
            let has_room = series.len() < MAX_SERIES + MAX_OVERFLOW || series.contains_key(&overflow);
            if has_room { overflow } else { labels.rest() }
        };
        let sum = series.entry(labels).or_default();
        *sum = sum.add(value);
    }

    pub(super) fn contains(&self, labels: &L) -> bool {
        lock(&self.0).contains_key(labels)
    }
}

impl<L: Clone + Eq + Hash, V: Sum> Counters<L, V> {
    /// Adds the sums of these series to those of several engines.
    pub(super) fn add_to(&self, all: &mut HashMap<L, V>) {
        for (labels, sum) in &*lock(&self.0) {
            match all.get_mut(labels) {
                Some(known) => *known = known.add(*sum),
                None => drop(all.insert(labels.clone(), *sum)),
            }
        }
    }
}

/// Observes the sums of all series that have a `value`.
pub(super) fn observe<L: Labels, V: Sum, T>(
    series: HashMap<L, V>,
    observer: &dyn AsyncInstrument<T>,
    value: impl Fn(V) -> Option<T>,
) {
    let mut attributes = Vec::with_capacity(8);
    for (labels, sum) in series {
        let Some(value) = value(sum) else { continue };
        attributes.clear();
        labels.push(&mut attributes);
        observer.observe(value, &attributes);
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Number(u32);

    impl Labels for Number {
        fn push(&self, attributes: &mut Vec<KeyValue>) {
            attributes.push(KeyValue::new("n", i64::from(self.0)));
        }

        fn overflow(&self) -> Self {
            Self(u32::MAX)
        }
    }

    #[test]
    fn series_beyond_the_cap_are_summed_together() {
        let counters = Counters::<Number, u64>::default();
        for n in 0..5_000 {
            counters.add(Number(n), 1);
        }
        let series = lock(&counters.0);
        assert_eq!(series.len(), MAX_SERIES + 1);
        assert_eq!(series.values().sum::<u64>(), 5_000);
        assert_eq!(series[&Number(u32::MAX)], 4_000);
    }
}
