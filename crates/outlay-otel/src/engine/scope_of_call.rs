//! Which scope a call, a charge or a step belongs to.

use std::panic::Location;

use super::Engine;
use crate::registry::OutsideTasks;
use crate::scope::{TracedScope, current};

impl Engine {
    /// Returns the scope that a call made here and now belongs to: the current scope, else this engine's scope for calls
    /// outside any task. The scope's own engine serves the call, see [`Engine::of`].
    pub fn scope_of_call(&self) -> TracedScope {
        let Some(scope) = current() else { return self.unattributed_scope() };
        self.refusing(&scope).unwrap_or(scope)
    }

    /// Returns the scope for work outside any task that begins with a call of our `function` at `at`. Warns of each place
    /// once, unless such work is allowed.
    pub fn scope_outside_tasks(&self, function: &str, at: &Location<'_>) -> TracedScope {
        // A function that is passed to the standard library, such as to `map`, is called from there.
        let site = match at.file().starts_with("/rustc/") {
            true => format!("{function}, called by the standard library"),
            false => format!("{function} ({}:{})", at.file(), at.line()),
        };
        let site = self.0.texts.intern(&site);
        self.0.outside.warn_of(&site);
        TracedScope::at_site(self.0.clone(), site)
    }

    /// Returns the scope of calls outside any task.
    pub fn unattributed_scope(&self) -> TracedScope {
        TracedScope::new(self.0.clone(), self.0.ledger.unattributed().clone(), None)
    }

    /// Returns this engine's scope at the same place, if `scope` is outside any task of another engine and this one refuses
    /// calls there. If either of the two refuses a call, it is refused.
    fn refusing(&self, scope: &TracedScope) -> Option<TracedScope> {
        let refuses = self.0.outside.rule == OutsideTasks::Refuse;
        let is_others = !scope.is_of(&self.0) && scope.is_unattributed();
        (refuses && is_others).then(|| match scope.site() {
            Some(site) => TracedScope::at_site(self.0.clone(), site.clone()),
            None => self.unattributed_scope(),
        })
    }
}
