//! Shared code of the benchmarks: a client without a network, exporters that discard, and paired medians.

mod client;
mod measure;
mod telemetry;

pub use client::{Chunks, client, replay, sts};
pub use measure::{Paired, median, paired};
pub use telemetry::Sink;
