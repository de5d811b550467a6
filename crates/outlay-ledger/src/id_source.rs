use std::fmt;

use uuid::Uuid;

use crate::callback::{Guarded, guarded};

/// Where a ledger takes its ids from. Tests inject their own.
pub trait IdSource: fmt::Debug + Send + Sync {
    /// An id that this process has not had before.
    fn next_id(&self) -> Uuid;
}

/// UUIDs of version 7: unique everywhere, and sorted by time.
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
