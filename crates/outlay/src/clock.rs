//! The clock and the source of ids, for tests and simulations.

pub use outlay_ledger::{Clock, IdSource, SystemClock, TimeOrderedIds};
