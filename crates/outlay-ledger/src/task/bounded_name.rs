//! Names of tasks, agents, steps and charges, fit for a metric attribute.

use std::sync::Arc;

/// Names of tasks, agents and kinds hold at most this many characters: they become metric attributes.
pub(crate) const MAX_NAME: usize = 64;

/// `name` on one line, without control characters, cut to what a metric attribute may hold.
pub(crate) fn bounded_name(name: &str) -> Arc<str> {
    let one_line = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let clean: String = one_line.filter(|c| !c.is_control()).take(MAX_NAME).collect();
    Arc::from(clean.trim())
}

/// The name that a scope or a charge goes by.
pub(crate) fn scope_name(name: &str) -> Arc<str> {
    let name = bounded_name(name.trim_start());
    if name.is_empty() { Arc::from("unnamed") } else { name }
}
