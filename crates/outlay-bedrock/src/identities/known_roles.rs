use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The maximum number of roles that are remembered. A further one is treated as new each time.
const MAX_ROLES: usize = 1_000;

/// What STS's answers have shown of each role.
#[derive(Debug, Default)]
pub(super) struct Roles(Mutex<HashMap<Arc<str>, Learned>>);

/// What STS's answers have shown of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Learned {
    /// Whether it allows at most an hour.
    pub(super) an_hour: bool,
    /// Whether a failure to assume it has been logged.
    pub(super) told: bool,
    /// Whether it has been logged that it is assumed without tags.
    pub(super) told_of_tags: bool,
}

impl Roles {
    pub(super) fn of(&self, role: &str) -> Learned {
        self.lock().get(role).copied().unwrap_or_default()
    }

    /// Changes what is known of a role. Returns the previous value.
    pub(super) fn learn(&self, role: &Arc<str>, change: impl FnOnce(&mut Learned)) -> Learned {
        let mut roles = self.lock();
        let before = roles.get(role).copied().unwrap_or_default();
        let mut after = before;
        change(&mut after);
        if after != before && (roles.len() < MAX_ROLES || roles.contains_key(role)) {
            roles.insert(role.clone(), after);
        }
        before
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Learned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
