use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashSet;

/// The maximum number of distinct principals on metrics. Further ones are `other`.
const MAX_PRINCIPALS: usize = 200;

/// The principals that have been on metrics.
#[derive(Debug, Default)]
pub(super) struct PrincipalNames(Mutex<HashSet<Arc<str>>>);

impl PrincipalNames {
    /// Returns the name of a principal on metrics.
    pub(super) fn on_metrics(&self, principal: &Arc<str>) -> Arc<str> {
        let mut known = self.lock();
        if !known.contains(principal) {
            if known.len() >= MAX_PRINCIPALS {
                return Arc::from("other");
            }
            known.insert(principal.clone());
        }
        principal.clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_beyond_the_cap_are_other() {
        let names = PrincipalNames::default();
        let on_metrics = |n: usize| names.on_metrics(&n.to_string().into());
        for n in 0..MAX_PRINCIPALS {
            assert_eq!(*on_metrics(n), *n.to_string());
        }
        assert_eq!(*on_metrics(MAX_PRINCIPALS), *"other");
        assert_eq!(*on_metrics(7), *"7");
    }
}
