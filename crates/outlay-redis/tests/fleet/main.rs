//! Budgets that processes share, on a real Redis: with `OUTLAY_INDEPENDENT=1`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests say what they do"
)]

mod basics;
mod calls;
mod crash;
mod crowd;
mod damage;
mod load;
mod model;
mod older_data;
mod partly;
mod process;
mod proxy;
mod server;
mod trouble;
