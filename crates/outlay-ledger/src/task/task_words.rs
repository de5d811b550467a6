//! The properties of a task that rules match: its name, its conversation and its dimensions.

use std::sync::Arc;

use super::bounded_name::scope_name;
use super::dimensions::{Dimensions, clean, clean_key};

/// Returns a key, cleaned as tasks clean theirs.
pub(crate) fn clean_word_key(key: &str) -> Arc<str> {
    clean_key(key).unwrap_or_default()
}

/// Returns a key and a value, cleaned as tasks clean theirs, so that rules compare equal.
pub(crate) fn clean_word(key: &str, value: &str) -> (Arc<str>, Arc<str>) {
    let key = clean_word_key(key);
    let value = match &*key {
        "task" => scope_name(value),
        "conversation" => value.into(),
        _ => clean(value).unwrap_or_default(),
    };
    (key, value)
}

/// The properties of a task that rules match.
pub(crate) struct TaskWords<'a> {
    pub(crate) name: &'a str,
    pub(crate) conversation: Option<&'a str>,
    pub(crate) dimensions: &'a Dimensions,
}

impl<'a> TaskWords<'a> {
    /// Returns the name for `task`, the conversation for `conversation`, or else the dimension `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        match key {
            "task" => Some(self.name),
            "conversation" => self.conversation,
            dimension => self.dimensions.named(dimension).map(|value| &**value),
        }
    }
}
