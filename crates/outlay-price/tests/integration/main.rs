//! Outlay's prices, as a user of the crate sees them.

mod allocations;
mod golden;
mod properties;
mod regions;
mod table;
