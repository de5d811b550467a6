use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::message_text::shown;

/// The error for a call that was refused because its task is stopped. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call to `{}` was refused: {} is stopped: {}", shown(&.0.model), .0.what, .0.reason.text)]
pub struct Stopped(Box<Details>);

/// Boxed to keep results that contain it small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Details {
    what: Arc<str>,
    reason: StopReason,
    model: Arc<str>,
}

/// The reason of a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StopReason {
    pub(crate) text: Arc<str>,
    /// A number that distinguishes two stops with the same reason.
    serial: u64,
}

impl StopReason {
    pub(crate) fn new(text: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { text: bounded_reason(text), serial: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Stopped {
    /// Returns what is stopped: a task by its name, or a kind of tasks.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// Returns the reason that was given for the stop.
    pub fn reason(&self) -> &str {
        &self.0.reason.text
    }

    /// Returns the number of the stop.
    pub(crate) fn serial(&self) -> u64 {
        self.0.reason.serial
    }

    /// Returns the requested model.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.what
    }

    pub(crate) fn new(what: &Arc<str>, reason: &StopReason, model: &Arc<str>) -> Self {
        Self(Box::new(Details { what: what.clone(), reason: reason.clone(), model: model.clone() }))
    }
}

/// Returns the reason without control characters, cut to 256 characters, so that it cannot break logs and spans.
fn bounded_reason(reason: &str) -> Arc<str> {
    let reason: String = reason.trim().chars().filter(|c| !c.is_control()).take(256).collect();
    if reason.is_empty() { "no reason given".into() } else { reason.into() }
}
