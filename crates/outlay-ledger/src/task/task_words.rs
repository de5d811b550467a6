//! The words of a task that rules are compared with: its name, its conversation and its dimensions.

use std::sync::Arc;

use super::bounded_name::scope_name;
use super::dimensions::{Dimensions, clean, clean_key};

/// The key of a word of a task, as the task has it.
pub(crate) fn clean_word_key(key: &str) -> Arc<str> {
    clean_key(key).unwrap_or_default()
}

/// A word of a task, as the task has it: what is compared with it has to be cleaned in the same way.
pub(crate) fn clean_word(key: &str, value: &str) -> (Arc<str>, Arc<str>) {
    let key = clean_word_key(key);
    let value = match &*key {
        "task" => scope_name(value),
        "conversation" => value.into(),
        _ => clean(value).unwrap_or_default(),
    };
    (key, value)
}

/// What rules know a task by.
pub(crate) struct TaskWords<'a> {
    pub(crate) name: &'a str,
    pub(crate) conversation: Option<&'a str>,
    pub(crate) dimensions: &'a Dimensions,
}

impl<'a> TaskWords<'a> {
    /// The `task` name, the `conversation`, or else a dimension.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        match key {
            "task" => Some(self.name),
            "conversation" => self.conversation,
            dimension => self.dimensions.named(dimension).map(|value| &**value),
        }
    }
}
