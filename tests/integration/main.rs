//! The integration tests: the real SDK client against a simulator, and what comes out of it.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod attacks;
mod attempts;
mod attribution;
mod budgets;
mod conservation;
mod control_plane;
mod deep_trees;
mod ends;
mod identity;
mod metering;
mod metrics;
mod ministack;
mod operations;
mod otlp_wire;
mod outcomes;
mod outside_tasks;
mod policy;
mod prometheus;
mod propagation;
mod refusals;
mod request_metadata;
mod rig;
mod roll_up;
mod scopes;
mod settlement;
mod spans;
mod stops;
mod streams;
mod transparency;
mod usage_sources;
