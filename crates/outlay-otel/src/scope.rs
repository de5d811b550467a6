//! Tasks, agents and steps with their spans, and the current scope.

mod charge_span;
mod current;
mod open_scope;
mod record_closed_task;
mod scope_attributes;
mod scope_span;
mod span_totals;
mod token_of_task;
mod traced_scope;

pub use current::{InScope, ScopeGuard, current};
pub use open_scope::{EnteredScope, OpenScope, OwnedEnteredScope};
pub(crate) use scope_attributes::push_own_identity;
pub use traced_scope::TracedScope;
