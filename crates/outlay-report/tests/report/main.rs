//! What a report looks like, from real ledgers.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod fixture;

mod amounts;
mod course;
mod example;
mod limits;
mod names;
mod properties;
mod remote;
mod repriced;
