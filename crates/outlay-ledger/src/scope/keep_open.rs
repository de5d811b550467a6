//! Holds for code that runs elsewhere in a scope and may still make calls there.

use std::fmt;

use super::Scope;
use super::scope_state::ScopeState;
use crate::sync::lock;

/// A guard that keeps a scope open until it is dropped, up to the late limit.
pub struct Hold(Scope);

impl Scope {
    /// Keeps the scope open for code that runs elsewhere. Returns `None` unless another process waits for the task's
    /// receipt, which is sent once and should be complete. Any other task ends with its own code, its calls and its
    /// children.
    pub fn hold(&self) -> Option<Hold> {
        let is_awaited = self.0.task.chain().any(|task| task.caller.as_ref().is_some_and(|c| c.remote_id().is_some()));
        if !is_awaited {
            return None;
        }
        let (scope, is_open) = self.enter_open_ancestor(ScopeState::hold, ScopeState::release);
        let hold = Hold(scope);
        is_open.then_some(hold)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        lock(&self.0.0.state).release();
        self.0.close_if_settled();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hold").field(&self.0).finish()
    }
}
