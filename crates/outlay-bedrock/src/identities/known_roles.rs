use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The maximum number of roles that are remembered. A further one is treated as new each time.
const MAX_ROLES: usize = 1_000;

/// What is known of each role from the answers of STS.
#[derive(Debug, Default)]
pub(super) struct KnownRoles(Mutex<HashMap<Arc<str>, KnownRole>>);

/// What is known of a role from the answers of STS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KnownRole {
    /// Whether it allows at most an hour.
    pub(super) max_one_hour: bool,
    /// Whether a failure to assume it has been logged.
    pub(super) warned: bool,
    /// Whether it has been logged that it is assumed without tags.
    pub(super) warned_of_tags: bool,
}

impl KnownRoles {
    pub(super) fn get(&self, role: &str) -> KnownRole {
        self.lock().get(role).copied().unwrap_or_default()
    }

    /// Changes what is known of a role. Returns the previous value.
    pub(super) fn update(&self, role: &Arc<str>, change: impl FnOnce(&mut KnownRole)) -> KnownRole {
        let mut roles = self.lock();
        let before = roles.get(role).copied().unwrap_or_default();
        let mut after = before;
        change(&mut after);
        if after != before && (roles.len() < MAX_ROLES || roles.contains_key(role)) {
            roles.insert(role.clone(), after);
        }
        before
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, KnownRole>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
