//! What the functions of scopes return: futures and guards.

pub use outlay_otel::InScope;

pub use crate::run::{Run, TaskRun, TryRun};
pub use crate::scope_builder::ScopeEntered;
pub use crate::task::TaskEntered;
