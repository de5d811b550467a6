use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// As many roles are told apart; beyond it each is taken to be new.
const MAX_ROLES: usize = 1_000;

/// What has been learned of roles.
#[derive(Debug, Default)]
pub(super) struct Roles(Mutex<HashMap<Arc<str>, Learned>>);

/// What has been learned of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Learned {
    /// It gives no more than an hour.
    pub(super) an_hour: bool,
    /// It has been told that it cannot be assumed.
    pub(super) told: bool,
    /// It has been told that it takes no tags.
    pub(super) told_of_tags: bool,
}

impl Roles {
    pub(super) fn of(&self, role: &str) -> Learned {
        self.lock().get(role).copied().unwrap_or_default()
    }

    /// Changes what is known of a role, and gives what was.
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
