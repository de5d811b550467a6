//! Names of tasks, agents, steps and charges, bounded for use as metric attributes.

use std::sync::Arc;

/// The maximum number of characters in a name. Names become metric attributes.
pub(crate) const MAX_NAME: usize = 64;

/// Returns `name` on one line, without control characters, cut to [`MAX_NAME`].
pub(crate) fn bounded_name(name: &str) -> Arc<str> {
    let one_line = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let clean: String = one_line.filter(|c| !c.is_control()).take(MAX_NAME).collect();
    Arc::from(clean.trim())
}

/// Returns the name of a scope or a charge: bounded, and `unnamed` if it is empty.
pub(crate) fn scope_name(name: &str) -> Arc<str> {
    let name = bounded_name(name.trim_start());
    if name.is_empty() { Arc::from("unnamed") } else { name }
}
