//! Finds the scope that a call, a charge or a step belongs to.

use std::panic::Location;

use super::Engine;
use crate::registry::OutsideTasks;
use crate::scope::{TracedScope, current};

impl Engine {
    /// Returns the scope for a call that is made now: the current scope, else this engine's scope for calls outside any
    /// task. The engine of that scope serves the call, see [`Engine::of`].
    pub fn scope_of_call(&self) -> TracedScope {
        let Some(scope) = current() else { return self.unattributed_scope() };
        self.refusing_scope(&scope).unwrap_or(scope)
    }

    /// Returns the scope for work outside any task that calls Outlay's `function` at `at`. Warns once for each place,
    /// unless such work is allowed.
    pub fn scope_outside_tasks(&self, function: &str, at: &Location<'_>) -> TracedScope {
        // A function that is passed to the standard library, for example to `map`, is called from there.
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

    /// Returns this engine's scope at the same place if `scope` is outside any task of another engine and this engine
    /// refuses such calls. A call is refused if either of the two engines refuses it.
    fn refusing_scope(&self, scope: &TracedScope) -> Option<TracedScope> {
        let refuses = self.0.outside.rule == OutsideTasks::Refuse;
        let is_foreign = !scope.belongs_to(&self.0) && scope.is_unattributed();
        (refuses && is_foreign).then(|| match scope.site() {
            Some(site) => TracedScope::at_site(self.0.clone(), site.clone()),
            None => self.unattributed_scope(),
        })
    }
}
