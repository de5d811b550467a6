use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashSet;

/// As many distinct principals are on metrics; what comes beyond is `other`.
const MAX_PRINCIPALS: usize = 200;

/// The principals that have been on metrics.
#[derive(Debug, Default)]
pub(super) struct PrincipalNames(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    names: HashSet<Arc<str>>,
    latest: Option<Arc<str>>,
}

impl PrincipalNames {
    /// What a principal goes by on metrics.
    pub(super) fn on_metrics(&self, principal: &Arc<str>) -> Arc<str> {
        let mut known = self.lock();
        let is_new = !known.names.contains(principal);
        if is_new && known.names.len() >= MAX_PRINCIPALS {
            return Arc::from("other");
        }
        if is_new {
            known.names.insert(principal.clone());
        }
        if known.latest.as_ref() != Some(principal) {
            known.latest = Some(principal.clone());
        }
        principal.clone()
    }

    /// The one that was on metrics last: whose the next call most likely is.
    pub(super) fn latest(&self) -> Option<Arc<str>> {
        self.lock().latest.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_beyond_the_cap_are_one() {
        let names = PrincipalNames::default();
        let on_metrics = |n: usize| names.on_metrics(&n.to_string().into());
        for n in 0..MAX_PRINCIPALS {
            assert_eq!(*on_metrics(n), *n.to_string());
        }
        assert_eq!(*on_metrics(MAX_PRINCIPALS), *"other");
        assert_eq!(*on_metrics(7), *"7");
        assert_eq!(names.latest().as_deref(), Some("7"));
    }
}
