//! Tests of the crate's public interface.

mod allocations;
mod golden;
mod properties;
mod regions;
mod table;
