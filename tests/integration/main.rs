//! The integration tests. They call a simulator with the real SDK client and check totals, spans and metrics.
#![allow(missing_docs, clippy::unwrap_used, reason = "a panic fails the test")]

mod attacks;
mod attempts;
mod attribution;
mod budgets;
mod conservation;
mod control_plane;
mod conventions;
mod deep_trees;
mod ends;
mod gauges;
mod identity;
mod jaeger;
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
mod span_times;
mod spans;
mod stops;
mod streams;
mod transparency;
mod usage_sources;
mod viewers;
