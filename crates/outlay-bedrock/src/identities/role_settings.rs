use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::choose_role::ChooseRole;

#[derive(Clone, Debug)]
pub(super) struct RoleSettings {
    pub(super) choose: ChooseRole,
    pub(super) tags: Vec<Arc<str>>,
    pub(super) duration: Duration,
    pub(super) max_wait: Duration,
    pub(super) token_file: Option<PathBuf>,
}
