//! Tests of shared budgets on a real Redis. They need `OUTLAY_INDEPENDENT=1`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests may panic and print"
)]

mod calls;
mod concurrency;
mod corrupt_data;
mod dead_processes;
mod healthy_redis;
mod in_process_model;
mod load;
mod outages;
mod partial_outages;
mod process;
mod proxy;
mod rollbacks;
mod server;
