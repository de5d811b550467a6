//! The records of a task for its report.

mod call_record;
mod task_record;

pub use call_record::{AttemptRecord, CallRecord, ChargeRecord, PricedAs};
pub use task_record::{Elided, Record, RemoteRecord, ScopeRecord, TaskRecord};
