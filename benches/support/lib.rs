//! Shared code of the benchmarks: a client without a network, exporters that discard, and paired medians.
//!
//! `cargo bench -p outlay-benches` measures. `cargo test -p outlay-benches --bench '*'` runs each benchmark once, with
//! less to do, and prints NaN for most times.

mod client;
mod measure;
mod telemetry;

pub use client::{Chunks, client, replay, sts};
pub use measure::{Paired, measures, median, paired, rounds};
pub use telemetry::Sink;
