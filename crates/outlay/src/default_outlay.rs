//! The default `Outlay`.

use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use outlay_otel::{Engine, TracedScope, current};

static DEFAULT: Mutex<Option<Engine>> = Mutex::new(None);

/// Makes `engine` the default if there is none yet.
pub(crate) fn set_first(engine: &Engine) {
    DEFAULT.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| engine.clone());
}

pub(crate) fn set(engine: &Engine) {
    *DEFAULT.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine.clone());
}

/// Returns the current scope, else the default's scope for work outside any task, with `function` and `at` as its place;
/// `None` before any `Outlay` is built.
pub(crate) fn current_or_outside(function: &str, at: &Location<'_>) -> Option<TracedScope> {
    current().or_else(|| {
        let default = DEFAULT.lock().unwrap_or_else(PoisonError::into_inner).clone();
        default.map(|engine| engine.scope_outside_tasks(function, at))
    })
}
