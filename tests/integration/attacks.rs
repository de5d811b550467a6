//! Misuse and extreme inputs that the ledger must withstand.

mod extremes;
mod interceptors;
mod large_tasks;
mod misleading_usage;
mod panics;
mod settling;
