use std::sync::{Arc, Mutex, PoisonError};

use crate::usage::EventBytes;

/// The bytes that a session has sent so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct SentEvents(Arc<Mutex<EventBytes>>);

impl SentEvents {
    pub(crate) fn so_far(&self) -> EventBytes {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, bytes: EventBytes) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sent = sent.and(bytes);
    }
}
