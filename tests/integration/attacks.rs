//! Misuse and extreme inputs that the ledger must withstand.

mod extremes;
mod interceptors;
mod large_tasks;
mod panics;
mod settling;
mod sources;
