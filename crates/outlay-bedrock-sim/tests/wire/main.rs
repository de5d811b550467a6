//! Tests of the simulator over raw HTTP.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod binary;
mod client;
mod converse;
mod errors;
mod faults;
mod invoke;
mod queues;
mod requests;
mod scripts;
mod server;
mod streams;
