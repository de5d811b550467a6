//! Code that was handed a scope to run in elsewhere, and may yet make calls there.

use std::fmt;

use super::Scope;
use super::scope_state::ScopeState;
use crate::sync::lock;

/// Keeps a scope open, up to its late limit, until it is dropped.
pub struct Hold(Scope);

impl Scope {
    /// Keeps the scope open for code that runs elsewhere, where another process waits for what the task costs: it is told
    /// once, and that should be all. Any other task ends with its own code, its calls and its children.
    pub fn hold(&self) -> Option<Hold> {
        let is_waited_for =
            self.0.task.chain().any(|task| task.caller.as_ref().is_some_and(|c| c.remote_id().is_some()));
        if !is_waited_for {
            return None;
        }
        let (scope, is_open) = self.take_in(ScopeState::hold, ScopeState::release);
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
