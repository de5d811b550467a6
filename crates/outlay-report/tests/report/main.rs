//! Reports of tasks from real ledgers.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod fixture;

mod example;
mod hostile_names;
mod large_tasks;
mod properties;
mod remote;
mod repriced;
mod task_events;
mod unknown_amounts;
