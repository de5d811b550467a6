use std::fmt;

use uuid::Uuid;

use crate::callback::{Guarded, guarded};

/// A source of ids for a ledger. Tests inject their own.
pub trait IdSource: fmt::Debug + Send + Sync {
    /// Returns an id that is new in this process.
    fn next_id(&self) -> Uuid;
}

/// Version 7 UUIDs: globally unique, and sorted by time.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeOrderedIds;

impl IdSource for TimeOrderedIds {
    fn next_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

impl<T: IdSource> IdSource for Guarded<T> {
    fn next_id(&self) -> Uuid {
        guarded(|| self.0.next_id()).unwrap_or_else(|| TimeOrderedIds.next_id())
    }
}
