//! Tasks, agents and steps with their spans, and the current scope.

mod charge_span;
mod close_task;
mod current;
mod identity;
mod open_scope;
mod scope_span;
mod span_totals;
mod traced_scope;

pub use current::{InScope, ScopeGuard, current};
pub(crate) use identity::push_own_identity;
pub use open_scope::{EnteredScope, OpenScope, OwnedEnteredScope};
pub use traced_scope::TracedScope;
